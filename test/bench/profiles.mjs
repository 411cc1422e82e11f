/**
 * What a read of each clock costs under each kind of profile, next to an untouched one and to a constant offset.
 *
 * Measured as reads.mjs does: in one process, in short rounds. Each kind in turn, with all functions, between two times all
 * functions untouched. What a read costs does not depend on when it is made, but for the number of key frames that are
 * searched: that is the same for all 64.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { inject, recover, status } from "../../dist/engine.js";
import { timer } from "./reads.mjs";
import { quietRounds, spread, summarize } from "./statistics.mjs";
import { build, withVictim } from "./victims.mjs";

const MILLISECOND = 1_000_000n;
const FRAMES = 64;

/** Up and down by a millisecond, a line of a millisecond each, again and again. */
function keyframes() {
  return Array.from({ length: FRAMES }, (_, n) => ({
    at: BigInt(n) * MILLISECOND,
    offset: n % 2 === 0 ? 0n : MILLISECOND,
  }));
}

const JITTER = { jitter: "1s", jitterEvery: "1ms" };

/** In the order of a round; `flag`: as the README names it. */
const KINDS = [
  { name: "constant", flag: "a constant offset", verbs: { offset: "1h" } },
  { name: "rate 1.5", flag: "`--rate`", verbs: { rate: "1.5" } },
  { name: "drift 200ppm", flag: "`--drift`", verbs: { drift: "200ppm" } },
  {
    name: `${FRAMES} key frames, repeated`,
    flag: `${FRAMES} \`--keyframes\`, repeated`,
    verbs: { keyframes: keyframes(), repeat: true },
  },
  { name: "jitter", flag: "`--jitter`", verbs: JITTER },
  { name: "jitter that glides", flag: "`--jitter-glide`", verbs: { ...JITTER, jitterGlide: true } },
  { name: "strobe", flag: "`--strobe`", verbs: { strobe: "1s", period: "1ms" } },
  { name: "offset, its duration running", flag: "`--duration`", verbs: { offset: "1h", duration: "1h" } },
  { name: "offset, its duration over", flag: "the same, over", verbs: { offset: "1h", duration: "1us" } },
];

const FUNCTIONS = [
  { name: "CLOCK_REALTIME", command: "realtime" },
  { name: "CLOCK_MONOTONIC", command: "monotonic" },
  { name: "CLOCK_BOOTTIME", command: "boottime" },
  { name: "CLOCK_TAI", command: "tai" },
  { name: "CLOCK_REALTIME_COARSE", command: "realtime-coarse" },
  { name: "CLOCK_MONOTONIC_COARSE", command: "monotonic-coarse" },
  { name: "gettimeofday", command: "gettimeofday" },
  { name: "time", command: "time" },
];

/** Our victim does not mind that its monotonic clocks go back. */
const SETTINGS = { clocks: ["CLOCK_REALTIME", "CLOCK_MONOTONIC"], allowBackwardMonotonic: true };

/**
 * One kind's figures, by function. Rounds hold ns per read (the median of a round's batches).
 *
 * @typedef {import("./statistics.mjs").Summary} Summary
 * @typedef {{ process: number, before: number, after: number, skewed: number }} Round
 * @typedef {object} Cell
 * @property {string} function
 * @property {Round[]} rounds
 * @property {number} quiet
 * @property {boolean} noisy
 * @property {Summary} ns of the quiet rounds
 * @property {Summary} ratio to the untouched reads of the round
 * @typedef {{ name: string, flag: string, cells: Cell[] }} Kind
 */

/**
 * @param {{ rounds: { processes: number, each: number }, progress: (what: string) => void }} options
 * @returns {Promise<{ kinds: Kind[], untouched: { function: string, ns: Summary }[], spread: number }>}
 */
export async function measureProfiles({ rounds: { processes, each }, progress }) {
  const program = build("reads.c", "percall.c");
  const rounds = KINDS.map(() => FUNCTIONS.map(() => []));
  for (let process = 0; process < processes; process++) {
    await withVictim(program, [], async (victim) => {
      const timers = [];
      for (const { command } of FUNCTIONS) timers.push(await timer(victim, command));
      for (let round = 0; round < each; round++) {
        progress(
          `reads under profiles, process ${process + 1} of ${processes}, round ${round + 1} of ${each}`,
        );
        const figures = await measureRound(victim.pid, timers);
        for (const [k, kind] of figures.entries()) {
          for (const [f, cell] of kind.entries()) rounds[k][f].push({ process, ...cell });
        }
      }
    });
  }
  return evaluate(rounds);
}

/** Every kind once, each between two untouched measurements; figures by kind and function. */
async function measureRound(pid, timers) {
  const readAll = async () => {
    const all = [];
    for (const read of timers) all.push(await read());
    return all;
  };
  const round = [];
  let before = await readAll();
  for (const { verbs } of KINDS) {
    await inject({ pid, ...verbs, ...SETTINGS });
    await begin(pid);
    const skewed = await readAll();
    await recover({ pid, allowBackwardMonotonic: true });
    const after = await readAll();
    round.push(skewed.map((ns, f) => ({ before: before[f], after: after[f], skewed: ns })));
    before = after;
  }
  return round;
}

/**
 * Until the profile has begun, which it does a moment after its injection.
 *
 * @param {number} pid
 */
async function begin(pid) {
  for (;;) {
    const { rows } = await status({ pids: [pid] });
    if (rows[0].skew.profile?.phase !== "waiting") return;
    await sleep(5);
  }
}

function evaluate(rounds) {
  const cell = (all) => {
    const { rounds: chosen, quiet, noisy } = quietRounds(all);
    const ns = summarize(chosen.map(({ skewed }) => skewed));
    const ratio = summarize(chosen.map(({ before, after, skewed }) => (2 * skewed) / (before + after)));
    return { rounds: all, quiet, noisy, ns, ratio };
  };
  const kinds = KINDS.map(({ name, flag }, k) => ({
    name,
    flag,
    cells: FUNCTIONS.map((each, f) => ({ function: each.name, ...cell(rounds[k][f]) })),
  }));
  const untouched = FUNCTIONS.map(({ name }, f) => {
    const all = rounds.flatMap((kind) => kind[f]);
    return { function: name, ns: summarize(quietRounds(all).rounds.map(({ before }) => before)) };
  });
  const realtime = rounds.flatMap((kind) => kind[0]).map(({ before }) => before);
  return { kinds, untouched, spread: spread(summarize(realtime)) };
}
