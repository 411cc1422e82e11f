/** Real servers, asked for their time by their own clients: −600 s, and back. */
import { expect, test } from "vitest";
import { inject, recover, report, timeskew } from "../support/cli.ts";
import { bracket, difference, distance, MICROSECOND, MINUTE, SECOND } from "../support/clock.ts";
import { isRoot, needPrograms, needTracing, userId } from "../support/needs.ts";
import { startNginx } from "../support/servers/nginx.ts";
import { POSTGRES_USER, startPostgres } from "../support/servers/postgres.ts";
import { startRedis } from "../support/servers/redis.ts";

const SKEW = -10n * MINUTE;

/** How far a clock, cut to `unit`, is from the truth moved by `skew`: 0n is right. */
async function error(wallClock: () => Promise<bigint>, unit: bigint, skew: bigint): Promise<bigint> {
  const { value, wall } = await bracket(wallClock);
  return distance(difference(value, unit, wall), skew);
}

test("Redis: TIME", async (context) => {
  const [program = ""] = needPrograms(context, "redis-server", "setpriv");
  needTracing(context);
  await using redis = await startRedis(program);
  expect(await error(redis.wallClock, MICROSECOND, 0n)).toBe(0n);
  await inject(redis.pid, "--offset", "-600s");
  expect(await error(redis.wallClock, MICROSECOND, SKEW)).toBe(0n);
  await recover(redis.pid);
  expect(await error(redis.wallClock, MICROSECOND, 0n)).toBe(0n);
});

test("nginx: the Date header of each worker", async (context) => {
  const [program = ""] = needPrograms(context, "nginx", "setpriv");
  needTracing(context);
  await using nginx = await startNginx(program);
  const pids = nginx.workers.flatMap((pid) => ["--pid", String(pid)]);
  const expectSkew = async (skew: bigint) => {
    for (let i = 0; i < 10; i++) {
      const { value, wall } = await bracket(nginx.wallClock);
      expect(nginx.workers).toContain(value.worker);
      expect(distance(difference(value.wall, SECOND, wall), skew)).toBe(0n);
    }
  };

  await expectSkew(0n);
  const injected = await timeskew("inject", "--json", "--offset", "-600s", ...pids);
  expect(injected).toMatchObject({ code: 0 });
  expect(report(injected).targets).toMatchObject(nginx.workers.map((pid) => ({ pid, state: "skewed" })));
  await expectSkew(SKEW);
  expect(await timeskew("recover", ...pids)).toMatchObject({ code: 0 });
  await expectSkew(0n);
});

test("PostgreSQL: a new connection reads the postmaster's time, an old one keeps its own", async (context) => {
  const [postgres = "", initdb = "", psql = ""] = needPrograms(
    context,
    "postgres",
    "initdb",
    "psql",
    "setpriv",
  );
  needTracing(context);
  if (isRoot && userId(POSTGRES_USER) === undefined) context.skip(`needs a user ${POSTGRES_USER}`);
  await using server = await startPostgres({ postgres, initdb, psql });
  await using early = await server.connect();
  expect(await error(server.wallClock, MICROSECOND, 0n)).toBe(0n);

  await inject(server.pid, "--offset", "-600s");
  expect(await error(server.wallClock, MICROSECOND, SKEW)).toBe(0n);
  expect(await error(early.wallClock, MICROSECOND, 0n)).toBe(0n);
  await using late = await server.connect();

  await recover(server.pid);
  expect(await error(server.wallClock, MICROSECOND, 0n)).toBe(0n);
  expect(await error(late.wallClock, MICROSECOND, SKEW)).toBe(0n);
  await recover(late.pid);
  expect(await error(late.wallClock, MICROSECOND, 0n)).toBe(0n);
});
