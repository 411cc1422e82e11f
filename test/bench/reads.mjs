/**
 * What a read of a clock costs: untouched, skewed, patched but not selected, by a raw system call, and by other tools' ways.
 *
 * Short rounds, all processes of which take turns on one processor: one of ours is untouched, skewed, not selected, makes raw
 * system calls (recovered: in a skewed one they are not the kernel's alone), and is untouched again; between its skewed reads
 * and the others, each rival reads (rivals.mjs). All are compared with the two untouched measurements around them, so that a
 * machine that becomes slower or faster meanwhile does so for both sides of a ratio. After some rounds new processes take
 * over: where its memory happens to lie makes a process's fastest reads a quarter slower or faster.
 */
import { inject, recover } from "../../dist/engine.js";
import { findRivals, withRivals } from "./rivals.mjs";
import { quietRounds, spread, summarize } from "./statistics.mjs";
import { build, withVictim } from "./victims.mjs";

/** A round's part for one function and one state: 15 batches of 0.2 ms. */
const BATCHES = 15;
const BATCH_NS = 200_000;
/** Enough to tell how many calls make a batch. */
const CALIBRATION = "1000 25";

/** A skew of whole seconds, but where another one costs more. */
const OFFSET = "1h";
const FRACTION = "1h500ms";
const BOTH = { clocks: ["CLOCK_REALTIME", "CLOCK_MONOTONIC"] };
const TAI = { clocks: ["CLOCK_TAI"], exact: true };
const BOOTTIME = { clocks: ["CLOCK_BOOTTIME"], exact: true };

/** `other`: a skew that does not concern it. */
const FUNCTIONS = [
  { name: "CLOCK_REALTIME", command: "realtime", offset: OFFSET, other: TAI },
  { name: "CLOCK_MONOTONIC", command: "monotonic", offset: OFFSET, other: TAI },
  { name: "CLOCK_BOOTTIME", command: "boottime", offset: OFFSET, other: TAI },
  { name: "CLOCK_TAI", command: "tai", offset: OFFSET, other: BOOTTIME },
  { name: "CLOCK_REALTIME_COARSE", command: "realtime-coarse", offset: OFFSET, other: TAI },
  { name: "CLOCK_MONOTONIC_COARSE", command: "monotonic-coarse", offset: OFFSET, other: TAI },
  { name: "gettimeofday", command: "gettimeofday", offset: OFFSET, other: TAI },
  { name: "time", command: "time", offset: OFFSET, other: TAI },
  { name: `time, skewed by ${FRACTION}`, command: "time", offset: FRACTION, other: TAI },
  { name: "clock_getres", command: "clock_getres", offset: OFFSET, other: TAI },
];

/** Our victim does not mind. */
const BACKWARD = { allowBackwardMonotonic: true };

/**
 * One function's figures. Rounds hold ns per read (the median of a round's batches); all that is summed up is of the quiet
 * rounds, if there were enough of them.
 *
 * @typedef {import("./statistics.mjs").Summary} Summary
 * @typedef {"untouched" | "skewed" | "notSelected" | "syscall" | string} State the others are keys of rivals
 * @typedef {object} Reads
 * @property {string} name
 * @property {string} command
 * @property {({ process: number, before: number, after: number } & Record<State, number>)[]} rounds
 * @property {number} total of rounds
 * @property {number} quiet how many of them were
 * @property {boolean} noisy
 * @property {Record<State, Summary>} ns
 * @property {Record<State, Summary>} ratios to the untouched reads of the round
 * @property {Record<string, Summary>} gains of rivals: their reads ÷ skewed ones, round by round
 * @property {number} spread of all rounds' untouched reads
 */

/**
 * @param {{ rounds: { processes: number, each: number }, progress: (what: string) => void }} options
 * @returns {Promise<{ functions: Reads[], missing: string[], faketime: string[] }>} `faketime`: its version, if it is there
 */
export async function measureReads({ rounds: { processes, each }, progress }) {
  const program = build("reads.c", "percall.c");
  const { rivals, missing, faketime } = findRivals();
  const rounds = FUNCTIONS.map(() => []);
  for (let process = 0; process < processes; process++) {
    await withVictim(program, [], (victim) =>
      withRivals(program, rivals, async (others) => {
        for (const [f, what] of FUNCTIONS.entries()) {
          progress(`reads of ${what.name}, process ${process + 1} of ${processes}`);
          const measured = await measure(victim, others, what, each);
          rounds[f].push(...measured.map((round) => ({ process, ...round })));
        }
      }),
    );
  }
  const keys = rivals.map(({ key }) => key);
  const functions = FUNCTIONS.map(({ name, command }, f) => ({
    name,
    command,
    ...evaluate(rounds[f], keys),
  }));
  return { functions, missing, faketime: faketime === undefined ? [] : [faketime] };
}

/**
 * @param {import("./victims.mjs").Victim} victim
 * @param {Map<string, import("./victims.mjs").Victim>} others
 * @param {(typeof FUNCTIONS)[number]} what
 * @param {number} count of rounds
 */
async function measure(victim, others, { command, offset, other }, count) {
  const { pid } = victim;
  const read = await timer(victim, command);
  const syscall = await timer(victim, `${command}-syscall`);
  const rivals = [];
  for (const [key, each] of others) rivals.push({ key, read: await timer(each, command) });
  const rounds = [];
  let before = await read();
  for (let i = 0; i < count; i++) {
    await inject({ pid, offset, ...BOTH, ...BACKWARD });
    const round = { skewed: await read() };
    for (const { key, read } of rivals) round[key] = await read();
    await inject({ pid, offset, ...other, ...BACKWARD });
    round.notSelected = await read();
    await recover({ pid, ...BACKWARD });
    round.syscall = await syscall();
    const after = await read();
    rounds.push({ before, after, untouched: (before + after) / 2, ...round });
    before = after;
  }
  return rounds;
}

/**
 * A function that times a round's part: the median of its batches, in ns per read.
 *
 * @param {import("./victims.mjs").Victim} victim
 * @param {string} command the function's name in reads.c
 */
export async function timer(victim, command) {
  const { median } = await victim.ask(`${command} ${CALIBRATION}`);
  const calls = Math.max(1, Math.round(BATCH_NS / median));
  return async () => (await victim.ask(`${command} ${calls} ${BATCHES}`)).median;
}

/** @returns {Omit<Reads, "name" | "command">} */
function evaluate(all, rivals) {
  const { rounds, quiet, noisy } = quietRounds(all);
  const states = ["skewed", "notSelected", "syscall", ...rivals];
  const ns = (state) => summarize(rounds.map((round) => round[state]));
  const over = (below) => (state) => summarize(rounds.map((round) => round[state] / round[below]));
  return {
    rounds: all,
    total: all.length,
    quiet,
    noisy,
    ns: record(["untouched", ...states], ns),
    ratios: record(states, over("untouched")),
    gains: record(rivals, over("skewed")),
    spread: spread(summarize(all.map(({ untouched }) => untouched))),
  };
}

/** @returns {Record<string, Summary>} */
function record(keys, summary) {
  return Object.fromEntries(keys.map((key) => [key, summary(key)]));
}
