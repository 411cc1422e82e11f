/** The cells: each on victims of its own, which say themselves what they read. Empty: all is well. */
import { setPriority } from "node:os";
import { join } from "node:path";
import { recover as justRecover } from "../../../src/engine/index.ts";
import { Bench } from "../../fault/bench.ts";
import type { How } from "../../fault/driver.ts";
import { HAMMERING, OTHER, SKEW, type Target, type TargetKind } from "../../fault/targets.ts";
import { ACTIONS, type Action } from "../../fault/trial.ts";
import { SECOND } from "../../support/clock.ts";
import { inject, recover } from "../../support/patient.ts";
import { codeBytes, snapshot, threads } from "../../support/proc.ts";
import { begun } from "../../support/profiles/slots.ts";
import { watchC } from "../../support/profiles/watched.ts";
import { monotonicSkews, realtimeSkews } from "../../support/readings.ts";
import { startClocks, startHammer } from "../../support/victims.ts";
import { waitFor } from "../../support/wait.ts";
import { FAULTS_FOLDER, ROOT } from "../place.ts";
import { needSuccess, Refusal, timeskew } from "./cli.ts";
import { differences, inject as injectByCommand } from "./outside.ts";
import { labelled } from "./trial.ts";

/** Every clock and function of a program, by the command line and by the library. */
export async function injects(): Promise<string[]> {
  await using victim = await startClocks();
  const { pid } = victim;
  try {
    await injectByCommand(pid, ["--offset=-600.123456789s"]);
  } catch (error) {
    const harm = error instanceof Refusal ? await victim.complaints({}) : [];
    if (harm.length > 0) return labelled(`refused (${error}), but`, harm);
    throw error;
  }
  const found = labelled("R−600", await victim.complaints(realtimeSkews(SKEW)));
  const both = ["CLOCK_REALTIME", "CLOCK_MONOTONIC"] as const;
  await inject({ pid, offset: 3600n * SECOND, clocks: [...both] });
  const skews = { ...realtimeSkews(3600n * SECOND), ...monotonicSkews(3600n * SECOND) };
  return [...found, ...labelled("R+3600 M+3600", await victim.complaints(skews))];
}

/** To the byte, as seen from outside, and in what the program reads. */
export async function recovers(): Promise<string[]> {
  await using victim = await startClocks();
  const { pid } = victim;
  const [untouched, code] = [snapshot(pid), [...codeBytes(pid)].join()];
  await inject({ pid, offset: SKEW });
  if (snapshot(pid).vdso === untouched.vdso) return ["the vDSO is the same after an injection"];
  needSuccess(await timeskew(["recover", `--pid=${pid}`]));
  return [
    ...differences(untouched, snapshot(pid), "after recovery"),
    ...([...codeBytes(pid)].join() === code ? [] : ["code bytes differ after recovery"]),
    ...labelled("after recovery", await victim.complaints({})),
  ];
}

/** Its threads never sleep: without this the tool would wait for a processor most of the time. */
async function polite(starting: Promise<Target>): Promise<Target> {
  const target = await starting;
  for (const tid of threads(target.pid)) setPriority(tid, 19);
  return target;
}

const CYCLES = 50;
/** Until eight threads on two emulated processors have had their turn, a second may pass. */
const SETTLE_EVERY = 5;

export async function hammers(): Promise<string[]> {
  await using hammer = await polite(HAMMERING.start());
  const { pid } = hammer;
  const untouched = snapshot(pid);
  const tids = threads(pid).join();
  for (let cycle = 1; cycle <= CYCLES; cycle++) {
    const settles = cycle % SETTLE_EVERY === 0;
    await inject({ pid, offset: SKEW, clocks: ["CLOCK_REALTIME"] });
    const skewed = settles ? await settled(hammer, "0") : [];
    await recover({ pid });
    const recovered = settles ? await settled(hammer, String(SKEW)) : [];
    const words = [
      ...(snapshot(pid).vdso === untouched.vdso ? [] : ["the vDSO differs"]),
      ...skewed,
      ...recovered,
    ];
    if (words.length > 0) return labelled(`cycle ${cycle}`, words);
    if (settles) console.log(`${cycle} of ${CYCLES} cycles`);
  }
  await waitFor("the last pages", async () => (await recover({ pid })).state === "unskewed");
  return [
    ...(await settled(hammer, String(SKEW))),
    ...differences(untouched, snapshot(pid), "at the end"),
    ...(threads(pid).join() === tids ? [] : ["it has other threads"]),
  ];
}

/** What is wrong with readings of which none may have this offset. */
async function settled(hammer: Target, absent: string): Promise<string[]> {
  const { seen, violations, first } = await hammer.settle();
  return [
    ...(seen[absent] === 0 ? [] : [`${seen[absent]} readings have an offset of ${absent} ns`]),
    ...(violations === 0 ? [] : first),
  ];
}

const KILLS = 50;
/** The live changes have fewer operations than that: what is left of the fifty is done in an injection. */
const KILLS_OF_ACTION = 6;
const MOST_ROUNDS = 4;
const STOP_TIMEOUT_MS = 20_000;

/** Eight would compete with the tool, not with each other. */
const KILLS_TARGET: TargetKind = {
  name: "4 threads that hammer the clock",
  start: () => polite(startHammer(4, SKEW, OTHER)),
};

/**
 * At operations of the helper that are spread evenly over each action, right before them and right behind them: none of
 * the kills is spent on what comes before an action, and Node, which takes seconds to start here, goes on.
 */
export async function survives(): Promise<string[]> {
  await using bench = new Bench(KILLS_TARGET, { folder: join(ROOT, FAULTS_FOLDER) }, STOP_TIMEOUT_MS);
  const found: string[] = [];
  let kills = 0;
  const killIn = async (action: Action, how: How, most: number) => {
    const { said, findings } = await bench.enumerate(action, how, { most });
    kills += said.killed ?? 0;
    found.push(...findings);
    console.log(`${action}, ${how} an operation: ${kills} of ${KILLS} kills, ${found.length} findings`);
  };
  for (const action of ACTIONS) {
    await killIn(action, "kill before", KILLS_OF_ACTION);
    await killIn(action, "kill after", KILLS_OF_ACTION);
  }
  for (let round = 0; kills < KILLS && round < MOST_ROUNDS; round++)
    await killIn("inject", "kill after", KILLS - kills);
  return [...found, ...(kills < KILLS ? [`only ${kills} of ${KILLS} kills`] : [])];
}

const PROFILES = [
  { title: "drift", verbs: { drift: "200ppm" } },
  { title: "freeze", verbs: { freeze: true } },
  { title: "strobe", verbs: { strobe: "1h", period: "10ms" } },
] as const;

const READS = 10;

/** A program's readings against the model of a profile. */
export async function profiles(): Promise<string[]> {
  const found: string[] = [];
  for (const { title, verbs } of PROFILES) {
    await using victim = await watchC();
    await inject({ pid: victim.pid, ...verbs });
    const settings = await begun(victim.pid);
    if (settings.inForce.profile === undefined) found.push(`${title}: the settings have no profile`);
    for (let i = 0; i < READS; i++) found.push(...labelled(title, await victim.complaints(settings)));
    await waitFor("the recovery", async () => (await justRecover({ pid: victim.pid })).state === "unskewed");
    console.log(`${title}: ${found.length} wrong so far`);
  }
  return found;
}
