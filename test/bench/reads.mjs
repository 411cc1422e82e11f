/**
 * What a read of a clock costs: untouched, skewed, patched but not selected, and by a raw system call.
 *
 * All of it in one process, in short rounds: untouched, skewed, not selected, system call (by a recovered process: in a
 * skewed one it is not the kernel's alone), untouched again. Each is compared with the two untouched measurements around
 * it, so that a machine that becomes slower or faster meanwhile does so for both sides of a ratio. After some rounds a
 * new process takes over: where its memory happens to lie makes the fastest reads a quarter slower or faster.
 */
import { inject, recover } from "../../dist/index.js";
import { spread, summarize } from "./statistics.mjs";
import { build, withVictim } from "./victims.mjs";

/** A round's part for one function and one state: 25 batches of 0.2 ms. */
const BATCHES = 25;
const BATCH_NS = 200_000;
/** Enough to tell how many calls make a batch. */
const CALIBRATION = "1000 25";

/** How long a read may take, as a multiple of an untouched one: issue 2. */
export const AIMS = { skewed: 1.3, notSelected: 1.1 };

/** A skew of whole seconds, but where another one costs more. */
const OFFSET = "1h";
const FRACTION = "1h500ms";

const FUNCTIONS = [
  { name: "CLOCK_REALTIME", command: "realtime", offset: OFFSET },
  { name: "CLOCK_MONOTONIC", command: "monotonic", offset: OFFSET },
  { name: "CLOCK_REALTIME_COARSE", command: "coarse", offset: OFFSET },
  { name: "gettimeofday", command: "gettimeofday", offset: OFFSET },
  { name: "time", command: "time", offset: OFFSET },
  { name: `time, skewed by ${FRACTION}`, command: "time", offset: FRACTION },
];

const SELECTED = { clocks: ["CLOCK_REALTIME", "CLOCK_MONOTONIC"] };
/** A clock that nobody reads here. */
const OTHER = { clocks: ["CLOCK_TAI"], exact: true };
/** Our victim does not mind. */
const BACKWARD = { allowBackwardMonotonic: true };

/**
 * One function's figures. Rounds hold ns per read (the median of a round's batches); ratios are per round.
 *
 * @typedef {"untouched" | "skewed" | "notSelected" | "syscall"} State
 * @typedef {object} Reads
 * @property {string} name
 * @property {Record<State, number>[]} rounds
 * @property {Record<State, import("./statistics.mjs").Summary>} ns
 * @property {Record<Exclude<State, "untouched">, import("./statistics.mjs").Summary>} ratios
 * @property {number} spread of the untouched rounds
 */

/**
 * @param {{ rounds: { processes: number, each: number }, progress: (what: string) => void }} options
 * @returns {Promise<Reads[]>}
 */
export async function measureReads({ rounds: { processes, each }, progress }) {
  const program = build("reads.c");
  const rounds = FUNCTIONS.map(() => []);
  for (let i = 0; i < processes; i++) {
    await withVictim(program, [], async (victim) => {
      for (const [f, { name, command, offset }] of FUNCTIONS.entries()) {
        progress(`reads of ${name}, process ${i + 1} of ${processes}`);
        rounds[f].push(...(await measure(victim, command, offset, each)));
      }
    });
  }
  return FUNCTIONS.map(({ name }, f) => ({ name, ...evaluate(rounds[f]) }));
}

/**
 * @param {import("./victims.mjs").Victim} victim
 * @param {string} command the function's name in reads.c
 * @param {string} offset
 * @param {number} count of rounds
 * @returns {Promise<Record<State, number>[]>}
 */
async function measure(victim, command, offset, count) {
  const { pid } = victim;
  const read = await timer(victim, command);
  const syscall = await timer(victim, `${command}-syscall`);
  const rounds = [];
  let before = await read();
  for (let i = 0; i < count; i++) {
    await inject({ pid, offset, ...SELECTED, ...BACKWARD });
    const skewed = await read();
    await inject({ pid, offset, ...OTHER, ...BACKWARD });
    const notSelected = await read();
    await recover({ pid, ...BACKWARD });
    const bySyscall = await syscall();
    const after = await read();
    rounds.push({ untouched: (before + after) / 2, skewed, notSelected, syscall: bySyscall });
    before = after;
  }
  return rounds;
}

/** A function that times a round's part: the median of its batches, in ns per read. */
async function timer(victim, command) {
  const { median } = await victim.ask(`${command} ${CALIBRATION}`);
  const calls = Math.max(1, Math.round(BATCH_NS / median));
  return async () => (await victim.ask(`${command} ${calls} ${BATCHES}`)).median;
}

/** @param {Record<State, number>[]} rounds */
function evaluate(rounds) {
  const ns = (state) => summarize(rounds.map((round) => round[state]));
  const ratio = (state) => summarize(rounds.map((round) => round[state] / round.untouched));
  const untouched = ns("untouched");
  return {
    rounds,
    ns: { untouched, skewed: ns("skewed"), notSelected: ns("notSelected"), syscall: ns("syscall") },
    ratios: { skewed: ratio("skewed"), notSelected: ratio("notSelected"), syscall: ratio("syscall") },
    spread: spread(untouched),
  };
}
