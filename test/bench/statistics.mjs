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
