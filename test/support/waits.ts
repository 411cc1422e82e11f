/**
 * Starts processes that wait (waits.c), disturbs half of them in the middle of their waits, and says what the disturbed
 * ones got that their undisturbed controls did not get.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "./build.ts";
import { MILLISECOND, SECOND } from "./clock.ts";
import { Dialog } from "./dialog.ts";
import { WAITS } from "./recipes.ts";

/** How long every call is to last. */
const ASKED = 2n * SECOND;
/**
 * By how much a disturbed wait may last longer or shorter than its control. The first disturbance comes at 0.5 s or
 * later, so a timeout that it restarts is late by twice this, and a wait that it ends is early by more.
 */
const MARGIN = 250n * MILLISECOND;
/** A control that misses the two seconds by more than this tells nothing: the machine did something else. */
const CONTROL_MARGIN = 100n * MILLISECOND;
/** From the start of a wait to the first disturbance, and from the last one to its end, at least. */
const CLEARANCE = 2n * MARGIN;
const END_CLEARANCE = 100n * MILLISECOND;
const ROUNDS = 5;

export type Shape = "main" | "second" | "spin" | "all";

/** What happens to a process between `from` and `to`, in ns after the start of its wait. */
export interface Disturbance {
  name: string;
  from: bigint;
  to: bigint;
  act(pid: number): Promise<unknown>;
}

/** One thread's call; times in ns. */
interface Outcome {
  tid: number;
  result: number;
  errno: number;
  began: string;
  ended: string;
  remaining: string | null;
  handled: number;
  exact: number[];
}

interface Victim {
  pid: number;
  unsupported: string;
}

interface Ending {
  /** How many threads' calls came to an end. */
  finished: number;
  /** What became of the process. */
  ended: string;
  threads: Outcome[];
}

/** What is known about one kind of wait after its round. */
export interface Verdict {
  /** Why this machine cannot do it. */
  unsupported?: string;
  /** What the disturbed process got and its control did not. */
  complaints: string[];
}

export type Verdicts = ReadonlyMap<string, Verdict>;

/** The names of all kinds that the victim knows. */
export async function waitKinds(): Promise<string[]> {
  await using waits = await Dialog.greeted([await build(WAITS)]);
  return (await waits.askJson<{ kinds: string[] }>("kinds")).kinds;
}

/**
 * Disturbs one process of each kind, next to a control of each kind. Where the machine was too slow for the result to
 * mean anything, those kinds have another round.
 */
export async function disturb(
  shape: Shape,
  kinds: readonly string[],
  disturbances: readonly Disturbance[],
): Promise<Verdicts> {
  await using waits = await Dialog.greeted([await build(WAITS)]);
  const verdicts = new Map<string, Verdict>();
  const reasons = new Map<string, string>();
  for (let round = 1; round <= ROUNDS && verdicts.size < kinds.length; round++) {
    const left = kinds.filter((kind) => !verdicts.has(kind));
    for (const [kind, verdict] of await oneRound(waits, shape, left, disturbances)) {
      if (typeof verdict === "string") reasons.set(kind, verdict);
      else verdicts.set(kind, verdict);
    }
    const unclear = left.filter((kind) => !verdicts.has(kind));
    if (unclear.length > 0)
      console.log(`${shape}: ${unclear.length} kinds again: ${unclear[0]}: ${reasons.get(unclear[0]!)}`);
  }
  for (const kind of kinds.filter((each) => !verdicts.has(each)))
    verdicts.set(kind, { complaints: [`no clear result in ${ROUNDS} rounds: ${reasons.get(kind)}`] });
  return verdicts;
}

/** When a disturbance began and ended, and how it failed, if it did. */
interface Deed {
  name: string;
  from: bigint;
  to: bigint;
  problem?: string;
}

/** A verdict, or why there is none. */
async function oneRound(
  waits: Dialog,
  shape: Shape,
  kinds: readonly string[],
  disturbances: readonly Disturbance[],
): Promise<Map<string, Verdict | string>> {
  // The first half is disturbed; the second half are the controls.
  const question = `run ${[shape, ...kinds, ...kinds].join("|")}`;
  const { start, victims } = await waits.askJson<{ start: string; victims: Victim[] }>(question);
  const deeds = await actInOrder(waits, shape, victims.slice(0, kinds.length), disturbances, BigInt(start));
  const endings = (await waits.askJson<{ victims: Ending[] }>("collect")).victims;
  return new Map(
    kinds.map((kind, index) => {
      const { unsupported } = victims[index]!;
      if (unsupported) return [kind, { unsupported, complaints: [] }];
      return [kind, judge(endings[index]!, endings[index + kinds.length]!, deeds[index]!)];
    }),
  );
}

/** Every disturbance of every victim, at a random moment of its span, one after the other. */
async function actInOrder(
  waits: Dialog,
  shape: Shape,
  victims: readonly Victim[],
  disturbances: readonly Disturbance[],
  start: bigint,
): Promise<Deed[][]> {
  const deeds: Deed[][] = victims.map(() => []);
  const agenda = victims
    .flatMap(({ pid, unsupported }, index) =>
      unsupported ? [] : disturbances.map((d) => ({ ...d, pid, index })),
    )
    .map((entry) => ({ ...entry, at: start + entry.from + randomBelow(entry.to - entry.from) }))
    .sort((a, b) => Number(a.at - b.at));
  for (const { pid, index, name, at, act } of agenda) {
    await sleepUntil(at);
    if (shape === "spin") await waits.ask(`spin ${index}`);
    const from = process.hrtime.bigint();
    const problem = await act(pid).then(
      () => undefined,
      (error: Error) => `${name}: ${error.message}`,
    );
    deeds[index]!.push({ name, from, to: process.hrtime.bigint(), ...(problem ? { problem } : {}) });
    if (shape === "spin") await waits.ask(`rest ${index}`);
  }
  return deeds;
}

function randomBelow(limit: bigint): bigint {
  return BigInt(Math.floor(Math.random() * Number(limit)));
}

async function sleepUntil(when: bigint): Promise<void> {
  const left = Number(when - process.hrtime.bigint()) / 1e6;
  if (left > 0) await sleep(left);
}

function judge(subject: Ending, control: Ending, deeds: readonly Deed[]): Verdict | string {
  const odd = control.threads.map(oddControl).find((reason) => reason !== undefined);
  if (control.ended !== "exited 0" || odd) return odd ?? `the control ${control.ended}`;
  for (const { began } of subject.threads) {
    for (const { name, from, to } of deeds) {
      if (from - BigInt(began) < CLEARANCE) return `${name} came too early`;
      if (to - BigInt(began) > ASKED - END_CLEARANCE) return `${name} came too late`;
    }
  }
  return {
    complaints: [
      ...deeds.flatMap(({ problem }) => problem ?? []),
      ...unfinished(subject),
      ...new Set(subject.threads.flatMap((thread, i) => differences(thread, control.threads[i]!))),
    ],
  };
}

function unfinished({ finished, ended, threads }: Ending): string[] {
  const waiting = threads.length - finished;
  return [
    ...(waiting > 0 ? [`${waiting} threads never came back`] : []),
    ...(ended === "exited 0" || waiting > 0 ? [] : [`the process ${ended}`]),
  ];
}

function duration({ began, ended }: Outcome): bigint {
  return BigInt(ended) - BigInt(began);
}

function oddControl(control: Outcome): string | undefined {
  const late = duration(control) - ASKED;
  if (late > CONTROL_MARGIN || late < -CONTROL_MARGIN)
    return `the control took ${seconds(duration(control))}`;
  return undefined;
}

function differences(subject: Outcome, control: Outcome): string[] {
  const found: string[] = [];
  for (const field of ["result", "errno", "handled"] as const)
    if (subject[field] !== control[field]) found.push(`${field} ${subject[field]}, not ${control[field]}`);
  if (subject.exact.join() !== control.exact.join())
    found.push(`wrote ${subject.exact.join()}, not ${control.exact.join()}`);
  if (far(duration(subject), duration(control)))
    found.push(`took ${seconds(duration(subject))}, not ${seconds(duration(control))}`);
  const [left, right] = [subject.remaining, control.remaining];
  if (left !== right && (left === null || right === null || far(BigInt(left), BigInt(right))))
    found.push(`remaining time ${left}, not ${right}`);
  return found;
}

function far(a: bigint, b: bigint): boolean {
  return a - b > MARGIN || b - a > MARGIN;
}

/** To a tenth: the same words for threads that fare the same. */
function seconds(ns: bigint): string {
  return `${(Number(ns) / 1e9).toFixed(1)} s`;
}
