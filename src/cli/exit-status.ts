/** What the exit codes mean, in words. Which error has which is in ../errors.ts. */
import { EXIT_CODES } from "../errors.ts";

export const EXIT_STATUS: readonly (readonly [status: number, meaning: string])[] = [
  [0, "done, and read back from the process"],
  [1, "failed; every target is untouched or restored"],
  [2, "the command line is wrong"],
  [3, "no such target, or it went away"],
  [4, "not permitted: a capability is missing, Yama, another tracer's owner"],
  [5, "this target cannot be skewed: no vDSO, somebody else's patch, and the like"],
  [6, "busy, safe to try again: traced, frozen, cannot be stopped in time"],
  [7, "several targets: some done, some not; the report says which"],
  [8, "a target may be left changed; the report says how"],
  [126, "of run and exec: the program cannot be executed"],
  [127, "of run and exec: there is no such program; otherwise they end as the program does"],
];

/** The codes of `--json` that a command may end with at this status. */
export function errorCodesOf(status: number): string[] {
  return Object.entries(EXIT_CODES).flatMap(([code, its]) => (its === status ? [code] : []));
}
