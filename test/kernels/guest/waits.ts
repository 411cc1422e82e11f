/** How long waits truly take, of all kinds that deadlines.c knows. */
import { SECOND } from "../../support/clock.ts";
import { complaint, type Deadlines, type Outcome, startDeadlines } from "../../support/deadlines.ts";
import { inject } from "../../support/patient.ts";
import { uptime } from "../../support/proc.ts";
import { DEADLINES_GLIBC } from "../../support/recipes.ts";
import { waitFor } from "../../support/wait.ts";
import { labelled } from "./trial.ts";

const SKEWS = [
  { title: "R−600", offset: -600n * SECOND, clocks: ["CLOCK_REALTIME"] },
  { title: "R+600", offset: 600n * SECOND, clocks: ["CLOCK_REALTIME"] },
  { title: "M−10", offset: -10n * SECOND, clocks: ["CLOCK_MONOTONIC"] },
  { title: "M+10", offset: 10n * SECOND, clocks: ["CLOCK_MONOTONIC"] },
] as const;
/** CLOCK_MONOTONIC does not go below zero, and a guest is young. */
const OLD_ENOUGH_S = 12;

/** All kinds of wait that the victim knows, side by side, for a second each. */
export async function waits(): Promise<string[]> {
  const found: string[] = [];
  const expected = await untouched();
  await waitFor("some age of the guest", () => uptime() >= OLD_ENOUGH_S);
  for (const { title, offset, clocks } of SKEWS) {
    await using subject = await startDeadlines(DEADLINES_GLIBC);
    await inject({ pid: subject.pid, offset, clocks: [...clocks], allowBackwardMonotonic: true });
    found.push(...labelled(title, await wrongWaits(subject, expected)));
    console.log(`waits at ${title}: ${found.length} wrong so far`);
  }
  return found;
}

function resultOf({ result, unsupported }: Outcome): string {
  return unsupported || `result ${result}`;
}

/** What a kind does in a program that nobody has touched. */
interface Expected {
  result: string;
  /** It returns an error at once: this kernel has no such call yet. */
  fails: boolean;
}

async function untouched(): Promise<ReadonlyMap<string, Expected>> {
  await using control = await startDeadlines(DEADLINES_GLIBC);
  await control.begin(namesOf(control), WAIT_MS);
  const all = (await control.collect()).map((outcome): [string, Expected] => {
    const fails = outcome.over !== 0 && complaint(outcome) !== "" && !isLate(outcome);
    return [outcome.kind, { result: resultOf(outcome), fails }];
  });
  const failing = all.filter(([, { fails }]) => fails);
  if (failing.length > 0)
    console.log(
      `not on this kernel: ${failing.map(([kind, { result }]) => `${kind} (${result})`).join("; ")}`,
    );
  return new Map(all);
}

function namesOf({ kinds }: Deadlines): string[] {
  return kinds.map(({ name }) => name);
}

const WAIT_MS = 1000;
const ROUNDS = 5;

/** No emulation makes a wait end early, or not at all, or return something else. Those that are late have another round. */
async function wrongWaits(subject: Deadlines, expected: ReadonlyMap<string, Expected>): Promise<string[]> {
  const found: string[] = [];
  let left = namesOf(subject);
  for (let round = 1; round <= ROUNDS && left.length > 0; round++) {
    await subject.begin(left, WAIT_MS);
    const outcomes = await subject.collect();
    const wrong = outcomes.filter((each) => wrongIn(each, expected.get(each.kind)!));
    const again = wrong.filter((each) => round < ROUNDS && isLate(each));
    found.push(
      ...wrong.filter((each) => !again.includes(each)).map((each) => wrongIn(each, expected.get(each.kind)!)),
    );
    left = again.map(({ kind }) => kind);
  }
  return found;
}

/** In words; "": nothing. */
function wrongIn(outcome: Outcome, { result, fails }: Expected): string {
  const own = resultOf(outcome);
  return (
    (fails ? "" : complaint(outcome)) || (own === result ? "" : `${outcome.kind}: ${own}, not ${result}`)
  );
}

/** A program reads its own clock a little after the wait is said to have begun. */
function isLate({ over, began, ended, asked }: Outcome): boolean {
  return over !== 0 && (BigInt(ended) - BigInt(began)) * 100n >= BigInt(asked) * 95n;
}
