/**
 * A skew that ends by itself, in the target: at the moment that was set, whatever has become of the tool, without anybody
 * stopping the target again. What is left of it is recovered to the byte.
 */
import { expect, type TestContext, test } from "vitest";
import { inject, recover, recoverFully, start, status } from "../support/cli.ts";
import { bracket, MICROSECOND, MILLISECOND, SECOND, type Span } from "../support/clock.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { codeSnapshot, field } from "../support/proc.ts";
import { type Follower, seriesComplaints, startFollower } from "../support/profiles/follower.ts";
import { shown } from "../support/profiles/model.ts";
import { needSettings, type Settings, settingsOf } from "../support/profiles/slots.ts";
import { startHammer } from "../support/victims.ts";
import { waitFor } from "../support/wait.ts";

const HOUR = 3600n * SECOND;

function need(context: TestContext): void {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
}

/** Whether anybody traced the process, as often as one can look, until `done`. */
async function tracedUntil(pid: number, done: Promise<unknown>): Promise<boolean> {
  let over = false;
  let traced = false;
  const end = done.finally(() => {
    over = true;
  });
  await waitFor("the end of the skew", () => {
    traced ||= field(pid, "TracerPid") !== "0";
    return over;
  });
  await end;
  return traced;
}

type Ending = ReturnType<Follower["ending"]>;

/** Asked for before there is anything that could end. */
function endingOf(follower: Follower): Ending {
  const ending = follower.ending();
  ending.catch(() => {}); // who waits for it hears of it
  return ending;
}

/** The end of the duration lies between the last skewed reading and the first true one. */
async function expectEnding({ pid, what }: Follower, ending: Ending): Promise<Settings> {
  const { last, first } = await ending;
  const settings = needSettings(pid);
  const { inForce } = settings;
  const end = inForce.start.realtime + inForce.profile!.duration;
  expect(seriesComplaints(settings, what, [last, first])).toEqual([]);
  expect(last.truth.from).toBeLessThan(end);
  expect(first.truth.to).toBeGreaterThanOrEqual(end);
  return settings;
}

test("--duration 2s: the tool is killed at once, and the target is on time two seconds later", async (context) => {
  need(context);
  await using hammer = await startHammer(3, HOUR);
  await using follower = await startFollower("CLOCK_REALTIME", 0);
  const pids = [hammer.pid, follower.pid];
  const untouched = pids.map(codeSnapshot);

  const ending = endingOf(follower);
  const flags = ["--offset", "1h", "--duration", "2s", "--wait"];
  const { value: tool, wall } = await bracket(async () => {
    const run = start(["inject", ...pids.flatMap((pid) => ["--pid", pid]), ...flags]);
    // Killed before it has brought the begin of both forward, it would leave them to begin by themselves, each at its time.
    await waitFor("both skews", () => pids.every(isRunning));
    process.kill(run.pid, "SIGKILL");
    return run;
  });
  expect(await tool.done).toMatchObject({ code: null });

  const [{ inForce }, settings] = [needSettings(hammer.pid), needSettings(follower.pid)];
  expectBetween(settings.inForce.start.realtime, wall);
  expect(settings.inForce).toMatchObject({ base: HOUR, profile: { duration: 2n * SECOND } });
  expect(inForce.start).toEqual(settings.inForce.start);
  expect(await tracedUntil(follower.pid, expectEnding(follower, ending))).toBe(false);
  // The coarse clocks show the end at the kernel's next tick only, as they show everything.
  await waitFor("the end, on all clocks", async () => (await hammer.settle()).seen[`${HOUR}`] === 0);

  for (const [index, pid] of pids.entries()) {
    expect(await status(pid)).toMatchObject({ state: "ended" });
    expect(settingsOf(pid)).toBeDefined();
    expect(await recoverFully(pid)).toMatchObject({ action: "recovered" });
    expect(codeSnapshot(pid)).toEqual(untouched[index]);
  }
  expect(await hammer.settle()).toMatchObject({ violations: 0, first: [] });
});

/** Whether its settings are in force and have begun, as its memory has them. */
function isRunning(pid: number): boolean {
  const slot = settingsOf(pid)?.inForce;
  return slot?.profile !== undefined && BigInt(Date.now()) * MILLISECOND > slot.start.realtime;
}

function expectBetween(time: bigint, { from, to }: Span): void {
  expect(time).toBeGreaterThanOrEqual(from);
  expect(time).toBeLessThanOrEqual(to);
}

test("a rate that ends: what is ahead by then steps back, once, to the truth", async (context) => {
  need(context);
  await using follower = await startFollower("CLOCK_REALTIME", 0);
  const { pid } = follower;
  const ending = endingOf(follower);
  await inject(pid, "--rate", "10", "--duration", "800ms");
  const settings = await expectEnding(follower, ending);
  const end = settings.inForce.start.realtime + 800n * MILLISECOND;
  expect(shown(settings, follower.what, end - 1n) - (end - 1n)).toBe(9n * (800n * MILLISECOND - 1n));
  expect(await status(pid)).toMatchObject({
    state: "ended",
    skew: { offset: "0", profile: { phase: "ended" } },
  });
});

test("--every: it comes again, and has not ended in between", async (context) => {
  need(context);
  await using follower = await startFollower("CLOCK_REALTIME", 2);
  const { pid } = follower;
  await inject(pid, "--offset", "-1h", "--duration", "100ms", "--every", "200ms");
  const settings = needSettings(pid);
  let changes = 0;
  for (let rounds = 0; changes < 8 && rounds < 20; rounds++) {
    const series = await follower.series(500, MILLISECOND);
    expect(seriesComplaints(settings, follower.what, series)).toEqual([]);
    const skewed = series.map(({ truth, value }) => value < truth.from - HOUR / 2n);
    changes += skewed.filter((is, index) => index > 0 && is !== skewed[index - 1]).length;
  }
  expect(changes).toBeGreaterThanOrEqual(8);
  const seen = new Set<string>();
  await waitFor("both phases", async () => {
    const { state, skew } = await status(pid);
    expect(state).toBe("skewed");
    seen.add(skew!.profile!.phase);
    return seen.has("running") && seen.has("paused");
  });
  await recover(pid);
});

/** Skews a process in so many ms, and answers when that is; undefined if it had begun before `status` could look. */
async function startIn(pid: number, ms: number): Promise<bigint | undefined> {
  const { wall } = await bracket(() => inject(pid, "--offset", "1h", "--start-in", `${ms}ms`));
  const start = needSettings(pid).inForce.start.realtime;
  expectBetween(start - BigInt(ms) * MILLISECOND, { from: wall.from, to: wall.to + SECOND });
  const { value: row, wall: asked } = await bracket(() => status(pid));
  if (asked.to >= start) return undefined;
  expect(row).toMatchObject({ state: "skewed", skew: { offset: "0", profile: { phase: "waiting" } } });
  return start;
}

test("--start-in: the true time until then, and the whole skew from then on", async (context) => {
  need(context);
  await using follower = await startFollower("CLOCK_REALTIME", 2);
  const { pid } = follower;
  let start = await startIn(pid, 1500);
  if (start === undefined) {
    await recoverFully(pid);
    start = await startIn(pid, 15_000); // a busy machine
  }
  const left = Number(start! / MILLISECOND) - Date.now();
  const series = await follower.series(left + 500, MILLISECOND);
  expect(seriesComplaints(needSettings(pid), follower.what, series)).toEqual([]);
  expect(series.at(-1)!.value - series.at(-1)!.truth.from).toBeGreaterThan(HOUR - SECOND);
  expect(await status(pid)).toMatchObject({ state: "skewed", skew: { offset: `${HOUR}` } });
});

test("a skew that is recovered before it begins never begins", async (context) => {
  need(context);
  await using follower = await startFollower("CLOCK_REALTIME", 2);
  const { pid } = follower;
  const untouched = codeSnapshot(pid);
  await inject(pid, "--offset", "-1h", "--start-in", "1h");
  await recoverFully(pid);
  expect(codeSnapshot(pid)).toEqual(untouched);
  const series = await follower.series(100, 10n * MICROSECOND);
  expect(series.filter(({ truth, value }) => value < truth.from || value > truth.to)).toEqual([]);
  expect(await follower.settle()).toMatchObject({ back: 0 });
});

/** Later skews find what the ended one has left. */
test("after the end: a new skew is injected as into any skewed process", async (context) => {
  need(context);
  await using follower = await startFollower("CLOCK_REALTIME", 0);
  const { pid } = follower;
  const ending = endingOf(follower);
  await inject(pid, "--offset", "1h", "--duration", "600ms");
  await expectEnding(follower, ending);
  expect(await inject(pid, "--offset", "2h")).toMatchObject({ action: "updated" });
  await waitFor("the new skew", async () => {
    const [reading] = await follower.series(1, MICROSECOND);
    return (
      seriesComplaints(needSettings(pid), follower.what, [reading!]).length === 0 &&
      reading!.value > reading!.truth.from + HOUR
    );
  });
  await recoverFully(pid);
});
