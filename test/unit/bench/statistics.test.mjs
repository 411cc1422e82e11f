/** What the rounds of the benchmark come to, and which of them count. */
import { describe, expect, test } from "vitest";
import { quietRounds, spread, summarize } from "../../bench/statistics.mjs";

test("quantiles lie between the values", () => {
  expect(summarize([5, 1, 3, 2, 4])).toEqual({ rounds: 5, min: 1, p10: 1.4, median: 3, p90: 4.6 });
  expect(summarize([1, 2]).median).toBe(1.5);
  expect(spread({ p10: 90, median: 100, p90: 120 })).toBe(0.3);
});

describe("quiet rounds", () => {
  const round = (before, after, more = {}) => ({ process: 0, before, after, skewed: 1, ...more });
  const calm = [round(20, 20.5), round(20.2, 20), round(20, 20), round(20.1, 20)];

  test("are those with the same untouched reads before and after", () => {
    const disturbed = round(20, 23);
    expect(quietRounds([...calm, disturbed])).toEqual({ rounds: calm, quiet: 4, noisy: false });
  });

  test("are near the fastest of their process: a machine may be slow all along a round", () => {
    expect(quietRounds([...calm, round(24, 24.1)]).rounds).toEqual(calm);
    const other = round(24, 24.1, { process: 1 });
    expect(quietRounds([...calm, other]).rounds).toEqual([...calm, other]);
  });

  test("are chosen whatever was measured between", () => {
    const slow = round(20, 20, { skewed: 1000 });
    expect(quietRounds([...calm, slow]).rounds).toContain(slow);
  });

  test("too few of them: all rounds, and it is said", () => {
    const disturbed = Array.from({ length: 20 }, (_, index) => round(21 + index, 50));
    expect(quietRounds([...disturbed, ...calm.slice(0, 2)])).toEqual({
      rounds: [...disturbed, ...calm.slice(0, 2)],
      quiet: 2,
      noisy: true,
    });
  });

  test("may differ by more where that is said", () => {
    expect(quietRounds([...calm, round(20, 21.5)], { alike: 0.1, near: 0.2 }).quiet).toBe(5);
  });
});
