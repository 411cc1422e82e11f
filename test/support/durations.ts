/**
 * Waits that were asked to last one second, judged by the true time that each took, next to controls that waited at the
 * same time and cannot be wrong.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";

/** A wait is right if it took as long as this, in seconds of true time. */
const SHORTEST = 0.95;
const LONGEST = 1.5;
/** Who still waits after this many seconds is not waited for. */
const NEVER = 5;

/** How many seconds each wait took, by name; those that were not over in time are missing. */
export type Durations = ReadonlyMap<string, number>;

/** What was wrong with which wait, by name. */
export type Complaints = Record<string, string>;

export interface Round {
  /** The waits that are judged, and those that nothing but a busy machine makes wrong. */
  subject: Durations;
  control: Durations;
}

/**
 * No load of the machine makes a wait end early, or not at all; where all that are wrong were late, there is another round.
 *
 * @param again whether there may be: what was done during the first round cannot always be repeated
 */
export async function judge(
  names: readonly string[],
  wait: () => Promise<Round>,
  { again = true } = {},
): Promise<Complaints> {
  const { subject, control } = await wait();
  const wrong = complaints(names, subject);
  if (Object.keys(wrong).length === 0) return wrong;
  const onlyLate = Object.keys(wrong).every((name) => (subject.get(name) ?? 0) > LONGEST);
  if (onlyLate && again) return judge(names, wait, { again: false });
  expect(complaints([...control.keys()], control), "the controls: this machine is too busy").toEqual({});
  return wrong;
}

function complaints(names: readonly string[], durations: Durations): Complaints {
  const all = names.map((name) => [name, complaint(durations.get(name))] as const);
  return Object.fromEntries(all.filter(([, words]) => words !== ""));
}

function complaint(seconds: number | undefined): string {
  if (seconds === undefined) return `not over after ${NEVER} s`;
  return seconds < SHORTEST || seconds > LONGEST ? `took ${seconds.toFixed(2)} s` : "";
}

/** Waits until all is over, or nobody is waited for any more. */
export async function orNever(all: Promise<unknown>): Promise<void> {
  await Promise.race([all, sleep(NEVER * 1000, undefined, { ref: false })]);
}

/** Makes waits all at the same time, and measures them itself; the control is a timer of this process. */
export function judgeTogether(waits: Readonly<Record<string, () => Promise<unknown>>>): Promise<Complaints> {
  const control = { "a timer of this process": () => sleep(1000) };
  return judge(Object.keys(waits), async () => {
    const [subject, timer] = await Promise.all([time(waits), time(control)]);
    return { subject, control: timer };
  });
}

async function time(waits: Readonly<Record<string, () => Promise<unknown>>>): Promise<Durations> {
  const durations = new Map<string, number>();
  const all = Object.entries(waits).map(async ([name, wait]) => {
    const began = performance.now();
    await wait();
    durations.set(name, (performance.now() - began) / 1000);
  });
  await orNever(Promise.all(all));
  return durations;
}
