/**
 * The parameter pages: offsets as the payload adds them, and the probe's results.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeProbe,
  decodeSlot,
  encodeProbeHead,
  encodeSlot,
  neutral,
  PROBE_BYTES,
  type Settings,
  SLOT_BYTES,
  slotOffset,
} from "../../../src/patch/params.ts";

const SECOND = 1_000_000_000n;
const YEAR = 31_557_600n * SECOND;

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
  const u64 = fc.bigInt(0n, 2n ** 64n - 1n);
  const i64 = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
  fc.assert(
    fc.property(
      fc.record({ generation: u64, mask: u64, offset: i64, skewId: u64, since: i64, rate: u64 }),
      (settings) => {
        const bytes = encodeSlot(settings);
        expect(bytes).toHaveLength(SLOT_BYTES);
        expect(decodeSlot(bytes)).toEqual(settings);
        // From within a larger buffer, too.
        const framed = Uint8Array.from([1, 2, 3, ...bytes, 4]);
        expect(decodeSlot(framed.subarray(3, 3 + SLOT_BYTES))).toEqual(settings);
      },
    ),
  );
});

it("has two slots, of half a page each", () => {
  expect([slotOffset(0), slotOffset(1), slotOffset(2)]).toEqual([0x1000, 0x1800, 0x1000]);
});

it("makes neutral settings that select nothing", () => {
  expect(decodeSlot(encodeSlot(neutral(5n)))).toEqual({
    generation: 5n,
    mask: 0n,
    offset: 0n,
    skewId: 0n,
    since: 0n,
    rate: 0n,
  });
});

describe("the probe", () => {
  it("gets the functions' addresses, the wanted clocks, and no mismatches", () => {
    const words = new BigUint64Array(encodeProbeHead([1n, 0n, 2n ** 64n - 1n], 1n << 63n).buffer);
    expect([...words]).toEqual([1n, 0n, 2n ** 64n - 1n, 1n << 63n, 0n]);
  });

  it("brings seconds and nanoseconds as nanoseconds, negative ones and errors included", () => {
    const words = new BigInt64Array(PROBE_BYTES / 8);
    words.set([0n, 5n, 6n, 4n, 999_999_999n, 5n, 7n], 5);
    words.set([-22n, 0n, 0n, -1n, 999_999_999n, 0n, 0n], 5 + 7 * 13);
    const readings = decodeProbe(new Uint8Array(words.buffer));
    expect(readings).toHaveLength(14);
    expect(readings[0]).toEqual({
      result: 0n,
      value: 5_000_000_006n,
      before: 4_999_999_999n,
      after: 5_000_000_007n,
    });
    expect(readings[1]).toEqual({ result: 0n, value: 0n, before: 0n, after: 0n });
    expect(readings[13]).toEqual({ result: -22n, value: 0n, before: -1n, after: 0n });
  });
});
