/** Starts deadlines.c, whose threads wait for deadlines in all the ways there are, and judges how long they truly waited. */
import { build } from "./build.ts";
import { SECOND } from "./clock.ts";
import { Dialog } from "./dialog.ts";
import type { Variant } from "./recipes.ts";

/** What the kernel is told: a duration, or a deadline of one of these clocks. */
export type Told = "duration" | "CLOCK_REALTIME" | "CLOCK_MONOTONIC";
const TOLD: readonly Told[] = ["duration", "CLOCK_REALTIME", "CLOCK_MONOTONIC"];

export interface Kind {
  name: string;
  told: Told;
  /** It waits in a process of its own, a child of the victim. */
  apart: boolean;
}

/** What came of one wait; times in ns. */
export interface Outcome {
  kind: string;
  asked: string;
  over: number;
  result: number;
  began: string;
  ended: string;
  cpu: string;
  interrupted: number;
  waits: number;
  nested: number;
  astray: number;
  cleanups: number;
  destroyed: number;
  unsupported: string;
}

/** How a signal handler is installed, or that it waits for a deadline itself. */
export type Handler = "plain" | "restart" | "wait";

export interface Backtrace {
  kind: string;
  /** Whether it leads to where the thread began. */
  reaches: number;
  /** Code addresses in hexadecimal, innermost first. */
  frames: string[];
}

export interface Deadlines extends AsyncDisposable {
  readonly pid: number;
  readonly kinds: readonly Kind[];
  /** The kinds that this C library does not have, each with the reason. */
  readonly missing: ReadonlyMap<string, string>;
  /** Returns when each of them is about to wait: the first for `from` ms, the last for `to`. */
  begin(names: readonly string[], from: number, to?: number): Promise<void>;
  collect(): Promise<Outcome[]>;
  /** Each waits for so many ms, again and again until `rest`, and may miss that by `slack` ms. */
  churn(names: readonly string[], milliseconds: number, slack: number): Promise<void>;
  rest(): Promise<void>;
  /** Signals with a handler to every thread, every so many µs; 0: no more. */
  tick(period: number, how?: Handler): Promise<void>;
  /** Cancels each thread as soon as it sleeps. */
  cancel(): Promise<void>;
  backtraces(): Promise<Backtrace[]>;
  /** The victim's child, which answers from now on; the victim itself is its `parent`. */
  fork(): Promise<{ child: Deadlines; parent: Deadlines }>;
}

interface RawKind {
  name: string;
  deadline: number;
  apart: number;
  missing: string;
}

export async function startDeadlines(variant: Variant): Promise<Deadlines> {
  const dialog = await Dialog.greeted([await build(variant)]);
  const kinds = (await dialog.askJson<{ kinds: RawKind[] }>("kinds")).kinds;
  return speaker(dialog, dialog.pid, kinds, "");
}

function speaker(dialog: Dialog, pid: number, kinds: readonly RawKind[], prefix: string): Deadlines {
  const ask = <T>(command: string) => dialog.askJson<T>(prefix + command);
  return {
    pid,
    kinds: kinds
      .filter(({ missing }) => missing === "")
      .map(({ name, deadline, apart }) => ({ name, told: TOLD[deadline]!, apart: apart !== 0 })),
    missing: new Map(kinds.filter(({ missing }) => missing).map(({ name, missing }) => [name, missing])),
    begin: async (names, from, to = from) => void (await ask(`begin ${from} ${to} ${names.join("|")}`)),
    churn: async (names, milliseconds, slack) => {
      await ask(`churn ${milliseconds} ${slack} ${names.join("|")}`);
    },
    rest: async () => void (await ask("rest")),
    collect: async () => (await ask<{ outcomes: Outcome[] }>("collect")).outcomes,
    tick: async (period, how = "plain") => void (await ask(`tick ${period} ${how}`)),
    cancel: async () => void (await ask("cancel")),
    backtraces: async () => (await ask<{ backtraces: Backtrace[] }>("backtrace")).backtraces,
    fork: async () => {
      const { pid: child } = await ask<{ pid: number }>("fork");
      dialog.adopt(child);
      return { child: speaker(dialog, child, kinds, ""), parent: speaker(dialog, pid, kinds, "parent ") };
    },
    [Symbol.asyncDispose]: () => dialog[Symbol.asyncDispose](),
  };
}

/** A wait may end so much before its time (the program reads its clock after ours), and so much after it. */
const EARLY = SECOND / 20n;
const LATE = SECOND / 2n;
/** More than this of each second means that a thread does not sleep, but asks again and again whether it may go on. */
const MOST_CPU = SECOND / 50n;

/**
 * What is wrong with a wait, if anything; "" if all is well.
 *
 * @param due for how long it is to last, true ns: what was asked, if its clock is as fast as the true one
 */
export function complaint(
  { kind, asked, over, result, began, ended, cpu, unsupported }: Outcome,
  due = BigInt(asked),
): string {
  if (unsupported) return "";
  if (!over) return `${kind}: never came back`;
  const late = BigInt(ended) - BigInt(began) - due;
  const took = `${kind}: ${seconds(BigInt(ended) - BigInt(began))} instead of ${seconds(due)} s, result ${result}`;
  if (late < -EARLY || late > LATE) return took;
  const length = due > SECOND ? due / SECOND : 1n;
  if (BigInt(cpu) > MOST_CPU * length)
    return `${kind}: computed for ${seconds(BigInt(cpu))} s meanwhile, result ${result}`;
  return "";
}

function seconds(ns: bigint): string {
  return (Number(ns) / 1e9).toFixed(3);
}

/**
 * What is wrong with the waits of a skewed process, next to those of a control which waited at the same time: they must
 * take as long as they were asked to, and return the same. Undefined for a wait whose control was late, too: the machine
 * was busy, and nothing is known.
 */
export function compare(subject: Outcome, control: Outcome): string | undefined {
  if (complaint(control) !== "") return undefined;
  const own = complaint(subject);
  if (own !== "") return own;
  if (subject.result !== control.result || subject.unsupported !== control.unsupported)
    return `${subject.kind}: result ${subject.result} ${subject.unsupported}, not ${control.result} ${control.unsupported}`;
  return "";
}

/** The victim's clock is the test's own, or its truth would not be one. */
export function untrue(outcomes: readonly Outcome[], from: bigint, to: bigint): string[] {
  return outcomes
    .filter(({ unsupported, over }) => !unsupported && over)
    .filter(({ began, ended }) => BigInt(began) < from || BigInt(ended) > to || BigInt(ended) < BigInt(began))
    .map(({ kind }) => `${kind}: waited at another time than the test`);
}

const ROUNDS = 3;

/** What is wrong with those of these waits that are wrong, after rounds next to a control of the same program. */
export async function disagreements(
  subject: Deadlines,
  control: Deadlines,
  names: readonly string[],
  milliseconds: number,
  meanwhile: () => Promise<unknown> = async () => {},
): Promise<string[]> {
  const found: string[] = [];
  let left = names;
  for (let round = 1; round <= ROUNDS && left.length > 0; round++) {
    const from = process.hrtime.bigint();
    await Promise.all([subject.begin(left, milliseconds), control.begin(left, milliseconds)]);
    await meanwhile();
    const [ours, theirs] = await Promise.all([subject.collect(), control.collect()]);
    found.push(...untrue([...ours, ...theirs], from, process.hrtime.bigint()));
    const verdicts = ours.map((outcome, index) => compare(outcome, theirs[index]!));
    found.push(...verdicts.flatMap((verdict) => verdict || []));
    left = left.filter((_, index) => verdicts[index] === undefined);
    if (left.length > 0) console.log(`${left.length} waits again, the control was late: ${left[0]}`);
  }
  return [...found, ...left.map((name) => `${name}: no clear result in ${ROUNDS} rounds`)];
}
