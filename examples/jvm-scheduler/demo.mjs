/**
 * One Java program with three schedulers, whose wall clock is wrong in turns. Each line that it prints is a
 * run: it arrives at the true time of the run, and says what the program takes for the time.
 */
import { fileURLToPath } from "node:url";
import { demonstrate } from "../support/scene.mjs";
import { countOf, repeated, skipped, streaksOf } from "./runs.mjs";

const SOURCE = fileURLToPath(new URL("Scheduler.java", import.meta.url));

/** As in Scheduler.java, ms. */
const PERIOD = 200;
const PERIODS = { executor: PERIOD, Timer: PERIOD, cron: 1_000 };
const STEP_S = 2;
const STEP = `${STEP_S}s`;
/** Periods that a step misses or repeats. */
const MISSED = (STEP_S * 1_000) / PERIOD;
const STROBE = ["--strobe", "1500ms", "--period", "1s"];
/** Runs of one while another has none: fewer than a step is worth, more than a busy machine makes of equals. */
const SOME = 4;
/** Before a step, to have a run of each, ms. */
const LEAD = 1_500;
/** Runs of the executor in which to count those of the others. */
const WHILE = 8;
/** ms that a busy machine may take to show what should be seen; and in which nothing is waited for in vain. */
const PATIENCE = 20_000;
const IN_VAIN = 2_000;

await demonstrate(
  { title: "A JVM's schedulers under a wrong wall clock", programs: { java: "default-jdk-headless" } },
  async (scene) => {
    const jvm = await start(scene);
    scene.head("The true time");
    await trueTime(scene, jvm);
    scene.head("Two seconds ahead");
    await ahead(scene, jvm);
    scene.head("Back at the true time");
    await back(scene, jvm);
    scene.head("Too fast, and too slow");
    await rates(scene, jvm);
    scene.head("Forth and back each second");
    await strobe(scene, jvm);
    onTime(scene, jvm);
    scene.head("The other clock: CLOCK_MONOTONIC at twice the speed");
    await monotonic(scene, jvm);
  },
);

// ---- the program ------------------------------------------------------------------------------------------

async function start(scene) {
  const program = await scene.start("java", ["java", SOURCE]);
  const { stderr } = await scene.run(["java", "-version"]);
  const version = /version "(\S+)"/.exec(stderr)?.[1];
  const values = "runs more (+) or less (−) than periods of true time";
  scene.timeline.subtitle = `OpenJDK ${version}, ${scene.kernel}; ${values}`;
  const tell = drawRuns(scene.timeline);
  /** @type {import("./runs.mjs").Run[]} */
  const runs = [];
  program.onLine(({ at, text, stream }) => {
    if (stream === "stderr") return; // the JVM's own words
    const [who, time, due] = text.split(" ");
    const run = { at, who, offset: Date.parse(time) - at, ...(due && { due: Date.parse(due) }) };
    runs.push(run);
    tell(run, runs);
  });
  await Promise.all(Object.keys(PERIODS).map((who) => program.line((text) => text.startsWith(who))));
  return { pid: program.pid, since: (time) => runs.filter(({ at }) => at >= time) };
}

function drawRuns(timeline) {
  const clock = timeline.lane("Instant.now()", { unit: "s" });
  const laneOf = {};
  for (const who of Object.keys(PERIODS))
    laneOf[who] = timeline.lane(who, { unit: "runs", line: "straight" });
  const firsts = {};
  const counts = {};
  return ({ at, who, offset, due }, runs) => {
    clock.offset(at, offset);
    firsts[who] ??= at;
    counts[who] = (counts[who] ?? -1) + 1;
    laneOf[who].value(at, counts[who] - (at - firsts[who]) / PERIODS[who]);
    const last = runs.slice(0, -1).findLast((run) => run.who === "cron")?.due;
    if (due <= last) laneOf.cron.event(at, "again", "bad");
    if (due > last + 1_000) laneOf.cron.event(at, `${(due - last) / 1_000 - 1} left out`, "bad");
  };
}

/** The runs from then on, as soon as something can be seen in them, or patience ends. */
async function runsFrom(scene, { since }, time, isSeen) {
  await scene.within(scene.isSkewed ? PATIENCE : IN_VAIN, async () => isSeen(since(time)));
  return since(time);
}

/** The next few runs. */
function someRuns(scene, jvm) {
  return runsFrom(scene, jvm, scene.now(), (runs) => countOf(runs, "executor") >= WHILE);
}

// ---- the plays --------------------------------------------------------------------------------------------

async function trueTime(scene, jvm) {
  const runs = await someRuns(scene, jvm);
  const [executor, timer] = [countOf(runs, "executor"), countOf(runs, "Timer")];
  scene.claim(
    "the Timer runs as often as the executor",
    Math.abs(executor - timer) <= 2,
    `${timer} and ${executor} times`,
  );
  const again = repeated(jvm.since(0));
  scene.claim("cron runs once for each second", again.length === 0, `${countOf(jvm.since(0), "cron")} runs`);
}

async function ahead(scene, jvm) {
  const from = scene.now() - LEAD;
  await scene.timeskew("inject", "--pid", jvm.pid, "--offset", STEP);
  const burstOf = (some) => Math.max(...streaksOf(some, "Timer", "executor"));
  const isBurst = (some) => burstOf(some) >= MISSED / 2; // the executor may run in the middle of it
  const runs = await runsFrom(scene, jvm, from, (some) => isBurst(some) && skipped(some) >= STEP_S);
  const burst = burstOf(runs);
  scene.claim(
    "the Timer makes up for periods that never were, in a burst",
    isBurst(runs),
    `${burst} runs at once`,
  );
  scene.claim("cron leaves seconds out", skipped(runs) >= STEP_S, `${skipped(runs)} s without a run`);
}

async function back(scene, jvm) {
  const from = scene.now() - LEAD;
  await scene.timeskew("recover", "--pid", jvm.pid);
  const pauseOf = (some) => Math.max(...streaksOf(some, "executor", "Timer"));
  const isOver = (some) => pauseOf(some) >= SOME && streaksOf(some, "executor", "Timer").at(-1) < SOME;
  const runs = await runsFrom(scene, jvm, from, (some) => isOver(some) && repeated(some).length > 1);
  const pause = pauseOf(runs);
  scene.claim(
    "the Timer stands still, while the executor runs",
    pause >= SOME,
    `${pause} runs of the executor`,
  );
  const again = repeated(runs);
  scene.claim(
    "cron runs a second time for seconds that are over",
    again.length > 1,
    `for ${again.map(secondOf).join(", ")}`,
  );
}

async function rates(scene, jvm) {
  await scene.timeskew("inject", "--pid", jvm.pid, "--rate", "2");
  const fast = await someRuns(scene, jvm);
  const perRun = (runs) => countOf(runs, "Timer") / countOf(runs, "executor");
  scene.claim("at twice the speed, the Timer runs twice as often", perRun(fast) > 1.5, ratio(perRun(fast)));
  await scene.timeskew("inject", "--pid", jvm.pid, "--rate", "0.5");
  const isSeen = (runs) => countOf(runs, "executor") >= WHILE && repeated(runs).length > 0;
  const slow = await runsFrom(scene, jvm, scene.now(), isSeen);
  scene.claim("at half the speed, half as often", perRun(slow) < 0.75, ratio(perRun(slow)));
  const again = repeated(slow);
  scene.claim(
    "and cron awakes too early, and runs again for the same second",
    again.length > 0,
    `for ${again.map(secondOf)}`,
  );
}

async function strobe(scene, jvm) {
  const from = scene.now();
  await scene.timeskew("inject", "--pid", jvm.pid, ...STROBE);
  const long = (some, one, another) =>
    streaksOf(some, one, another).filter((streak) => streak >= SOME).length;
  const burstsIn = (some) => long(some, "Timer", "executor");
  const pausesIn = (some) => long(some, "executor", "Timer");
  const runs = await runsFrom(scene, jvm, from, (some) => burstsIn(some) >= 2 && pausesIn(some) >= 1);
  const [bursts, pauses] = [burstsIn(runs), pausesIn(runs)];
  scene.claim(
    "the Timer runs in bursts and stands still in between",
    bursts >= 2 && pauses >= 1,
    `${bursts} bursts, ${pauses} standstills`,
  );
}

/** Of all this, the executor has noticed nothing: run N is due N periods after the first. */
function onTime(scene, { since }) {
  const runs = since(0).filter(({ who }) => who === "executor");
  const after = runs.map(({ at }, index) => at - index * PERIOD).sort((a, b) => a - b);
  const late = after[Math.floor(after.length / 2)] - after[0]; // than the most punctual one; the first is not
  const words = "the executor has run each 200 ms of the true time throughout";
  scene.claim(words, late < PERIOD, `${runs.length} runs, half of them within ${late.toFixed(1)} ms`);
}

async function monotonic(scene, jvm) {
  await scene.timeskew("recover", "--pid", jvm.pid);
  await scene.timeskew("inject", "--pid", jvm.pid, "--clock", "CLOCK_MONOTONIC", "--rate", "2");
  const from = scene.now();
  const runs = await runsFrom(scene, jvm, from, (some) => countOf(some, "executor") >= 1.5 * WHILE);
  const perPeriod = countOf(runs, "executor") / ((runs.at(-1).at - from) / PERIOD);
  scene.claim("it is the executor that runs twice as often", perPeriod > 1.5, ratio(perPeriod));
}

function ratio(number) {
  return `${number.toFixed(1)} times as often`;
}

/** "23:16:47" */
function secondOf(ms) {
  return new Date(ms).toISOString().slice(11, 19);
}
