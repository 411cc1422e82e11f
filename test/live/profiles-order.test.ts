/**
 * The order of readings. A profile takes the wall clock back where it says so, and nowhere else; CLOCK_MONOTONIC never goes
 * back, not between 64 threads either, whatever is changed meanwhile. And no reading is made of two sets of settings.
 */
import { expect, type TestContext, test } from "vitest";
import { MICROSECOND, MILLISECOND, MINUTE, SECOND } from "../support/clock.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import * as library from "../support/patient.ts";
import {
  type Follower,
  seriesComplaints,
  startFollower,
  stepsSeen,
  type Triple,
} from "../support/profiles/follower.ts";
import { edges, stepsBack } from "../support/profiles/model.ts";
import { begun, needSettings } from "../support/profiles/slots.ts";
import { startHammer } from "../support/victims.ts";

const MONOTONIC = ["CLOCK_MONOTONIC"];

function need(context: TestContext): void {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
}

/** From the first truth to the last one. */
function spanOf(series: readonly Triple[]) {
  return { from: series[0]!.truth.from, to: series.at(-1)!.truth.to };
}

/** How many pairs of readings have one step back between them that is larger than both together may have taken. */
function certainSteps(follower: Follower, pid: number, series: readonly Triple[]): number {
  const settings = needSettings(pid);
  return series.slice(1).filter(({ truth }, index) => {
    const { from, to } = series[index]!.truth;
    const [edge, ...others] = edges(settings, follower.what, { from, to: truth.to });
    return edge && others.length === 0 && edge.at > to && edge.at < truth.from && edge.by > truth.to - from;
  }).length;
}

const SMOOTH = [
  { title: "drift back", verbs: { drift: "-20000ppm" } },
  { title: "slew back, slower than the time", verbs: { slew: "-100ms", over: "150ms" } },
  { title: "freeze", verbs: { freeze: true } },
  // From −1 ms to 1 ms takes 2 ms, so it cannot outrun the time.
  { title: "jitter that glides", verbs: { jitter: "1ms", jitterEvery: "3ms", jitterGlide: true, seed: "5" } },
  { title: "rate", verbs: { rate: "0.01" } },
];

/** From their injection on, whoever stood inside a clock function meanwhile. */
const CELLS = [
  ...SMOOTH.map((row) => ({ ...row, clock: "CLOCK_REALTIME", threads: 8 }) as const),
  ...SMOOTH.map((row) => ({ ...row, clock: "CLOCK_MONOTONIC", threads: 24 }) as const),
];

test.for(CELLS)("$clock does not go back: $title", async ({ clock, threads, verbs }, context) => {
  need(context);
  await using follower = await startFollower(clock, threads);
  const { pid } = follower;
  await library.inject({ pid, clocks: [clock], ...verbs });
  const series = await follower.series(5_000, 40n * MICROSECOND);
  expect(seriesComplaints(needSettings(pid), follower.what, series)).toEqual([]);
  expect(stepsBack(needSettings(pid), follower.what, spanOf(series))).toEqual([]);
  expect(await follower.settle()).toMatchObject({ back: 0, first: [] });
});

const STEPPING = [
  { title: "jitter", verbs: { jitter: "500us", jitterEvery: "2ms", seed: "99" } },
  { title: "strobe", verbs: { strobe: "5ms", period: "7ms" } },
  { title: "duration", verbs: { offset: "1h", duration: "3ms", every: "11ms" } },
];

test.for(STEPPING)(
  "CLOCK_REALTIME goes back where the profile says so: $title",
  async ({ verbs }, context) => {
    need(context);
    await using follower = await startFollower("CLOCK_REALTIME", 0);
    const { pid } = follower;
    await library.inject({ pid, ...verbs });
    const series = await follower.series(10_000, 20n * MICROSECOND);
    const settings = needSettings(pid);
    expect(seriesComplaints(settings, follower.what, series)).toEqual([]);
    const certain = certainSteps(follower, pid, series);
    expect(certain).toBeGreaterThan(5);
    expect(stepsSeen(series)).toBeGreaterThanOrEqual(certain);
    expect(stepsSeen(series)).toBeLessThanOrEqual(stepsBack(settings, follower.what, spanOf(series)).length);
  },
);

/** A step forward, and a line back that is not as steep as time. */
const FRAMES = [
  { at: 0n, offset: 0n },
  { at: 20n * MILLISECOND, offset: 0n },
  { at: 20n * MILLISECOND, offset: 50n * MILLISECOND },
  { at: 60n * MILLISECOND, offset: 20n * MILLISECOND },
];

/** What a monotonic clock may do, one after the other. */
const CHANGES = [
  { rate: "2" },
  { rate: "0.5" },
  { slew: "3s", over: "200ms" },
  { drift: "-90000ppm" },
  { jitter: "1ms", jitterEvery: "5ms", jitterGlide: true },
  { freeze: true },
  { rate: "1.000001" },
  { rate: "0.001" },
  { keyframes: FRAMES },
  { rate: "1000" },
];

/**
 * A change prepares what holds from a moment on that is yet to come. Where it has come before the tool was given a processor
 * again, it tells so, and what the clock has missed is seen as a step; then nothing is known.
 */
test("CLOCK_MONOTONIC never goes back: 64 threads across changes of the profile", async (context) => {
  need(context);
  await using follower = await startFollower("CLOCK_MONOTONIC", 64);
  const { pid } = follower;
  await library.inject({ pid, clocks: MONOTONIC, rate: "1.5" });
  let known = 0;
  let { back: before } = await follower.settle();
  expect(before).toBe(0);
  for (const verbs of CHANGES) {
    const { late } = await library.inject({ pid, clocks: MONOTONIC, ...verbs });
    const { back, first } = await follower.settle();
    if (late === undefined) {
      known++;
      expect({ verbs, back, first }).toMatchObject({ verbs, back: before });
    }
    before = back;
  }
  expect(known).toBeGreaterThan(0);
  const series = await follower.series(1_000, 10n * MICROSECOND);
  expect(seriesComplaints(needSettings(pid), follower.what, series)).toEqual([]);
});

test("the follower does notice a step back", async (context) => {
  need(context);
  await using follower = await startFollower("CLOCK_MONOTONIC", 8);
  const { pid } = follower;
  await library.inject({ pid, clocks: MONOTONIC, offset: -MILLISECOND, allowBackwardMonotonic: true });
  expect((await follower.settle()).back).toBeGreaterThan(0);
});

/** Offsets whose seconds and nanoseconds, mixed, are none of them. */
const [A, B] = [-600_123_456_789n, 86_400_987_654_321n];

test("no reading is torn while constants change as fast as they can", async (context) => {
  need(context);
  await using hammer = await startHammer(8, A, B);
  const { pid } = hammer;
  await library.inject({ pid, offset: A });
  const until = performance.now() + 1_000;
  for (let change = 0; change < 20 || performance.now() < until; change++)
    await library.inject({ pid, offset: change % 2 ? A : B });
  expect(await hammer.settle()).toMatchObject({ violations: 0, first: [] });
});

/** To a judge of constant offsets, a strobe is two of them. */
test("no reading is torn while profiles change under load", async (context) => {
  need(context);
  await using hammer = await startHammer(8, A, B);
  const { pid } = hammer;
  const strobe = (by: bigint, period: bigint) => ({ offset: 0n, strobe: by, period });
  for (let change = 0; change < 20; change++) {
    const verbs = change % 2 ? strobe(A, 40n * MICROSECOND) : strobe(B, 3n * MICROSECOND);
    expect(await library.inject({ pid, ...verbs })).toMatchObject({
      action: change ? "updated" : "injected",
    });
  }
  await begun(pid);
  const { seen, ...rest } = await hammer.settle();
  expect(rest).toMatchObject({ violations: 0, first: [] });
  for (const offset of [0n, A]) expect(seen[`${offset}`], `${offset}`).toBeGreaterThan(0);
});

/** Its track is swapped for a longer one, and back: a reader of the old one must not go astray in the new frames. */
test("no reading is torn while the frames of a track change", async (context) => {
  need(context);
  await using hammer = await startHammer(8, MINUTE, -SECOND);
  const { pid } = hammer;
  const steps = (count: number, to: bigint) =>
    Array.from({ length: count }, (_, n) => {
      const at = BigInt(n >> 1) * 10n * MICROSECOND;
      return { at, offset: ((n + 1) >> 1) % 2 ? to : 0n };
    });
  for (let change = 0; change < 20; change++) {
    const keyframes = change % 2 ? steps(479, MINUTE) : steps(7, -SECOND);
    await library.inject({ pid, offset: 0n, keyframes, repeat: true });
  }
  expect(await hammer.settle()).toMatchObject({ violations: 0, first: [] });
});
