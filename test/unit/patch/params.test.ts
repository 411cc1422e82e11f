/**
 * The parameter pages: settings as the payload reads them, and the probe's results.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeProbe,
  decodeSlot,
  encodeProbeHead,
  encodeSlot,
  neutral,
  PARAMS,
  PROBE_BYTES,
  type Settings,
  slotOffset,
} from "../../../src/patch/params.ts";
import { NO_CEILING } from "../../../src/patch/profile.ts";
import { ALL_TRACKED, HOLD, pieceAt } from "../../../src/skew/profile.ts";
import { settings } from "./slots.ts";

const SECOND = 1_000_000_000n;
const YEAR = 31_557_600n * SECOND;

/** A profile without anything in it. */
const NOTHING = {
  start: { realtime: 1n, monotonic: 2n, raw: 3n, boottime: 4n, tai: 5n },
  duration: 0n,
  every: 0n,
  tracks: [],
  noise: undefined,
  swing: 0n,
  ceiling: NO_CEILING,
  text: "",
};

const withOffset = (offset: bigint): Settings => ({ ...neutral(1n), offset });

function secAndNsec(bytes: Uint8Array): [bigint, bigint] {
  const view = new DataView(bytes.buffer);
  return [view.getBigInt64(16, true), view.getBigUint64(24, true)];
}

describe("a slot's offset is rounded down to seconds", () => {
  it.each<[string, bigint, bigint, bigint]>([
    ["0", 0n, 0n, 0n],
    ["1 ns", 1n, 0n, 1n],
    ["-1 ns", -1n, -1n, 999_999_999n],
    ["999,999,999 ns", 999_999_999n, 0n, 999_999_999n],
    ["-999,999,999 ns", -999_999_999n, -1n, 1n],
    ["1 s", SECOND, 1n, 0n],
    ["-1 s", -SECOND, -1n, 0n],
    ["-1 s - 1 ns", -SECOND - 1n, -2n, 999_999_999n],
    ["-10m100ns", -600n * SECOND - 100n, -601n, 999_999_900n],
    ["50 years", 50n * YEAR, 50n * 31_557_600n, 0n],
    ["-50 years + 1 ns", -50n * YEAR + 1n, -50n * 31_557_600n, 1n],
    ["the greatest", 2n ** 63n - 1n, 9_223_372_036n, 854_775_807n],
    ["the least", -(2n ** 63n), -9_223_372_037n, 145_224_192n],
  ])("%s", (_, offset, sec, nsec) => {
    const bytes = encodeSlot(withOffset(offset));
    expect(secAndNsec(bytes)).toEqual([sec, nsec]);
    expect(decodeSlot(bytes).offset).toBe(offset);
  });

  it("for any offset, and the sum is exact", () => {
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (offset) => {
        const [sec, nsec] = secAndNsec(encodeSlot(withOffset(offset)));
        expect(nsec).toBeGreaterThanOrEqual(0n);
        expect(nsec).toBeLessThan(SECOND);
        expect(sec * SECOND + nsec).toBe(offset);
      }),
    );
  });
});

it("reads a slot as it was written", () => {
  fc.assert(
    fc.property(settings, (each) => {
      const bytes = encodeSlot(each);
      expect(decodeSlot(bytes)).toEqual(each);
      // From within a larger buffer, too, and whatever stood in the slot before.
      const framed = new Uint8Array(bytes.length + PARAMS.slotSize).fill(0xa5);
      framed.set(bytes, 3);
      expect(decodeSlot(framed.subarray(3))).toEqual(each);
    }),
  );
});

it("writes a constant in 56 bytes, and a profile up to its last key frame", () => {
  expect(encodeSlot(neutral(1n))).toHaveLength(56);
  const track = { clocks: 1n, period: 0n, frames: [{ at: 0n, offset: 1n }], tail: HOLD };
  expect(encodeSlot({ ...neutral(1n), profile: { ...NOTHING, tracks: [] } })).toHaveLength(512);
  expect(encodeSlot({ ...neutral(1n), profile: { ...NOTHING, tracks: [track, track] } })).toHaveLength(544);
});

it("says so if a profile has no room", () => {
  const frames = (count: number) => Array.from({ length: count }, () => ({ at: 0n, offset: 0n }));
  const track = (count: number) => ({ clocks: 1n, period: 0n, frames: frames(count), tail: HOLD });
  const encode = (counts: number[]) => () =>
    encodeSlot({ ...neutral(1n), profile: { ...NOTHING, tracks: counts.map(track) } });
  expect(encode([240, 240])()).toHaveLength(PARAMS.slotSize);
  expect(encode([240, 241])).toThrow("a slot has no room for 2 tracks and 481 key frames");
  expect(encode([1, 1, 1, 1])).toThrow("4 tracks");
});

it.each([
  ["fits", "--rate 2", "--rate 2"],
  ["is cut", "x".repeat(300), "x".repeat(232)],
  ["is cut between characters", `${"x".repeat(231)}é!`, "x".repeat(231)],
  ["is cut between characters of four bytes", `${"x".repeat(230)}😀`, "x".repeat(230)],
])("a text that %s", (_, text, expected) => {
  const bytes = encodeSlot({ ...neutral(1n), profile: { ...NOTHING, text } });
  expect(decodeSlot(bytes).profile?.text).toBe(expected);
});

describe("what a target has written by itself", () => {
  const valid = encodeSlot({
    ...neutral(1n),
    mask: 1n,
    profile: {
      ...NOTHING,
      noise: { amplitude: 1n, every: 1n, seed: 1n, glides: false },
      tracks: [
        {
          clocks: ALL_TRACKED,
          period: 0n,
          frames: [
            { at: 0n, offset: 0n },
            { at: 1n, offset: 1n },
          ],
          tail: HOLD,
        },
      ],
    },
  });
  const changed = (at: number, value: bigint, size: 4 | 8 = 8) => {
    const bytes = valid.slice();
    const view = new DataView(bytes.buffer);
    if (size === 8) view.setBigUint64(at, value, true);
    else view.setUint32(at, Number(value), true);
    return decodeSlot(bytes);
  };

  it.each<[string, number, bigint, 4 | 8, string]>([
    ["a kind that is none", 48, 2n, 4, "is of kind 2"],
    ["more tracks than there are", 52, 4n, 4, "counts 4 tracks"],
    ["a duration beyond all time", 96, 2n ** 63n, 8, "has no possible duration"],
    ["a duration longer than its cycle", 96, 5n, 8, "has no possible duration"],
    ["an amplitude beyond all offsets", 112, 2n ** 62n, 8, "has no possible jitter"],
    ["jitter without an interval", 120, 0n, 8, "has no possible jitter"],
    ["jitter that does neither", 136, 2n, 8, "has no possible jitter"],
    ["a period beyond all time", 168, 2n ** 63n, 8, "has a track of no possible period or slope"],
    ["a slope by nothing", 184, 0n, 8, "has a track of no possible period or slope"],
    ["key frames behind the slot", 192, 480n, 4, "has a track whose key frames lie elsewhere"],
    ["more key frames than there are", 196, 481n, 4, "has a track whose key frames lie elsewhere"],
    [
      "a number of them that wraps around",
      192,
      2n ** 32n - 1n,
      4,
      "has a track whose key frames lie elsewhere",
    ],
    ["no key frame", 196, 0n, 4, "has a track whose key frames lie elsewhere"],
    ["a first frame that is late", 512, 1n, 8, "has key frames out of order"],
    ["a frame before the first", 528, -1n, 8, "has key frames out of order"],
    ["a frame at an impossible offset", 536, 2n ** 62n, 8, "has key frames out of order"],
  ])("%s", (what, at, value, size, flaw) => {
    if (what.includes("cycle")) {
      const bytes = encodeSlot({ ...neutral(1n), profile: { ...NOTHING, duration: 5n, every: 4n } });
      expect(decodeSlot(bytes)).toEqual({ ...neutral(1n), flaw });
      return;
    }
    expect(changed(at, value, size)).toMatchObject({ mask: 1n, flaw });
    expect(changed(at, value, size)).not.toHaveProperty("profile");
  });

  it("is no profile, or one that can be told at any time", () => {
    const word = fc.oneof(
      fc.bigInt(0n, 2n ** 64n - 1n),
      fc.constantFrom(0n, 1n, 2n, 3n, 2n ** 63n, 2n ** 63n - 1n, 2n ** 64n - 1n),
    );
    fc.assert(
      fc.property(
        settings,
        fc.array(fc.tuple(fc.nat(1023), word), { maxLength: 12 }),
        fc.bigInt(0n, 2n ** 63n - 1n),
        fc.nat(11),
        (each, garbage, elapsed, clock) => {
          const bytes = new Uint8Array(PARAMS.slotSize);
          bytes.set(encodeSlot(each));
          for (const [at, value] of garbage) new DataView(bytes.buffer).setBigUint64(at * 8, value, true);
          const found = decodeSlot(bytes);
          if (found.profile === undefined) return;
          const piece = pieceAt(found.offset, found.profile, clock, elapsed);
          expect(piece.until === undefined || piece.until > elapsed).toBe(true);
          expect(decodeSlot(encodeSlot(found)).profile).toEqual(found.profile);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("is no matter in a constant", () => {
    const bytes = new Uint8Array(PARAMS.slotSize).fill(0xff);
    bytes.set(encodeSlot(neutral(7n)));
    expect(decodeSlot(bytes)).toEqual(neutral(7n));
  });

  it("may be a text without an end, or no text", () => {
    const bytes = new Uint8Array(PARAMS.slotSize);
    bytes.set(valid);
    bytes.fill(0xff, 280, 512);
    expect(decodeSlot(bytes).profile?.text).toBe("\ufffd".repeat(232));
  });
});

it("has two slots, of two pages each", () => {
  expect([slotOffset(0), slotOffset(1), slotOffset(2)]).toEqual([0x1000, 0x3000, 0x1000]);
});

it("makes neutral settings that select nothing", () => {
  expect(decodeSlot(encodeSlot(neutral(5n)))).toEqual({
    generation: 5n,
    mask: 0n,
    offset: 0n,
    skewId: 0n,
    since: 0n,
  });
});

describe("the probe", () => {
  it("gets the functions' addresses, the wanted clocks, and no mismatches", () => {
    const words = new BigUint64Array(encodeProbeHead([1n, 0n, 2n ** 64n - 1n, 0n, 5n], 1n << 63n).buffer);
    expect([...words]).toEqual([1n, 0n, 2n ** 64n - 1n, 0n, 5n, 1n << 63n, 0n]);
  });

  it("brings seconds and nanoseconds as nanoseconds, negative ones and errors included", () => {
    const words = new BigInt64Array(PROBE_BYTES / 8);
    words.set([0n, 5n, 6n, 4n, 999_999_999n, 5n, 7n], 7);
    words.set([-22n, 0n, 0n, -1n, 999_999_999n, 0n, 0n], 7 + 7 * 14);
    const readings = decodeProbe(new Uint8Array(words.buffer));
    expect(readings).toHaveLength(15);
    expect(readings[0]).toEqual({
      result: 0n,
      value: 5_000_000_006n,
      before: 4_999_999_999n,
      after: 5_000_000_007n,
    });
    expect(readings[1]).toEqual({ result: 0n, value: 0n, before: 0n, after: 0n });
    expect(readings[14]).toEqual({ result: -22n, value: 0n, before: -1n, after: 0n });
  });
});
