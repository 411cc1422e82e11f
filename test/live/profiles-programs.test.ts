/**
 * What a profile looks like from within programs: the strobe of a millisecond, jitter that a seed repeats, the second in
 * which a 32-bit time ends, a clock that stands still, and leap seconds as Linux makes them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, type TestContext, test } from "vitest";
import { inject, recover, timeskew } from "../support/cli.ts";
import { bracket, MICROSECOND, MILLISECOND, SECOND } from "../support/clock.ts";
import { isRoot, needPrograms, needTracing, userId } from "../support/needs.ts";
import { assemble } from "../support/own.ts";
import * as library from "../support/patient.ts";
import { seriesComplaints, startFollower, type Triple } from "../support/profiles/follower.ts";
import { begun, needSettings } from "../support/profiles/slots.ts";
import { type Watched, watchC } from "../support/profiles/watched.ts";
import { watchRuntime } from "../support/profiles/watched-runtime.ts";
import { RUNTIMES } from "../support/runtimes.ts";
import { POSTGRES_USER, startPostgres } from "../support/servers/postgres.ts";
import { waitFor } from "../support/wait.ts";

const DAY = 24n * 3600n * SECOND;

function need(context: TestContext): void {
  needPrograms(context, "gcc");
  needTracing(context);
}

/** A C program, and one in each language that this machine has. */
function startPrograms(context: TestContext) {
  need(context);
  return assemble(async (own) => {
    const programs: Watched[] = [own(await watchC())];
    for (const runtime of RUNTIMES) programs.push(own(await watchRuntime(runtime, context)));
    return { programs, pids: programs.flatMap(({ pid }) => ["--pid", `${pid}`]) };
  });
}

async function injectAll(pids: readonly string[], ...flags: string[]): Promise<void> {
  const run = await timeskew("inject", ...pids, ...flags);
  expect(run, run.stderr).toMatchObject({ code: 0 });
}

test("a strobe of 1 ms: every reading is on the side that its time says", async (context) => {
  need(context);
  await using follower = await startFollower("CLOCK_REALTIME", 0);
  const { pid } = follower;
  await inject(pid, "--strobe", "-1h", "--period", "1ms");
  const series = await follower.series(20_000, 10n * MICROSECOND);
  const settings = needSettings(pid);
  expect(settings.inForce.profile!.tracks).toMatchObject([{ period: 2n * MILLISECOND }]);
  expect(seriesComplaints(settings, follower.what, series)).toEqual([]);
  const away = series.filter(({ truth, value }) => value < truth.from - SECOND).length;
  expect(Math.min(away, series.length - away)).toBeGreaterThan(series.length / 4);
});

/** What each interval's offset can have been, as far as its readings tell: the same numbers, from start to start. */
function draws(series: readonly Triple[], start: bigint, every: bigint) {
  const found = new Map<bigint, { from: bigint; to: bigint }>();
  for (const { truth, value } of series.filter(({ truth }) => truth.from >= start)) {
    const index = (truth.from - start) / every;
    if ((truth.to - start) / every !== index) continue;
    const { from, to } = found.get(index) ?? { from: value - truth.to, to: value - truth.from };
    const [low, high] = [value - truth.to, value - truth.from];
    found.set(index, { from: low > from ? low : from, to: high < to ? high : to });
  }
  return found;
}

test("jitter is the same with the same seed, and another one with another", async (context) => {
  need(context);
  const every = MILLISECOND;
  const jitterOf = async (seed: string) => {
    await using follower = await startFollower("CLOCK_REALTIME", 0);
    const { pid } = follower;
    await library.inject({ pid, jitter: "50ms", jitterEvery: every, seed });
    const series = await follower.series(30_000, 20n * MICROSECOND);
    const settings = needSettings(pid);
    expect(settings.inForce.profile!.noise!.seed).toBe(BigInt(seed));
    expect(seriesComplaints(settings, follower.what, series)).toEqual([]);
    return draws(series, settings.inForce.start.realtime, every);
  };
  const agreement = (one: ReturnType<typeof draws>, two: ReturnType<typeof draws>) => {
    const both = [...one].filter(([index]) => two.has(index));
    const same = both.filter(
      ([index, { from, to }]) => from <= two.get(index)!.to && to >= two.get(index)!.from,
    );
    return { compared: both.length, same: same.length };
  };
  const first = await jitterOf("0x5eed");
  const { compared, same } = agreement(first, await jitterOf("24301"));
  expect(compared).toBeGreaterThan(20);
  expect(same).toBe(compared);
  const other = agreement(first, await jitterOf("24302"));
  expect(other.same).toBeLessThan(other.compared / 10);
});

test("the seed that was chosen is told, and can be given again", async (context) => {
  need(context);
  await using follower = await startFollower("CLOCK_REALTIME", 0);
  const { pid } = follower;
  const seedOf = async (...flags: string[]) => {
    const { skew } = await inject(pid, "--jitter", "1s", ...flags);
    const { seed, text } = skew.profile!;
    expect(text).toContain(`--seed ${seed}`);
    expect(needSettings(pid).inForce.profile!.noise!.seed).toBe(BigInt(seed!));
    return seed!;
  };
  const chosen = await seedOf();
  expect(await seedOf()).not.toBe(chosen);
  expect(await seedOf("--seed", chosen)).toBe(chosen);
});

/** Sets clocks that are watched all the while: all that each program has read of the new time, up to an end. */
async function watchedFrom(
  programs: readonly Watched[],
  set: () => Promise<void>,
  { from, end }: { from: bigint; end: bigint },
): Promise<(readonly [Watched, readonly bigint[]])[]> {
  const watched = programs.map(async (program) => {
    const seen: bigint[] = [];
    while ((seen.at(-1) ?? from) < end) {
      const now = await program.wallClock();
      if (now >= from && now < end + DAY) seen.push(now); // or it has the time of before
      await sleep(1);
    }
    return [program, seen] as const;
  });
  const [, ...all] = await Promise.all([set(), ...watched]);
  return all;
}

test.concurrent("--at 2038-01-19T03:14:00Z, and over the end of a 32-bit time", async (context) => {
  await using started = await startPrograms(context);
  const { programs, pids } = started;
  const end = 2n ** 31n * SECOND;
  await injectAll(pids, "--at", "2038-01-19T03:14:00Z");
  for (const { title, wallClock } of programs) {
    const minute = BigInt(Date.parse("2038-01-19T03:14:00Z")) * MILLISECOND;
    const now = await wallClock();
    expect(now, title).toBeGreaterThanOrEqual(minute - MILLISECOND); // what is cut may be before its own time
    expect(now, title).toBeLessThan(minute + 60n * SECOND);
  }
  const span = { from: end - 3n * SECOND, end: end + 100n * MILLISECOND };
  const set = () => injectAll(pids, "--at", "2038-01-19T03:14:05Z");
  for (const [program, seen] of await watchedFrom(programs, set, span)) {
    expect(seen[0], program.title).toBeLessThan(end);
    expect(await program.complaints(needSettings(program.pid)), program.title).toEqual([]);
  }
});

const MIDNIGHT = BigInt(Date.parse("2017-01-01T00:00:00Z")) * MILLISECOND;

test.concurrent("a leap second is inserted: 23:59:59 comes twice, and midnight once", async (context) => {
  await using started = await startPrograms(context);
  const { programs, pids } = started;
  const span = { from: MIDNIGHT - 4n * SECOND, end: MIDNIGHT };
  const set = () => injectAll(pids, "--at", "2016-12-31T23:59:57Z", "--leap", "insert");
  for (const [program, seen] of await watchedFrom(programs, set, span)) {
    const back = seen.flatMap((now, index) => (index > 0 && now < seen[index - 1]! ? index : []));
    expect(back, program.title).toHaveLength(1);
    const [before, after] = [seen[back[0]! - 1]!, seen[back[0]!]!];
    expect(before >= MIDNIGHT - SECOND && after >= MIDNIGHT - SECOND, program.title).toBe(true);
    expect(after, program.title).toBeLessThan(MIDNIGHT);
    // With the TAI clock, which has no leap seconds, and all others of a C program.
    expect(await program.complaints(needSettings(program.pid)), program.title).toEqual([]);
  }
});

test.concurrent("a leap second is deleted: there is no 23:59:59", async (context) => {
  await using started = await startPrograms(context);
  const { programs, pids } = started;
  const span = { from: MIDNIGHT - 5n * SECOND, end: MIDNIGHT };
  const set = () => injectAll(pids, "--at", "2016-12-31T23:59:56Z", "--leap", "delete");
  for (const [program, seen] of await watchedFrom(programs, set, span)) {
    const missing = seen.filter((now) => now >= MIDNIGHT - SECOND && now < MIDNIGHT);
    expect(missing, program.title).toEqual([]);
    expect(seen[0], program.title).toBeLessThan(MIDNIGHT - SECOND);
    expect(await program.complaints(needSettings(program.pid)), program.title).toEqual([]);
  }
});

test("--freeze: one value and no other, until it is recovered", async (context) => {
  await using started = await startPrograms(context);
  const { programs, pids } = started;
  await injectAll(pids, "--freeze");
  for (const { pid } of programs) await begun(pid);
  for (let round = 0; round < 20; round++) {
    for (const { title, pid, wallClock } of programs) {
      const { realtime } = needSettings(pid).inForce.start;
      const now = await wallClock();
      expect(now <= realtime && now > realtime - MILLISECOND, `${title}: ${now}, not ${realtime}`).toBe(true);
      if (title === "C") expect(now).toBe(realtime);
    }
  }
  await recover(programs[0]!.pid);
  const { wallClock } = programs[0]!;
  const first = await wallClock();
  expect(await wallClock()).toBeGreaterThan(first);
});

test("PostgreSQL: select now() in 2038, of a clock that stands, and of one that is twice as fast", async (context) => {
  const names = ["postgres", "initdb", "psql", "setpriv"] as const;
  const [postgres = "", initdb = "", psql = ""] = needPrograms(context, ...names);
  needTracing(context);
  if (isRoot && userId(POSTGRES_USER) === undefined) context.skip(`needs a user ${POSTGRES_USER}`);
  await using server = await startPostgres({ postgres, initdb, psql });
  await using connection = await server.connect();
  const { pid } = connection;
  const year = () => connection.ask("select extract(year from now() at time zone 'UTC')::int;");

  await inject(pid, "--at", "2038-01-19T03:14:08Z", "--freeze");
  expect(await year()).toBe("2038");
  for (let i = 0; i < 3; i++) expect(await connection.wallClock()).toBe(2n ** 31n * SECOND);

  await inject(pid, "--rate", "2");
  await waitFor("the clock to run", async () => (await connection.wallClock()) > 2n ** 31n * SECOND);
  const first = await bracket(connection.wallClock);
  const last = await waitFor("a tenth of a second", async () => {
    const reading = await bracket(connection.wallClock);
    return reading.monotonic.from > first.monotonic.to + SECOND / 10n && reading;
  });
  // Both are cut to the microsecond.
  const advanced = last.value - first.value;
  expect(advanced).toBeGreaterThan(2n * (last.monotonic.from - first.monotonic.to) - MICROSECOND);
  expect(advanced).toBeLessThan(2n * (last.monotonic.to - first.monotonic.from) + MICROSECOND);
});
