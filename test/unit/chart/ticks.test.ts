import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isFarFromZero, offsetAxis } from "../../../src/chart/axes.ts";
import { offsetLabel, STEPS, stepFor, ticksBetween, timeLabel } from "../../../src/chart/ticks.ts";
import { parseDuration } from "../../../src/skew/duration.ts";

const ns = fc
  .tuple(fc.bigInt(-999n, 999n), fc.integer({ min: 0, max: 14 }))
  .map(([digits, power]) => digits * 10n ** BigInt(power));

function labels(low: string, high: string, step: string): string[] {
  const [from, to, apart] = [low, high, step].map(parseDuration);
  return ticksBetween(from!, to!, apart!, offsetLabel).map(({ label }) => label);
}

describe("ticks", () => {
  it.each([
    ["0s", "1s", "200ms", ["0", "+0.2s", "+0.4s", "+0.6s", "+0.8s", "+1s"]],
    ["-200ms", "200ms", "100ms", ["-200ms", "-100ms", "0", "+100ms", "+200ms"]],
    ["-1us", "0s", "500ns", ["-1µs", "-0.5µs", "0"]],
    ["0s", "2m", "30s", ["0", "+30s", "+1m", "+1m30s", "+2m"]],
    ["0s", "2d", "12h", ["0", "+12h", "+1d", "+1d12h", "+2d"]],
    ["-90m", "-30m", "15m", ["-1h30m", "-1h15m", "-1h", "-45m", "-30m"]],
    ["59.5s", "60.5s", "500ms", ["+59.5s", "+1m", "+1m500ms"]],
    ["1ns", "3ns", "1ns", ["+1ns", "+2ns", "+3ns"]],
  ])("from %s to %s, each %s", (low, high, step, expected) => {
    expect(labels(low, high, step)).toEqual(expected);
  });

  it("have labels that are exact", () => {
    fc.assert(
      fc.property(ns, ns, (at, most) => {
        const label = timeLabel(at, most < 0n ? -most : most);
        expect(label === "0" ? 0n : parseDuration(label)).toBe(at);
      }),
    );
  });

  it("are as far apart as people count, from 1 ns to centuries", () => {
    expect(STEPS.every((step, index) => index === 0 || step > STEPS[index - 1]!)).toBe(true);
    expect(stepFor(1n, 5)).toBe(1n);
    expect(stepFor(parseDuration("1m"), 12)).toBe(parseDuration("5s"));
    expect(stepFor(parseDuration("1m"), 11)).toBe(parseDuration("10s"));
    expect(timeLabel(stepFor(2n ** 63n, 5), 2n ** 63n)).toBe("50000d");
  });
});

describe("the axis of offsets", () => {
  it("has every offset between its ends, which are ticks, and not too many of these", () => {
    fc.assert(
      fc.property(ns, ns, fc.integer({ min: 3, max: 8 }), (a, b, most) => {
        const range = a < b ? { low: a, high: b } : { low: b, high: a };
        const origin = isFarFromZero(range) ? range.low : 0n;
        const { low, high, ticks } = offsetAxis(range, origin, most);
        expect(low <= range.low && range.high <= high).toBe(true);
        expect([ticks[0]?.at, ticks.at(-1)?.at]).toEqual([low, high]);
        expect(ticks.some(({ at, label }) => at === origin && label === "0")).toBe(true);
        expect(ticks.length).toBeGreaterThan(1);
        expect(ticks.length).toBeLessThanOrEqual(most + 2);
      }),
    );
  });

  it("has the true time on it, unless nothing would be seen of the changes then", () => {
    const at = (low: string, high: string) =>
      isFarFromZero({ low: parseDuration(low), high: parseDuration(high) });
    expect([at("10m", "10m"), at("0s", "1ns"), at("-2s", "1s"), at("1s", "2s"), at("10m", "10m1s")]).toEqual([
      false,
      false,
      false,
      false,
      true,
    ]);
    expect(at("-10m1s", "-10m")).toBe(true);
  });
});
