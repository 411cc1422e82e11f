import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { offsetAt } from "../../../../src/skew/profile.ts";
import { parseVerbs, shapeOf, type VerbTexts } from "../../../../src/skew/verbs.ts";
import { refusal } from "../refusal.ts";
import { NOW, shape } from "./shapes.ts";

const S = 1_000_000_000n;
const REALTIME = 0;

/** Offsets at elapsed times. */
function offsets(texts: VerbTexts, times: bigint[], offset = 0n): bigint[] {
  const { base, profile } = shape(texts, offset);
  return times.map((time) => offsetAt(base, profile, REALTIME, time));
}

describe("shapeOf", () => {
  it.each<[VerbTexts, bigint]>([
    [{ offset: "5s" }, 5n * S],
    [{ offset: "0" }, 0n],
    [{ rate: "1" }, 7n * S],
    [{ at: "2026-11-21T15:00:00Z" }, 3600n * S],
    [{ at: "1970-01-01T00:00:00Z" }, -NOW],
  ])("makes a constant of %o", (texts, base) => {
    expect(shapeOf(parseVerbs(texts), { realtime: NOW, offset: 7n * S })).toEqual({
      base,
      profile: undefined,
    });
  });

  it("goes on from where the target is, unless told where", () => {
    expect(shape({ rate: "2" }, 7n * S).base).toBe(7n * S);
    expect(shape({ rate: "2", offset: "1s" }, 7n * S).base).toBe(S);
    expect(shape({ freeze: true, at: "2026-11-21T14:00:01Z" }, 7n * S).base).toBe(S);
  });

  it("makes a profile without tracks of a constant that ends, or begins later", () => {
    for (const texts of [{ duration: "5s" }, { startIn: "5s" }]) {
      expect(shape({ offset: "1h", ...texts }).profile).toMatchObject({
        tracks: [],
        noise: undefined,
        every: 0n,
      });
    }
    expect(offsets({ offset: "1h", duration: "5s", every: "1m" }, [0n, 5n * S, 60n * S, 65n * S])).toEqual([
      ...[3600n * S, 0n, 3600n * S, 0n],
    ]);
  });

  it("needs no more tracks than a slot has", () => {
    const frames = [
      { at: 0n, offset: 0n },
      { at: S, offset: S },
    ];
    const most: VerbTexts = { rate: "2", slew: "1s", over: "1m", jitter: "1s" };
    expect(shape({ ...most, keyframes: frames, repeat: true, rate: "2" }).profile.tracks).toHaveLength(2);
    expect(shape({ ...most, strobe: "1s", period: "1s" }).profile.tracks).toHaveLength(2);
    expect(
      shape({ keyframes: frames, strobe: "1s", period: "1s", jitter: "1s" }).profile.tracks,
    ).toHaveLength(2);
  });

  it.each<[string, VerbTexts, [bigint, bigint][]]>([
    [
      "freeze",
      { freeze: true, offset: "1s" },
      [
        [0n, S],
        [S, 0n],
        [3600n * S, -3599n * S],
      ],
    ],
    [
      "rate",
      { rate: "0.5" },
      [
        [0n, 0n],
        [1n, -1n],
        [2n, -1n],
        [10n * S, -5n * S],
      ],
    ],
    [
      "fast rate",
      { rate: "1000" },
      [
        [1n, 999n],
        [S, 999n * S],
      ],
    ],
    [
      "drift",
      { drift: "-50ppm" },
      [
        [1n, -1n],
        [20_000n, -1n],
        [20_001n, -2n],
        [S, -50_000n],
      ],
    ],
    ["rate and drift", { rate: "2", drift: "200ppm" }, [[S, 1_000_200_000n]]],
    [
      "slew",
      { slew: "-5m", over: "1h" },
      [
        [0n, 0n],
        [1800n * S, -150n * S],
        [3600n * S, -300n * S],
        [7200n * S, -300n * S],
      ],
    ],
    [
      "slew from an offset",
      { slew: "1s", over: "10s", offset: "11s" },
      [
        [0n, 11n * S],
        [5n * S, 6n * S],
        [99n * S, S],
      ],
    ],
    [
      "slew and rate",
      { slew: "1s", over: "10s", rate: "2" },
      [
        [10n * S, 11n * S],
        [20n * S, 21n * S],
      ],
    ],
    [
      "slew and drift",
      { slew: "1s", over: "10s", drift: "-50ppm" },
      [
        [10n * S, S - 500_000n],
        [20n * S, S - S / 1000n],
      ],
    ],
    [
      "strobe",
      { strobe: "200ms", period: "1s", offset: "1s" },
      [
        [0n, 1_200_000_000n],
        [S - 1n, 1_200_000_000n],
        [S, S],
        [2n * S - 1n, S],
        [2n * S, 1_200_000_000n],
      ],
    ],
    [
      "strobe back",
      { strobe: "-1s", period: "1ms" },
      [
        [0n, -S],
        [999_999n, -S],
        [1_000_000n, 0n],
        [2_000_000n, -S],
      ],
    ],
    [
      "key frames",
      {
        keyframes: [
          { at: 0n, offset: S },
          { at: 10n, offset: S + 20n },
        ],
        offset: "1s",
      },
      [
        [0n, 2n * S],
        [5n, 2n * S + 10n],
        [10n, 2n * S + 20n],
        [S, 2n * S + 20n],
      ],
    ],
    [
      "key frames, repeated",
      {
        keyframes: [
          { at: 0n, offset: 0n },
          { at: 1000n, offset: 2000n },
        ],
        repeat: true,
      },
      [
        [999n, 1998n],
        [1000n, 0n],
        [1500n, 1000n],
      ],
    ],
    [
      "key frames, repeated, and drift",
      {
        keyframes: [
          { at: 0n, offset: 0n },
          { at: 1000n, offset: 2000n },
        ],
        repeat: true,
        rate: "2",
      },
      [[1500n, 2500n]],
    ],
  ])("%s", (_, texts, expected) => {
    expect(
      offsets(
        texts,
        expected.map(([time]) => time),
      ),
    ).toEqual(expected.map(([, offset]) => offset));
  });

  it("arrives where --slew says, whatever the way and the drift, less a rounding", () => {
    const duration = fc.bigInt({ min: 1n, max: 10n ** 18n });
    const offset = fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n });
    fc.assert(
      fc.property(
        offset,
        offset,
        duration,
        fc.integer({ min: -100_000, max: 100_000 }),
        (from, to, over, ppm) => {
          const texts = { slew: to, over, ...(ppm !== 0 && { drift: `${ppm}ppm` }) };
          const [before, begin] = [BigInt(ppm) * over, offsets(texts, [0n, over], from)];
          expect(begin[0]).toBe(from);
          expect(begin[1]! - to).toBe(
            before < 0n ? -((-before + 999_999n) / 1_000_000n) : before / 1_000_000n,
          );
        },
      ),
    );
  });

  it("refuses a slew that key frames cannot hold", () => {
    const far = { slew: "1200000h", over: "1h", offset: "-1200000h" };
    expect(refusal(() => shape(far))).toMatchObject({
      code: "E_RANGE",
      message: expect.stringMatching(/^--slew goes too far/),
    });
  });

  it("repeats a jitter by its seed", () => {
    const times = Array.from({ length: 50 }, (_, index) => BigInt(index) * S);
    const drawn = offsets({ jitter: "5ms", seed: "42" }, times);
    expect(offsets({ jitter: "5ms", seed: "42" }, times)).toEqual(drawn);
    expect(offsets({ jitter: "5ms", seed: "43" }, times)).not.toEqual(drawn);
    expect(new Set(drawn).size).toBe(50);
  });
});
