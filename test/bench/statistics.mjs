/** Order statistics: what a shared machine does to a few rounds leaves them alone. */

/**
 * What many rounds come to.
 *
 * @typedef {{ rounds: number, min: number, p10: number, median: number, p90: number }} Summary
 */

/**
 * @param {readonly number[]} values
 * @param {number} q 0 … 1; between two values it is interpolated
 * @returns {number}
 */
function quantile(values, q) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)];
  return below + (sorted[Math.ceil(at)] - below) * (at - Math.floor(at));
}

/**
 * @param {readonly number[]} values at least one
 * @returns {Summary}
 */
export function summarize(values) {
  return {
    rounds: values.length,
    min: Math.min(...values),
    p10: quantile(values, 0.1),
    median: quantile(values, 0.5),
    p90: quantile(values, 0.9),
  };
}

/** How far apart the rounds lie that should be alike: p10 to p90, as a part of the median. */
export function spread({ p10, p90, median }) {
  return (p90 - p10) / median;
}

/** A measurement whose alike rounds are further apart than this is called noisy. */
export const NOISY = 0.15;

/** In a quiet round of reads the two untouched measurements are as much alike, and as near to the fastest of their process. */
const READS = { alike: 0.05, near: 0.1 };
/** The same of whole commands, which vary by themselves. */
export const COMMANDS = { alike: 0.1, near: 0.2 };
/** Of all rounds; with fewer, nothing can be said of a quiet machine. */
const ENOUGH = 0.2;

/**
 * Chooses the rounds in which nothing else disturbed the machine, by nothing but what was measured of the untouched
 * process before and after: what it is compared with has no say in it.
 *
 * @template {{ process: number, before: number, after: number }} Round
 * @param {readonly Round[]} rounds at least one; `process`: how fast the fastest reads are differs between processes
 * @param {{ alike: number, near: number }} tolerance parts of the smaller one
 * @returns {{ rounds: Round[], quiet: number, noisy: boolean }} `noisy`: too few were quiet, so these are all rounds
 */
export function quietRounds(rounds, { alike, near } = READS) {
  const fastest = new Map();
  for (const { process, before, after } of rounds) {
    fastest.set(process, Math.min(fastest.get(process) ?? Infinity, before, after));
  }
  const chosen = rounds.filter(({ process, before, after }) => {
    const [low, high] = [Math.min(before, after), Math.max(before, after)];
    return high <= low * (1 + alike) && high <= fastest.get(process) * (1 + near);
  });
  const noisy = chosen.length < rounds.length * ENOUGH;
  return { rounds: noisy ? [...rounds] : chosen, quiet: chosen.length, noisy };
}
