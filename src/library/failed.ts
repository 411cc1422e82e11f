/** The error that a call about several processes rejects with. */
import { verdict } from "../engine/set/failure.ts";
import type { SetTally, Work } from "../engine/set/members.ts";
import { TimeskewError } from "../errors.ts";

/** More failures than this are counted in a message; `failures` has all. */
const MOST_NAMED = 10;

/**
 * @param successes how many did not fail
 * @param undone whether these were given their time back
 * @returns of a single target, its own error; undefined if none failed
 */
export function failed(
  successes: number,
  failures: readonly TimeskewError[],
  undone = false,
): TimeskewError | undefined {
  const error = verdict(successes, failures);
  if (error === undefined || error.failures.length === 0) return error;
  const { code, message, targetState } = error;
  const more = failures.length - MOST_NAMED;
  const lines = [
    undone ? `${message}; the others were given their time back` : message,
    ...failures.slice(0, MOST_NAMED).map((each) => `  ${each.message}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
  return new TimeskewError(code, lines.join("\n"), {
    hint: "`failures` has the error of each",
    targetState: undone && targetState === "untouched" ? "restored" : targetState,
    failures,
  });
}

/** What is missing if processes came too fast. */
export class Missed implements Pick<Work<object>, "gaveUp"> {
  #error: TimeskewError | undefined;

  gaveUp = (rounds: number): void => {
    const message = `new processes kept appearing for ${rounds} rounds: some may have been missed`;
    this.#error = new TimeskewError("E_BUSY", message, { hint: "try again" });
  };

  failuresOf(tally: Pick<SetTally<object>, "failures">): readonly TimeskewError[] {
    return this.#error === undefined ? tally.failures : [...tally.failures, this.#error];
  }
}
