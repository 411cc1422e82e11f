/** Which JSON is taken for a report of the benchmark. */
import { describe, expect, test } from "vitest";
import { misfits, withoutRounds } from "../../bench/shape.mjs";
import { specimen } from "./specimen.mjs";

/** A report in which something is different. */
function changed(change) {
  const report = specimen();
  change(report);
  return misfits(report);
}

test("a whole report, and one of a few parts", () => {
  expect(misfits(specimen())).toEqual([]);
  const { profiles, sets, ...few } = specimen();
  expect(misfits(few)).toEqual([]);
});

describe("is refused", () => {
  test.each([
    ["report: is no object", () => misfits([])],
    ["report: is no object", () => misfits(null)],
    ["report.machine: is missing", () => changed((report) => delete report.machine)],
    ["report.machine.cpus: is no number", () => changed(({ machine }) => (machine.cpus = "2"))],
    ["report.pause: is no list", () => changed((report) => (report.pause = {}))],
    ["report.pause[0].inject.p90: is missing", () => changed(({ pause }) => delete pause[0].inject.p90)],
    [
      "report.reads.functions[0].ns.skewed.median: is no number",
      () => changed(({ reads }) => (reads.functions[0].ns.skewed.median = Number.NaN)),
    ],
    ["report.start.noisy: is no boolean", () => changed(({ start }) => (start.noisy = 0))],
  ])("%s", (words, misfit) => {
    expect(misfit()).toEqual([words]);
  });
});

test("what is kept has no figures of rounds, but how many there were", () => {
  const report = specimen();
  report.pause[0].rounds = [{ injectNs: 1 }];
  const kept = withoutRounds(report);
  expect(kept.pause[0]).not.toHaveProperty("rounds");
  expect(kept.pause[0].inject.rounds).toBe(20);
  expect(misfits(kept)).toEqual([]);
});
