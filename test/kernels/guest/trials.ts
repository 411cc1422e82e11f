/** The cells: each on victims of its own, which say themselves what they read. Empty: all is well. */
import { setPriority } from "node:os";
import { recover as justRecover } from "../../../src/index.ts";
import { emptyTally, killMany, summary } from "../../fault/killing.ts";
import { HAMMERING, SKEW, type Target, type TargetKind } from "../../fault/targets.ts";
import { ACTIONS } from "../../fault/trial.ts";
import { SECOND } from "../../support/clock.ts";
import { complaint, type Deadlines, type Outcome, startDeadlines } from "../../support/deadlines.ts";
import { inject, recover } from "../../support/patient.ts";
import { codeBytes, snapshot, threads } from "../../support/proc.ts";
import { begun } from "../../support/profiles/slots.ts";
import { watchC } from "../../support/profiles/watched.ts";
import { monotonicSkews, realtimeSkews } from "../../support/readings.ts";
import { DEADLINES_GLIBC } from "../../support/recipes.ts";
import { startClocks } from "../../support/victims.ts";
import { waitFor } from "../../support/wait.ts";
import { needSuccess, timeskew } from "./cli.ts";

/** What is wrong; a Refusal is thrown. */
export type Trial = () => Promise<string[]>;

/** Every clock and function of a program, by the command line and by the library. */
export async function injects(): Promise<string[]> {
  await using victim = await startClocks();
  const { pid } = victim;
  const untouched = snapshot(pid);
  try {
    needSuccess(await timeskew(["inject", `--pid=${pid}`, "--offset=-600.123456789s"]));
  } catch (error) {
    return [...differences(untouched, snapshot(pid), "the tool has failed, but"), raise(error)];
  }
  const found = labelled("R−600", await victim.complaints(realtimeSkews(SKEW)));
  const both = ["CLOCK_REALTIME", "CLOCK_MONOTONIC"] as const;
  await inject({ pid, offset: 3600n * SECOND, clocks: [...both] });
  const skews = { ...realtimeSkews(3600n * SECOND), ...monotonicSkews(3600n * SECOND) };
  return [...found, ...labelled("R+3600 M+3600", await victim.complaints(skews))];
}

/** Rethrows a refusal, so that what was found beside it is not lost if it is none. */
function raise(error: unknown): string {
  throw error;
}

function labelled(label: string, complaints: readonly string[]): string[] {
  return complaints.map((complaint) => `${label}: ${complaint}`);
}

type Snapshot = ReturnType<typeof snapshot>;

function differences(then: Snapshot, now: Snapshot, when: string): string[] {
  return (["maps", "vdso", "threads", "tracer"] as const)
    .filter((field) => String(then[field]) !== String(now[field]))
    .map((field) => `${when} ${field} differ`);
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
async function startPolite(kind: TargetKind): Promise<Target> {
  const target = await kind.start();
  for (const tid of threads(target.pid)) setPriority(tid, 10);
  return target;
}

const CYCLES = 50;
/** Until eight threads on two emulated processors have had their turn, a second may pass. */
const SETTLE_EVERY = 5;

export async function hammers(): Promise<string[]> {
  await using hammer = await startPolite(HAMMERING);
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

export async function survives(): Promise<string[]> {
  const total = emptyTally();
  const kind = { ...HAMMERING, start: () => startPolite(HAMMERING) };
  for (const action of ACTIONS) {
    const tally = await killMany(kind, action, KILLS / ACTIONS.length);
    console.log(`${action}: ${summary(tally)}`);
    total.kills += tally.kills;
    total.findings.push(...tally.findings);
  }
  const missing = total.kills === KILLS ? [] : [`only ${total.kills} of ${KILLS} kills`];
  return [...total.findings.map(({ kind, what }) => `${kind}: ${what}`), ...missing];
}

const SKEWS = [
  { title: "R−600", offset: -600n * SECOND, clocks: ["CLOCK_REALTIME"] },
  { title: "R+600", offset: 600n * SECOND, clocks: ["CLOCK_REALTIME"] },
  { title: "M−600", offset: -600n * SECOND, clocks: ["CLOCK_MONOTONIC"] },
  { title: "M+600", offset: 600n * SECOND, clocks: ["CLOCK_MONOTONIC"] },
] as const;

/** All kinds of wait that the victim knows, side by side, for a second each. */
export async function waits(): Promise<string[]> {
  const found: string[] = [];
  const expected = await untouchedResults();
  for (const { title, offset, clocks } of SKEWS) {
    await using subject = await startDeadlines(DEADLINES_GLIBC);
    await inject({ pid: subject.pid, offset, clocks: [...clocks], allowBackwardMonotonic: true });
    found.push(...labelled(title, await wrongWaits(subject, expected)));
  }
  return found;
}

function resultOf({ result, unsupported }: Outcome): string {
  return unsupported || `result ${result}`;
}

/** What each kind returns in a program that nobody has touched. */
async function untouchedResults(): Promise<ReadonlyMap<string, string>> {
  await using control = await startDeadlines(DEADLINES_GLIBC);
  await control.begin(namesOf(control), WAIT_MS);
  return new Map((await control.collect()).map((outcome) => [outcome.kind, resultOf(outcome)]));
}

function namesOf({ kinds }: Deadlines): string[] {
  return kinds.map(({ name }) => name);
}

const WAIT_MS = 1000;
const ROUNDS = 5;

/** No emulation makes a wait end early, or not at all, or return something else. Those that are late have another round. */
async function wrongWaits(subject: Deadlines, expected: ReadonlyMap<string, string>): Promise<string[]> {
  const found: string[] = [];
  let left = namesOf(subject);
  for (let round = 1; round <= ROUNDS && left.length > 0; round++) {
    await subject.begin(left, WAIT_MS);
    const outcomes = await subject.collect();
    const wrong = outcomes.filter((each) => complaint(each) || resultOf(each) !== expected.get(each.kind));
    const again = wrong.filter((each) => round < ROUNDS && isLate(each));
    found.push(
      ...wrong
        .filter((each) => !again.includes(each))
        .map((each) => complaint(each) || `${each.kind}: ${resultOf(each)}, not ${expected.get(each.kind)}`),
    );
    left = again.map(({ kind }) => kind);
  }
  return found;
}

/** A program reads its own clock a little after the wait is said to have begun. */
function isLate({ over, began, ended, asked }: Outcome): boolean {
  return over !== 0 && (BigInt(ended) - BigInt(began)) * 100n >= BigInt(asked) * 95n;
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
  }
  return found;
}
