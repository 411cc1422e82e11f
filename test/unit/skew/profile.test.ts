import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ALL_TRACKED,
  draw,
  HOLD,
  type Noise,
  offsetAt,
  type Profile,
  pieceAt,
  shownAt,
  type Track,
} from "../../../src/skew/profile.ts";
import { HORIZON, shape } from "./profiles.ts";

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
const NOTHING: Profile = { duration: 0n, every: 0n, tracks: [], noise: undefined, text: "" };

function trackOf(frames: [bigint, bigint][], more: Partial<Track> = {}): Track {
  const listed = frames.map(([at, offset]) => ({ at, offset }));
  return { clocks: ALL_TRACKED, period: 0n, frames: listed, tail: HOLD, ...more };
}

function values(profile: Profile, times: bigint[], base = 0n): bigint[] {
  return times.map((time) => offsetAt(base, profile, 0, time));
}

describe("offsetAt", () => {
  it("is linear between key frames, rounded down, and steps where two are at one time", () => {
    const profile = {
      ...NOTHING,
      tracks: [
        trackOf([
          [0n, 0n],
          [3n, -1n],
          [5n, 9n],
          [5n, 4n],
          [7n, 4n],
        ]),
      ],
    };
    expect(values(profile, [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 100n])).toEqual([
      ...[0n, -1n, -1n, -1n, 4n, 4n, 4n, 4n, 4n],
    ]);
  });

  it("goes on behind the last key frame, begins anew after a period, and ends with its duration", () => {
    const sawtooth = trackOf([[0n, 0n]], { tail: { num: 1n, den: 2n }, period: 4n });
    const times = [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n];
    expect(values({ ...NOTHING, tracks: [sawtooth] }, times, 10n)).toEqual([
      ...[10n, 10n, 11n, 11n, 10n, 10n, 11n, 11n, 10n],
    ]);
    const ended = { ...NOTHING, tracks: [sawtooth], duration: 3n };
    expect(values(ended, times, 10n)).toEqual([10n, 10n, 11n, 0n, 0n, 0n, 0n, 0n, 0n]);
    expect(values({ ...ended, every: 5n }, times, 10n)).toEqual([10n, 10n, 11n, 0n, 0n, 10n, 10n, 11n, 0n]);
  });

  it("cuts each sum to an int64", () => {
    const far = trackOf([[0n, 2n ** 62n - 1n]]);
    expect(values({ ...NOTHING, tracks: [far, far] }, [0n], INT64_MAX)).toEqual([INT64_MAX]);
    const fast = trackOf([[0n, 0n]], { tail: { num: -999n, den: 1n } });
    expect(values({ ...NOTHING, tracks: [fast] }, [INT64_MAX], -5n)).toEqual([INT64_MIN]);
    expect(values({ ...NOTHING, tracks: [fast, far] }, [INT64_MAX], -5n)).toEqual([
      INT64_MIN + 2n ** 62n - 1n,
    ]);
  });

  it("leaves out tracks that do not apply to a clock", () => {
    const profile = { ...NOTHING, tracks: [trackOf([[0n, 7n]], { clocks: 1n << 11n })] };
    expect([0, 1, 11].map((clock) => offsetAt(1n, profile, clock, 5n))).toEqual([1n, 1n, 8n]);
  });
});

describe("noise", () => {
  const noise: Noise = { amplitude: 1000n, every: 10n, seed: 42n, glides: false };

  it("is SplitMix64's, scaled", () => {
    // The generator's own first outputs for seed 1234567, by its reference implementation.
    const outputs = [6457827717110365317n, 3203168211198807973n, 9817491932198370423n];
    const amplitude = 2n ** 62n - 1n;
    const scaled = outputs.map((z) => ((z * (2n * amplitude + 1n)) >> 64n) - amplitude);
    expect([0n, 1n, 2n].map((index) => draw({ ...noise, seed: 1234567n, amplitude }, index))).toEqual(scaled);
  });

  it("stays within its amplitude, reaches both ends, and is even", () => {
    const narrow = { ...noise, amplitude: 2n };
    const drawn = Array.from({ length: 5000 }, (_, index) => Number(draw(narrow, BigInt(index))));
    for (const value of [-2, -1, 0, 1, 2]) {
      const count = drawn.filter((each) => each === value).length;
      expect(count).toBeGreaterThan(800);
      expect(count).toBeLessThan(1200);
    }
  });

  it("by steps: one number for each interval", () => {
    const profile = { ...NOTHING, noise };
    expect(values(profile, [0n, 9n, 10n, 19n, 20n])).toEqual([
      ...[0n, 0n, 1n, 1n, 2n].map((index) => draw(noise, index)),
    ]);
  });

  it("gliding: begins at 0, and goes from number to number in lines", () => {
    const profile = { ...NOTHING, noise: { ...noise, glides: true } };
    const [one, two] = [draw(noise, 1n), draw(noise, 2n)];
    expect(values(profile, [0n, 10n, 20n])).toEqual([0n, one, two]);
    expect(values(profile, [5n])[0]).toBe(one >= 0n ? one / 2n : -((1n - one) / 2n));
    expect(draw(noise, 0n)).not.toBe(0n);
  });
});

describe("pieceAt", () => {
  it("has the offset of offsetAt, and is a line until the next piece", () => {
    fc.assert(
      fc.property(
        shape,
        fc.constantFrom(0, 11),
        fc.integer({ min: 0, max: HORIZON }),
        ({ base, profile }, clock, from) => {
          const piece = pieceAt(base, profile, clock, BigInt(from));
          const until = piece.until === undefined ? HORIZON : Number(piece.until);
          if (piece.until !== undefined) expect(until).toBeGreaterThan(from);
          for (let time = from; time < Math.min(until, HORIZON); time++) {
            const offset = Number(offsetAt(base, profile, clock, BigInt(time)));
            const line = Number(piece.offset) + piece.slope * (time - from);
            // Each contribution is rounded by itself, at both ends.
            expect(Math.abs(offset - line)).toBeLessThanOrEqual(profile.tracks.length + 1);
          }
        },
      ),
    );
  });

  it("says when it is over", () => {
    const profile = { ...NOTHING, duration: 10n, every: 30n };
    expect(pieceAt(5n, profile, 0, 9n)).toEqual({ offset: 5n, slope: 0, until: 10n, isOver: false });
    expect(pieceAt(5n, profile, 0, 10n)).toEqual({ offset: 0n, slope: 0, until: 30n, isOver: true });
    expect(pieceAt(5n, { ...profile, every: 0n }, 0, 10n).until).toBeUndefined();
  });
});

describe("shownAt", () => {
  it("is what a clock can show", () => {
    expect([shownAt(5n, -6n), shownAt(5n, -5n), shownAt(INT64_MAX, 1n)]).toEqual([0n, 0n, INT64_MAX]);
  });
});
