/**
 * Servers with a wrong wall clock wait as long as they were asked to, and do nothing while there is nothing to do. How
 * long is measured here, by this process, whose clock is right.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { inject, recover } from "../support/cli.ts";
import { bracket, difference, distance, MICROSECOND, MINUTE } from "../support/clock.ts";
import { judgeTogether } from "../support/durations.ts";
import { isRoot, needPrograms, needTracing, userId } from "../support/needs.ts";
import { cpuSeconds } from "../support/proc.ts";
import { type MariaDbConnection, startMariaDb } from "../support/servers/mariadb.ts";
import { POSTGRES_USER, startPostgres } from "../support/servers/postgres.ts";
import { startRedis } from "../support/servers/redis.ts";
import { waitFor } from "../support/wait.ts";

const SKEWS = [
  { offset: "-600s", skew: -10n * MINUTE },
  { offset: "600s", skew: 10n * MINUTE },
];

/** A server that asks again and again uses many times this share of a processor, an idle one hardly any. */
const BUSY = 0.05;

async function expectSkew(clock: { wallClock(): Promise<bigint> }, skew: bigint): Promise<void> {
  const { value, wall } = await bracket(() => clock.wallClock());
  expect(distance(difference(value, MICROSECOND, wall), skew)).toBe(0n);
}

/** A wait that must end as if nothing had come of it. */
function asks(connection: { ask(line: string): Promise<string> }, line: string, answer: string) {
  return async () => expect(await connection.ask(line), line).toBe(answer);
}

describe.for(SKEWS)("at $offset", ({ offset, skew }) => {
  test("MariaDB", async (context) => {
    const [mariadbd = "", mariadb = ""] = needPrograms(context, "mariadbd", "mariadb", "setpriv");
    needTracing(context);
    await using server = await startMariaDb({ mariadbd, mariadb });
    await using holder = await server.connect();
    await using idle = await server.connect();
    await hold(holder);
    const calm = await busyness(server.pid);

    await inject(server.pid, "--offset", offset);
    await using fresh = await server.connect();
    for (const connection of [idle, fresh]) await expectSkew(connection, skew);
    await waitFor("it to be as calm", async () => (await busyness(server.pid)) < calm + BUSY);
    await using second = await server.connect();
    await using third = await server.connect();
    await using fourth = await server.connect();
    const waits = mariaDbWaits(idle, fresh, second, third, fourth);
    expect(await judgeTogether(waits)).toEqual({});

    await recover(server.pid);
    await expectSkew(idle, 0n);
    // Whether the thread of the statements' timer sleeps for long depends on when its sleep began: it keeps its deadline.
    const { max_statement_time, ...others } = waits;
    expect(await judgeTogether(others)).toEqual({});
  });

  test("PostgreSQL", async (context) => {
    const [postgres = "", initdb = "", psql = ""] = needPrograms(
      context,
      ...["postgres", "initdb", "psql", "setpriv"],
    );
    needTracing(context);
    if (isRoot && userId(POSTGRES_USER) === undefined) context.skip(`needs a user ${POSTGRES_USER}`);
    await using server = await startPostgres({ postgres, initdb, psql });
    await using early = await server.connect();
    expect(await early.ask("create table t (id int); begin; lock table t; select 1;")).toBe("1");
    // The postmaster, and with it the connections from now on.
    await inject(server.pid, "--offset", offset);
    await using first = await server.connect();
    await using second = await server.connect();
    await using third = await server.connect();
    for (const connection of [first, second, third]) await expectSkew(connection, skew);
    expect(
      await judgeTogether({
        "pg_sleep(1)": asks(first, "select pg_sleep(1);", ""),
        statement_timeout: asks(
          second,
          "set statement_timeout = 1000; select pg_sleep(10); \\echo :SQLSTATE",
          "57014",
        ),
        lock_timeout: asks(third, "set lock_timeout = 1000; select * from t; \\echo :SQLSTATE", "55P03"),
        "pg_sleep(1), not skewed": asks(early, "select pg_sleep(1);", ""),
      }),
    ).toEqual({});
  });

  test("Redis", async (context) => {
    const [program = ""] = needPrograms(context, "redis-server", "setpriv");
    needTracing(context);
    await using redis = await startRedis(program);
    await inject(redis.pid, "--offset", offset);
    await expectSkew(redis, skew);
    expect(
      await judgeTogether({
        BLPOP: asks(redis, "BLPOP nothing 1", "*-1"),
        "a key's time to live": async () => {
          expect(await redis.ask("SET key value PX 1000")).toBe("+OK");
          await waitFor("the key's end", async () => (await redis.ask("EXISTS key")) === ":0");
        },
      }),
    ).toEqual({});
  });
});

/** Takes a lock by name, and one of a row. */
async function hold(connection: MariaDbConnection): Promise<void> {
  expect(await connection.ask("select get_lock('held', 0);")).toBe("1");
  const table = "create database d; create table d.t (id int primary key) engine = innodb;";
  const row = "insert into d.t values (1); begin; select id from d.t for update;";
  expect(await connection.ask(`${table} ${row}`)).toBe("1");
}

/** Waits of a second for what another connection holds, and the like; those that fail must fail for that reason. */
function mariaDbWaits(
  idle: MariaDbConnection,
  first: MariaDbConnection,
  second: MariaDbConnection,
  third: MariaDbConnection,
  fourth: MariaDbConnection,
) {
  const error = "get diagnostics condition 1 @error = mysql_errno; select @error;";
  const row = `set innodb_lock_wait_timeout = 1; select id from d.t for update; ${error}`;
  return {
    "sleep(1)": asks(idle, "select sleep(1);", "0"),
    "sleep(1), new connection": asks(first, "select sleep(1);", "0"),
    "get_lock(…, 1)": asks(second, "select get_lock('held', 1);", "0"),
    innodb_lock_wait_timeout: asks(third, row, "1205"),
    max_statement_time: asks(fourth, `set max_statement_time = 1; do sleep(10); ${error}`, "1969"),
  };
}

/** The share of a processor that a process uses while it is left alone, over two seconds. */
async function busyness(pid: number): Promise<number> {
  const [cpu, began] = [cpuSeconds(pid), performance.now()];
  await sleep(2000);
  return (cpuSeconds(pid) - cpu) / ((performance.now() - began) / 1000);
}
