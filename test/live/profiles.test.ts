/**
 * Each verb of a skew, seen in programs of three languages: whatever they read is what the model says of some true time
 * within the reading. What each verb means is written here by hand; of the target only the moment of its start is taken.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, type TestContext, test } from "vitest";
import {
  ALL_TRACKED,
  type Frame,
  HOLD,
  type Profile,
  type Slope,
  type Track,
} from "../../src/skew/profile.ts";
import { inject, timeskew } from "../support/cli.ts";
import { bracket, MILLISECOND as MS, SECOND } from "../support/clock.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { assemble } from "../support/own.ts";
import { freshly } from "../support/profiles/model.ts";
import { needSettings, type Settings } from "../support/profiles/slots.ts";
import { type Watched, watchC } from "../support/profiles/watched.ts";
import { watchRuntime } from "../support/profiles/watched-runtime.ts";
import { RUNTIMES } from "../support/runtimes.ts";
import { waitFor } from "../support/wait.ts";

const HOUR = 3600n * SECOND;
const AT = BigInt(Date.parse("2038-01-19T03:14:00Z")) * MS;

/** A skew as it is typed, and what it should be. */
interface Row {
  title: string;
  flags: string[];
  base?: bigint;
  /** What the wall clock shows when it begins, instead of a base. */
  shows?: bigint;
  profile?: Profile;
  startIn?: bigint;
  /** For how long the programs are watched, ms. */
  watch?: number;
}

function track(frames: readonly Frame[], tail: Slope = HOLD, period = 0n): Track {
  return { clocks: ALL_TRACKED, period, frames, tail };
}

function profile(tracks: readonly Track[], more: Partial<Profile> = {}): Profile {
  return { duration: 0n, every: 0n, tracks, noise: undefined, text: "", ...more };
}

/** From the start, so many ns per so many. */
function slope(num: bigint, den: bigint): Track {
  return track([{ at: 0n, offset: 0n }], { num, den });
}

function noise(glides: boolean): Profile {
  return profile([], { noise: { amplitude: 100n * MS, every: 7n * MS, seed: 20260401n, glides } });
}

const FRAMES: readonly Frame[] = [
  { at: 0n, offset: 0n },
  { at: 50n * MS, offset: -2n * HOUR },
  { at: 50n * MS, offset: 1n * SECOND },
  { at: 90n * MS, offset: 3n * SECOND },
];
const CSV = "elapsed,offset\n0s,0s\n50ms,-2h\n50ms,1s\n90ms,3s\n";

/** Back and forth, each for so long. */
function strobe(by: bigint, each: bigint): Track {
  const frames = [
    { at: 0n, offset: by },
    { at: each, offset: by },
    { at: each, offset: 0n },
  ];
  return track(frames, HOLD, 2n * each);
}

/** A leap second at 1.5 s of the target's time, which is TAI's only while it is smeared. */
function leap(frames: readonly Frame[], clocks = ALL_TRACKED & ~(1n << 11n)): Profile {
  return profile([{ ...track([{ at: 0n, offset: 0n }, ...frames]), clocks }]);
}

const LEAP = ["--at", "2016-12-31T23:59:59.7Z", "--leap-at", "2017-01-01T00:00:00Z"];
const BEFORE_LEAP = BigInt(Date.parse("2016-12-31T23:59:59.700Z")) * MS;

const keyframes = join(mkdtempSync(join(tmpdir(), "timeskew-keyframes-")), "frames.csv");

const ROWS: readonly Row[] = [
  { title: "--offset", flags: ["--offset", "-600s"], base: -600n * SECOND },
  { title: "--freeze", flags: ["--freeze"], profile: profile([slope(-1n, 1n)]) },
  { title: "--at", flags: ["--at", "2038-01-19T03:14:00Z"], shows: AT },
  {
    title: "--at, --freeze",
    flags: ["--freeze", "--at", "@2147483640"],
    shows: 2_147_483_640n * SECOND,
    profile: profile([slope(-1n, 1n)]),
  },
  { title: "--rate 2", flags: ["--rate", "2"], profile: profile([slope(1n, 1n)]) },
  { title: "--rate 0.333", flags: ["--rate", "0.333"], profile: profile([slope(-667n, 1000n)]) },
  { title: "--drift 200ppm", flags: ["--drift", "200ppm"], profile: profile([slope(200n, 1_000_000n)]) },
  {
    title: "--offset, --drift",
    flags: ["--offset", "1h", "--drift", "-1.5ppm"],
    base: HOUR,
    profile: profile([slope(-3n, 2_000_000n)]),
  },
  {
    title: "--slew, --rate",
    flags: ["--slew", "-30s", "--over", "100ms", "--rate", "1.5"],
    profile: profile([
      track(
        [
          { at: 0n, offset: 0n },
          { at: 100n * MS, offset: -30n * SECOND + 50n * MS },
        ],
        { num: 1n, den: 2n },
      ),
    ]),
  },
  {
    title: "--jitter",
    flags: ["--jitter", "100ms", "--jitter-every", "7ms", "--seed", "20260401"],
    profile: noise(false),
  },
  {
    title: "--jitter, --jitter-glide",
    flags: ["--jitter", "100ms", "--jitter-every", "7ms", "--seed", "20260401", "--jitter-glide"],
    profile: noise(true),
  },
  {
    title: "--strobe",
    flags: ["--strobe", "1h", "--period", "10ms"],
    profile: profile([strobe(HOUR, 10n * MS)]),
  },
  { title: "--keyframes", flags: ["--keyframes", keyframes], profile: profile([track(FRAMES)]) },
  {
    title: "--keyframes, --repeat",
    flags: ["--keyframes", keyframes, "--repeat", "--offset", "-1s"],
    base: -SECOND,
    profile: profile([track(FRAMES, HOLD, 90n * MS)]),
  },
  {
    title: "--duration, --every",
    flags: ["--offset", "-2h", "--duration", "30ms", "--every", "70ms"],
    base: -2n * HOUR,
    profile: profile([], { duration: 30n * MS, every: 70n * MS }),
  },
  {
    title: "--start-in",
    flags: ["--offset", "1h", "--rate", "3", "--start-in", "400ms"],
    base: HOUR,
    profile: profile([slope(2n, 1n)]),
    startIn: 400n * MS,
    watch: 700,
  },
  {
    title: "--leap insert",
    flags: [...LEAP, "--leap", "insert"],
    shows: BEFORE_LEAP,
    profile: leap([
      { at: 300n * MS, offset: 0n },
      { at: 300n * MS, offset: -SECOND },
    ]),
    watch: 600,
  },
  {
    title: "--leap delete, --smear",
    // From 59.1 s on, so that at 61 s it shows what it would have shown a second later.
    flags: [
      "--at",
      "2016-12-31T23:59:59Z",
      "--leap-at",
      "2017-01-01T00:00:00.1Z",
      "--leap",
      "delete",
      "--smear",
      "2s",
    ],
    shows: BEFORE_LEAP - 700n * MS,
    profile: leap(
      [
        { at: 100n * MS, offset: 0n },
        { at: 1100n * MS, offset: SECOND },
      ],
      ALL_TRACKED,
    ),
    watch: 1300,
  },
  {
    title: "much of it at once",
    flags: [
      ...["--offset", "-1d", "--rate", "1.25", "--drift", "-100ppm", "--strobe", "3s", "--period", "5ms"],
      ...[
        "--jitter",
        "100ms",
        "--jitter-every",
        "7ms",
        "--seed",
        "20260401",
        "--duration",
        "50ms",
        "--every",
        "60ms",
      ],
    ],
    base: -24n * HOUR,
    profile: profile([slope(2499n, 10_000n), strobe(3n * SECOND, 5n * MS)], {
      noise: noise(false).noise,
      duration: 50n * MS,
      every: 60n * MS,
    }),
  },
];

beforeAll(() => writeFileSync(keyframes, CSV));
afterAll(() => rmSync(dirname(keyframes), { recursive: true }));

/** Runs as long as the programs are to be watched. */
async function watch(programs: readonly Watched[], settings: ReadonlyMap<Watched, Settings>, ms: number) {
  const until = performance.now() + ms;
  do {
    for (const program of programs) {
      const found = await program.complaints(settings.get(program)!);
      expect(found, program.title).toEqual([]);
    }
  } while (performance.now() < until);
}

function startAll(context: TestContext) {
  needPrograms(context, "gcc");
  needTracing(context);
  return assemble(async (own) => {
    const programs: Watched[] = [own(await watchC())];
    for (const runtime of RUNTIMES.filter(({ title }) => title === "Go" || title === "Node")) {
      programs.push(own(await watchRuntime(runtime, context)));
    }
    return { programs };
  });
}

test.for(ROWS)("$title, in C, Go and Node", async (row, context) => {
  await using started = await startAll(context);
  const { programs } = started;
  const pids = programs.flatMap(({ pid }) => ["--pid", `${pid}`]);
  const { value: run, wall, monotonic } = await bracket(() => timeskew("inject", ...pids, ...row.flags));
  expect(run, run.stderr).toMatchObject({ code: 0 });

  const expected = new Map(programs.map((program) => [program, expectedOf(row, needSettings(program.pid))]));
  for (const { inForce } of expected.values()) {
    const { startIn = 0n, shows } = row;
    if (row.profile) {
      // A little later than at once: every thread has to have seen that there is something to come.
      expect(inForce.start.realtime - startIn).toBeGreaterThanOrEqual(wall.from);
      expect(inForce.start.realtime - startIn).toBeLessThanOrEqual(wall.to + SECOND);
      expect(inForce.start.monotonic - startIn).toBeGreaterThanOrEqual(monotonic.from);
      expect(inForce.start.monotonic - startIn).toBeLessThanOrEqual(monotonic.to + SECOND);
    } else if (shows !== undefined) {
      expect(shows - inForce.base).toBeGreaterThanOrEqual(wall.from);
      expect(shows - inForce.base).toBeLessThanOrEqual(wall.to);
    }
  }
  await watch(programs, expected, row.watch ?? 250);

  expect(await timeskew("recover", ...pids)).toMatchObject({ code: 0 });
  const untouched = new Map(programs.map((program) => [program, unskewed(expected.get(program)!)]));
  await watch(programs, untouched, 0);
});

/** What a row promises, for a target that was found to have begun when it did. */
function expectedOf({ base = 0n, shows, profile }: Row, found: Settings): Settings {
  expect(found.inForce.profile === undefined, "a constant").toBe(profile === undefined);
  if (shows === undefined) return freshly(base, profile, found);
  const began = profile === undefined ? shows - found.inForce.base : found.inForce.start.realtime;
  return freshly(shows - began, profile, found);
}

function unskewed(settings: Settings): Settings {
  return { ...settings, inForce: settings.other };
}

test("a nanosecond too much is noticed, and a rate that is off by a millionth", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using program = await watchC();
  await inject(program.pid, "--rate", "2");
  const settings = needSettings(program.pid);
  await waitFor(
    "half a second",
    () => process.hrtime.bigint() > settings.inForce.start.monotonic + SECOND / 2n,
  );
  expect(await program.complaints(settings)).toEqual([]);
  // The coarse clock stands still between its ticks, so there is one true time that it can have read.
  const offBy = (base: bigint, tail: Slope) => freshly(base, profile([track([FRAMES[0]!], tail)]), settings);
  expect(await program.complaints(offBy(0n, { num: 1n, den: 1n }))).toEqual([]);
  // Unless it ticks while it is read.
  const coarse = /^CLOCK_REALTIME_COARSE .* after the start: \d+, not (\d+) … \1$/;
  for (const wrong of [offBy(1n, { num: 1n, den: 1n }), offBy(0n, { num: 1_000_001n, den: 1_000_000n })]) {
    await waitFor("a complaint about the coarse clock", async () =>
      (await program.complaints(wrong)).some((words) => coarse.test(words)),
    );
  }
});
