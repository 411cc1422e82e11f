import { describe, expect, it } from "vitest";
import { horizonOf } from "../../../src/chart/horizon.ts";
import { marksOf } from "../../../src/chart/marks.ts";
import type { Subject } from "../../../src/chart/subject.ts";
import { formatDuration, parseDuration } from "../../../src/skew/duration.ts";
import { parseVerbs, shapeOf, type VerbTexts } from "../../../src/skew/verbs.ts";

const MIDNIGHT = 1_798_761_600_000_000_000n;

function subjectOf(texts: VerbTexts, clock = 0): Subject {
  const verbs = parseVerbs(texts);
  const shape = shapeOf(verbs, { realtime: MIDNIGHT - parseDuration("10h"), offset: 0n });
  return { ...shape, clock, begin: verbs.startIn };
}

describe("how much is shown where nobody says it", () => {
  it.each<[string, VerbTexts]>([
    ["1m", { offset: "-10m" }],
    ["1m", { freeze: true }],
    ["1m", { rate: "2" }],
    ["1h", { drift: "200ppm" }],
    ["24h", { drift: "1ppm" }],
    ["15m", { slew: "5s", over: "10m" }],
    ["8s", { strobe: "200ms", period: "1s" }],
    ["8ms", { strobe: "200ms", period: "1ms" }],
    ["30s", { jitter: "1ms", seed: "1" }],
    ["30s", { jitter: "1ms", seed: "1", drift: "1ppm" }],
    ["15m", { slew: "5s", over: "10m", jitter: "1ms", jitterEvery: "1ms", seed: "1" }],
    ["14s", { offset: "1s", duration: "11s" }],
    ["3m", { offset: "1s", duration: "10s", every: "1m" }],
    ["3m", { strobe: "1s", period: "1ms", duration: "10s", every: "1m" }],
    ["3m20s", { offset: "1s", duration: "10s", every: "1m", startIn: "20s" }],
    ["15h", { leap: "insert" }],
    ["28h", { leap: "insert", smear: "15h" }],
  ])("%s", (expected, texts) => {
    expect(formatDuration(horizonOf(subjectOf(texts)))).toBe(expected);
  });
});

describe("marks", () => {
  function marks(texts: VerbTexts, until: string, clock = 0): string[] {
    const view = { from: 0n, until: parseDuration(until) };
    return marksOf(subjectOf(texts, clock), view).map(({ at, label }) => `${label} ${formatDuration(at)}`);
  }

  it.each<[string, VerbTexts, string[]]>([
    ["1m", { offset: "1s" }, ["begins 0s"]],
    ["1m", { offset: "1s", startIn: "5s" }, ["begins 5s"]],
    ["1m", { offset: "1s", startIn: "2m" }, []],
    ["1m", { offset: "1s", duration: "10s" }, ["begins 0s", "ends 10s"]],
    ["10s", { offset: "1s", duration: "10s" }, ["begins 0s"]],
    [
      "2m5s",
      { offset: "1s", duration: "10s", every: "1m", startIn: "1s" },
      ["begins 1s", "ends 11s", "again 1m1s", "ends 1m11s", "again 2m1s"],
    ],
    ["3h", { offset: "1s", duration: "10s", every: "1m" }, ["begins 0s", "ends 10s"]],
    ["12h", { leap: "delete" }, ["begins 0s", "leap second 9h59m59s"]],
    ["12h", { leap: "insert" }, ["begins 0s", "leap second 10h"]],
    ["9h", { leap: "insert" }, ["begins 0s"]],
    ["12h", { leap: "insert", smear: "1h" }, ["begins 0s"]],
  ])("in %s of %o", (until, texts, expected) => {
    expect(marks(texts, until)).toEqual(expected);
  });

  it("have no leap second on a clock that has none", () => {
    expect(marks({ leap: "insert" }, "12h", 11)).toEqual(["begins 0s"]);
  });
});
