/**
 * /proc/PID/timens_offsets: seconds and nanoseconds of each clock, the nanoseconds counting upwards.
 */
import { describe, expect, it } from "vitest";
import { parseOffsets } from "../../../src/target/timens.ts";

describe("parseOffsets", () => {
  it.each([
    ["monotonic           0         0\nboottime            0         0\n", 0n, 0n],
    [
      "monotonic     1000000         5\nboottime      -3600 999999999\n",
      1_000_000_000_000_005n,
      -3_599_000_000_001n,
    ],
    ["boottime           -1         0\n", 0n, -1_000_000_000n],
    ["", 0n, 0n],
  ])("%j", (text, monotonic, boottime) => {
    expect(parseOffsets(text)).toEqual({ monotonic, boottime });
  });

  it.each(["monotonic 5\n", "monotonic 1 -5\n", "mono tonic 1 5\n", "monotonic 99999999999999999999 0\n"])(
    "refuses %j",
    (text) => {
      expect(() => parseOffsets(text)).toThrow(expect.objectContaining({ code: "E_INTERNAL" }));
    },
  );
});
