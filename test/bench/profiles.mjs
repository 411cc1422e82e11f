/**
 * What a read of a clock costs under each kind of profile, next to an untouched one and to a constant offset.
 *
 * Measured as reads.mjs does: in one process, in short rounds that begin and end untouched, each kind in turn, and compared
 * with the untouched measurements around it. What a read costs does not depend on when it is made, but for the number of
 * key frames that are searched: that is the same for all 64.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { inject, recover, status } from "../../dist/index.js";
import { spread, summarize } from "./statistics.mjs";
import { build, withVictim } from "./victims.mjs";

/** A round's part for one kind: 25 batches of 0.2 ms. */
const BATCHES = 25;
const BATCH_NS = 200_000;
/** Enough to tell how many calls make a batch. */
const CALIBRATION = "1000 25";

/** How long a read may take, as a multiple of an untouched one: issue 5. */
export const AIMS = { constant: 1.3, profile: 3 };

const MILLISECOND = 1_000_000n;
const FRAMES = 64;

/** Up and down by a millisecond, a line of a millisecond each, again and again. */
function keyframes() {
  return Array.from({ length: FRAMES }, (_, n) => ({
    at: BigInt(n) * MILLISECOND,
    offset: n % 2 === 0 ? 0n : MILLISECOND,
  }));
}

/** In the order of a round. */
const KINDS = [
  { name: "constant", aim: AIMS.constant, verbs: { offset: "1h" } },
  { name: "rate 1.5", aim: AIMS.profile, verbs: { rate: "1.5" } },
  { name: "drift 200ppm", aim: AIMS.profile, verbs: { drift: "200ppm" } },
  {
    name: `${FRAMES} key frames, repeated`,
    aim: AIMS.profile,
    verbs: { keyframes: keyframes(), repeat: true },
  },
  { name: "jitter", aim: AIMS.profile, verbs: { jitter: "1s", jitterEvery: "1ms" } },
  {
    name: "jitter that glides",
    aim: AIMS.profile,
    verbs: { jitter: "1s", jitterEvery: "1ms", jitterGlide: true },
  },
  { name: "strobe", aim: AIMS.profile, verbs: { strobe: "1s", period: "1ms" } },
  { name: "offset, its duration running", aim: AIMS.profile, verbs: { offset: "1h", duration: "1h" } },
  { name: "offset, its duration over", aim: AIMS.profile, verbs: { offset: "1h", duration: "1us" } },
];

/**
 * One kind's figures. Rounds hold ns per read (the median of a round's batches); ratios are per round.
 *
 * @typedef {object} Kind
 * @property {string} name
 * @property {number} aim
 * @property {{ untouched: number, skewed: number }[]} rounds
 * @property {import("./statistics.mjs").Summary} ns
 * @property {import("./statistics.mjs").Summary} ratio
 */

/**
 * @param {{ rounds: { processes: number, each: number }, progress: (what: string) => void }} options
 * @returns {Promise<{ kinds: Kind[], untouched: import("./statistics.mjs").Summary, spread: number }>}
 */
export async function measureProfiles({ rounds: { processes, each }, progress }) {
  const program = build("reads.c");
  const rounds = KINDS.map(() => []);
  for (let i = 0; i < processes; i++) {
    await withVictim(program, [], async (victim) => {
      for (let round = 0; round < each; round++) {
        progress(`reads under profiles, process ${i + 1} of ${processes}, round ${round + 1} of ${each}`);
        for (const [k, figures] of (await measureRound(victim)).entries()) rounds[k].push(figures);
      }
    });
  }
  const untouched = summarize(rounds.flat().map((figures) => figures.untouched));
  const kinds = KINDS.map(({ name, aim }, k) => ({ name, aim, ...evaluate(rounds[k]) }));
  return { kinds, untouched, spread: spread(untouched) };
}

/**
 * Every kind once, each between two untouched measurements.
 *
 * @param {import("./victims.mjs").Victim} victim
 */
async function measureRound(victim) {
  const { pid } = victim;
  const { median } = await victim.ask(`realtime ${CALIBRATION}`);
  const calls = Math.max(1, Math.round(BATCH_NS / median));
  const read = async () => (await victim.ask(`realtime ${calls} ${BATCHES}`)).median;
  const round = [];
  let before = await read();
  for (const { verbs } of KINDS) {
    await inject({ pid, ...verbs });
    await begin(pid);
    const skewed = await read();
    await recover({ pid });
    const after = await read();
    round.push({ untouched: (before + after) / 2, skewed });
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

/** @param {{ untouched: number, skewed: number }[]} rounds */
function evaluate(rounds) {
  return {
    rounds,
    ns: summarize(rounds.map(({ skewed }) => skewed)),
    ratio: summarize(rounds.map(({ untouched, skewed }) => skewed / untouched)),
  };
}
