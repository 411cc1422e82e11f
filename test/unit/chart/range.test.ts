import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { columnsOf, curveOf } from "../../../src/chart/curve.ts";
import { rangesOf } from "../../../src/chart/range.ts";
import type { Subject } from "../../../src/chart/subject.ts";
import { ALL_TRACKED, HOLD, type Profile } from "../../../src/skew/profile.ts";
import { ROUNDING, subject, timeWithin, truth } from "./subjects.ts";

const SECOND = 1_000_000_000n;
const fractions = fc.array(fc.integer({ min: 0, max: 999_999 }), { minLength: 20, maxLength: 20 });
const span = fc.tuple(fc.bigInt(0n, 10n ** 14n), fc.bigInt(1n, 10n ** 14n));

function profileOf(more: Partial<Profile>): Profile {
  return { duration: 0n, every: 0n, tracks: [], noise: undefined, text: "", ...more };
}

const strobe = {
  clocks: ALL_TRACKED,
  period: 2_000_000n,
  frames: [
    { at: 0n, offset: SECOND },
    { at: 1_000_000n, offset: SECOND },
    { at: 1_000_000n, offset: 0n },
  ],
  tail: HOLD,
};

function range(more: Partial<Subject>, from: bigint, until: bigint): { low: bigint; high: bigint } {
  return rangesOf({ base: 0n, profile: undefined, clock: 0, begin: 0n, ...more })(from, until);
}

describe("the range of a span", () => {
  it("contains every offset of it", () => {
    fc.assert(
      fc.property(subject, span, fractions, (one, [from, length], times) => {
        const until = from + length;
        const { low, high } = rangesOf(one)(from, until);
        for (const at of [from, until - 1n, ...times.map((each) => timeWithin({ from, until }, each))]) {
          const offset = truth(one, at);
          expect(
            low - ROUNDING <= offset && offset <= high + ROUNDING,
            `${low} <= ${offset} <= ${high} at ${at}`,
          ).toBe(true);
        }
      }),
      { numRuns: 400 },
    );
  });

  it("is exact, but for rounding, where each nanosecond can be looked at", () => {
    const short = fc.tuple(fc.bigInt(0n, 200n), fc.bigInt(1n, 60n));
    fc.assert(
      fc.property(subject, short, (one, [from, length]) => {
        if (curveOf(one, { from, until: from + length }, 16).kind === "band") return;
        const offsets = Array.from({ length: Number(length) }, (_, index) =>
          truth(one, from + BigInt(index)),
        );
        const sorted = offsets.sort((a, b) => (a < b ? -1 : Number(a > b)));
        const { low, high } = rangesOf(one)(from, from + length);
        for (const difference of [low - sorted[0]!, sorted.at(-1)! - high]) {
          expect(difference >= 0n && difference <= ROUNDING, `${difference}`).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("is that of the strobe, however often it goes forth and back", () => {
    const profile = profileOf({ tracks: [strobe] });
    expect(range({ profile }, 0n, 3600n * SECOND)).toEqual({ low: 0n, high: SECOND });
    expect(range({ profile, base: 5n }, SECOND, 2n * SECOND)).toEqual({ low: 5n, high: SECOND + 5n });
    expect(range({ profile }, 0n, 1_000_000n)).toEqual({ low: SECOND, high: SECOND });
  });

  it("has zero in it only where the skew is not in force", () => {
    const profile = profileOf({ tracks: [strobe], duration: 10n * SECOND, every: 60n * SECOND });
    const one = { profile, base: SECOND };
    expect(range(one, 2n * SECOND, 8n * SECOND)).toEqual({ low: SECOND, high: 2n * SECOND });
    expect(range(one, 62n * SECOND, 68n * SECOND)).toEqual({ low: SECOND, high: 2n * SECOND });
    expect(range(one, 62n * SECOND, 72n * SECOND)).toEqual({ low: 0n, high: 2n * SECOND });
    expect(range(one, 20n * SECOND, 50n * SECOND)).toEqual({ low: 0n, high: 0n });
    expect(range(one, 20n * SECOND, 67n * SECOND)).toEqual({ low: 0n, high: 2n * SECOND });
    expect(range({ ...one, begin: SECOND }, 0n, 5n * SECOND)).toEqual({ low: 0n, high: 2n * SECOND });
  });

  it("is within the amplitude of noise that nobody could look through", () => {
    const noise = { amplitude: 7n, every: 1_000n, seed: 1n, glides: false };
    expect(range({ profile: profileOf({ noise }) }, 0n, 10n ** 18n)).toEqual({ low: -7n, high: 7n });
  });
});

describe("a curve", () => {
  it("is the model's points, the first and the last of each piece", () => {
    fc.assert(
      fc.property(subject, fc.bigInt(1n, 10n ** 14n), (one, until) => {
        const curve = curveOf(one, { from: 0n, until }, 300);
        if (curve.kind === "band") return;
        expect(curve.points[0]?.at).toBe(0n);
        for (const { at, offset } of curve.points) expect(offset).toBe(truth(one, at));
        for (const [index, { at }] of curve.points.entries()) {
          expect(at > (curve.points[index - 1]?.at ?? -1n)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("is a band where there are more pieces than columns", () => {
    const one = { base: 0n, profile: profileOf({ tracks: [strobe] }), clock: 0, begin: 0n };
    expect(curveOf(one, { from: 0n, until: 600_000_000n }, 640)).toHaveProperty("kind", "line");
    const curve = curveOf(one, { from: 0n, until: 60n * SECOND }, 640);
    if (curve.kind !== "band") throw new Error("a line");
    expect(curve.columns).toHaveLength(640);
    for (const { low, high } of curve.columns) expect({ low, high }).toEqual({ low: 0n, high: SECOND });
  });
});

describe("columns", () => {
  it("leave nothing out", () => {
    fc.assert(
      fc.property(
        fc.bigInt(-1000n, 1000n),
        fc.bigInt(1n, 10n ** 6n),
        fc.integer({ min: 1, max: 99 }),
        (from, length, count) => {
          const view = { from, until: from + length };
          const columns = columnsOf({ base: 1n, profile: undefined, clock: 0, begin: 0n }, view, count);
          expect(columns).toHaveLength(count);
          expect(columns[0]?.from).toBe(view.from);
          if (length >= BigInt(count)) expect(columns.at(-1)?.until).toBe(view.until);
          for (const [index, column] of columns.slice(1).entries()) {
            expect(column.from <= columns[index]!.until).toBe(true);
          }
        },
      ),
    );
  });
});
