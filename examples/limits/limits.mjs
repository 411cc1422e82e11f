/**
 * All limits, in the order of README.md. `look` makes the experiment: what was `seen`, in words, and whether that `holds`
 * what is expected. `needs`: commands, each with its Debian package.
 *
 * @typedef {{
 *   name: string, expected: string, needs?: Record<string, string>,
 *   look: (trial: import("./trial.mjs").Trial) => Promise<{ seen: string, holds: boolean }>,
 * }} Limit
 */
import { CALLS } from "./calls.mjs";
import { READINGS } from "./readings.mjs";
import { REFUSALS } from "./refusals.mjs";
import { SETS } from "./sets.mjs";
import { SURPRISES } from "./surprises.mjs";
import { WAITS } from "./waits.mjs";

/** @type {readonly Limit[]} */
export const LIMITS = [...SURPRISES, ...READINGS, ...CALLS, ...WAITS, ...SETS, ...REFUSALS];
