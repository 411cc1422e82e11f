import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundsOf, ceilingOf, swingOf } from "../../../src/skew/bounds.ts";
import { offsetAt, type Profile } from "../../../src/skew/profile.ts";
import { parseVerbs, type Shape, shapeOf, type VerbTexts } from "../../../src/skew/verbs.ts";
import { HORIZON, plainShape, shape } from "./profiles.ts";

const INT64_MAX = 2n ** 63n - 1n;
const clocks = fc.constantFrom(0, 1, 11);
const horizons = fc.integer({ min: 0, max: HORIZON });

function offsets({ base, profile }: Shape & { profile: Profile }, clock: number, horizon: number): bigint[] {
  return Array.from({ length: horizon + 1 }, (_, elapsed) => offsetAt(base, profile, clock, BigInt(elapsed)));
}

const least = (values: bigint[]) => values.reduce((a, b) => (b < a ? b : a));
const most = (values: bigint[]) => values.reduce((a, b) => (b > a ? b : a));

function shapeOfTexts(texts: VerbTexts): Shape {
  return shapeOf(parseVerbs(texts), { realtime: 1_800_000_000_000_000_000n, offset: 0n });
}

describe("boundsOf", () => {
  it("is never exceeded", () => {
    fc.assert(
      fc.property(shape, clocks, horizons, (each, clock, horizon) => {
        const found = offsets(each, clock, horizon);
        for (const bounds of [
          boundsOf(each, BigInt(horizon), clock),
          boundsOf(each, BigInt(horizon)),
          boundsOf(each, undefined, clock),
        ]) {
          expect(bounds.lowest).toBeLessThanOrEqual(least(found));
          expect(bounds.highest).toBeGreaterThanOrEqual(most(found));
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("is reached by a single course", () => {
    fc.assert(
      fc.property(plainShape, clocks, horizons, (each, clock, horizon) => {
        const found = offsets(each, clock, horizon);
        expect(boundsOf(each, BigInt(horizon), clock)).toEqual({
          lowest: least(found),
          highest: most(found),
        });
      }),
      { numRuns: 3000 },
    );
  });

  it.each<[VerbTexts, bigint | undefined, bigint, bigint]>([
    [{ offset: "1h" }, undefined, 3_600_000_000_000n, 3_600_000_000_000n],
    [{ rate: "1.000001" }, 31_536_000_000_000_000n, 0n, 31_536_000_000n],
    [{ rate: "2" }, undefined, 0n, INT64_MAX],
    [{ freeze: true }, undefined, -INT64_MAX, 0n],
    [{ strobe: "200ms", period: "1s" }, 0n, 200_000_000n, 200_000_000n],
    [{ strobe: "200ms", period: "1s" }, undefined, 0n, 200_000_000n],
    [{ strobe: "-200ms", period: "1s", offset: "1s" }, undefined, 800_000_000n, 1_000_000_000n],
    [{ jitter: "5ms", offset: "1s" }, undefined, 995_000_000n, 1_005_000_000n],
    [{ offset: "5s", duration: "10s" }, 9_999_999_999n, 5_000_000_000n, 5_000_000_000n],
    [{ offset: "5s", duration: "10s" }, 10_000_000_000n, 0n, 5_000_000_000n],
    [{ drift: "100ppm", duration: "10s", every: "1m" }, undefined, 0n, 999_999n],
  ])("%o until %s", (texts, horizon, lowest, highest) => {
    expect(boundsOf(shapeOfTexts(texts), horizon)).toEqual({ lowest, highest });
  });

  it("tells the clocks apart that a leap second does not concern", () => {
    const leap = shapeOfTexts({ leap: "insert" });
    expect(boundsOf(leap, undefined, 0)).toEqual({ lowest: -1_000_000_000n, highest: 0n });
    expect(boundsOf(leap, undefined, 11)).toEqual({ lowest: 0n, highest: 0n });
  });
});

describe("what the payload's search for a deadline skips by", () => {
  it("swingOf: no more than that is on top of what comes once", () => {
    fc.assert(
      fc.property(shape, (each) => {
        const { tracks } = each.profile;
        const once = {
          ...each.profile,
          tracks: tracks.filter(({ period }) => period === 0n),
          noise: undefined,
        };
        const swing = swingOf(each.profile);
        expect(swing).toBeGreaterThanOrEqual(0n);
        const [whole, plain] = [each, { ...each, profile: once }].map((one) => offsets(one, 0, HORIZON));
        for (const [index, offset] of whole!.entries())
          expect(offset - plain![index]!).toBeLessThanOrEqual(swing);
      }),
      { numRuns: 2000 },
    );
  });

  it("ceilingOf: no offset is above it, whichever the cycle", () => {
    fc.assert(
      fc.property(shape, clocks, (each, clock) => {
        expect(most(offsets(each, clock, HORIZON))).toBeLessThanOrEqual(ceilingOf(each));
      }),
      { numRuns: 2000 },
    );
  });

  it("ceilingOf: the greatest number without cycles", () => {
    expect(ceilingOf(shapeOfTexts({ offset: "1s" }))).toBe(INT64_MAX);
    expect(ceilingOf(shapeOfTexts({ offset: "1s", duration: "1s" }))).toBe(INT64_MAX);
    expect(ceilingOf(shapeOfTexts({ offset: "1s", duration: "1s", every: "2s" }))).toBe(1_000_000_000n);
    expect(ceilingOf(shapeOfTexts({ offset: "-1s", duration: "1s", every: "2s" }))).toBe(0n);
  });
});
