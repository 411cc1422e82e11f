/**
 * How much of the harness runs: a spread of the operations by default, all of them with `npm run test:fault`; with
 * TIMESKEW_FAULTS=60 a spread of 60 for each action, and every errno of each.
 */
import type { Extent } from "./bench.ts";

const setting = process.env.TIMESKEW_FAULTS;

/** A long run. */
export const LONG = setting !== undefined;
export const TIMEOUT_MS = LONG ? 3 * 3_600_000 : 120_000;

/** @param most how many operations of an action the default covers */
export function extent(most: number): Extent {
  if (setting === undefined) return { most, oneErrno: true };
  return setting === "all" ? {} : { most: Number(setting) };
}
