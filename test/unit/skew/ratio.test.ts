import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ALL_TRACKED, offsetAt } from "../../../src/skew/profile.ts";
import {
  addSlopes,
  compare,
  formatDrift,
  formatRate,
  parseDrift,
  parseRate,
} from "../../../src/skew/ratio.ts";
import { refusal } from "./refusal.ts";

describe("parseRate", () => {
  it.each<[string, bigint, bigint]>([
    ["1", 1n, 1n],
    ["2", 2n, 1n],
    ["0.5", 1n, 2n],
    [".5", 1n, 2n],
    ["2.", 2n, 1n],
    ["+1.5", 3n, 2n],
    [" 1.25 ", 5n, 4n],
    ["1.000001", 1_000_001n, 1_000_000n],
    ["1.0000010000000000000000000", 1_000_001n, 1_000_000n],
    ["0.001", 1n, 1000n],
    ["1000", 1000n, 1n],
    ["999.999999999999999", 999_999_999_999_999_999n, 10n ** 15n],
  ])("reads %s", (text, num, den) => expect(parseRate(text)).toEqual({ num, den }));

  it.each<[string, string, RegExp]>([
    ["0", "E_RANGE", /--freeze/],
    ["0.000", "E_RANGE", /--freeze/],
    ["-1", "E_RANGE", /--keyframes/],
    ["0.0009", "E_RANGE", /0.001 to 1000/],
    ["1000.1", "E_RANGE", /0.001 to 1000/],
    ["1.0000000000000001", "E_RANGE", /nothing is rounded/],
    ["", "E_USAGE", /decimal/],
    [".", "E_USAGE", /decimal/],
    ["fast", "E_USAGE", /decimal/],
    ["1e3", "E_USAGE", /decimal/],
    ["0x2", "E_USAGE", /decimal/],
    ["NaN", "E_USAGE", /decimal/],
    ["1.2.3", "E_USAGE", /decimal/],
    ["2x", "E_USAGE", /did you mean 2\?/],
    ["150%", "E_USAGE", /did you mean 1.5\?/],
    ["100.1%", "E_USAGE", /did you mean 1.001\?/],
    ["1.2.3x", "E_USAGE", /decimal/],
    ["0.00000000000000001x", "E_USAGE", /decimal/],
    ["1,5", "E_USAGE", /did you mean 1.5\?/],
    ["200ppm", "E_USAGE", /did you mean --drift 200ppm\?/],
    ["9".repeat(61), "E_USAGE", /decimal/],
  ])("refuses %s", (text, code, hint) => {
    const { code: found, hint: given, message } = refusal(() => parseRate(text));
    expect([found, given, message]).toEqual([
      code,
      expect.stringMatching(hint),
      expect.stringMatching(/^--rate /),
    ]);
    expect(message.length).toBeLessThan(200);
  });
});

describe("parseDrift", () => {
  it.each<[string, bigint, bigint]>([
    ["200ppm", 1n, 5000n],
    ["-50ppm", -1n, 20_000n],
    ["+50ppm", 1n, 20_000n],
    ["1.5ppm", 3n, 2_000_000n],
    ["20ppb", 1n, 50_000_000n],
    ["0.1%", 1n, 1000n],
    ["10%", 1n, 10n],
    ["-100000ppm", -1n, 10n],
    ["0ppm", 0n, 1n],
    ["0.000001ppb", 1n, 10n ** 15n],
  ])("reads %s", (text, num, den) => expect(parseDrift(text)).toEqual({ num, den }));

  it.each<[string, string, RegExp]>([
    ["200", "E_USAGE", /did you mean 200ppm\?/],
    ["-50", "E_USAGE", /did you mean -50ppm\?/],
    ["200PPM", "E_USAGE", /did you mean 200ppm\?/],
    ["200 ppm", "E_USAGE", /did you mean 200ppm\?/],
    ["ppm", "E_USAGE", /for example 200ppm/],
    ["", "E_USAGE", /for example 200ppm/],
    ["5ms", "E_USAGE", /for example 200ppm/],
    ["1constructor", "E_USAGE", /for example 200ppm/],
    ["--5ppm", "E_USAGE", /for example 200ppm/],
    ["100001ppm", "E_RANGE", /--rate 1.100001$/],
    ["-11%", "E_RANGE", /--rate 0.89$/],
    ["-200%", "E_RANGE", /there is --rate$/],
    ["0.0000001ppb", "E_RANGE", /nothing is rounded/],
  ])("refuses %s", (text, code, hint) => {
    const { code: found, hint: given, message } = refusal(() => parseDrift(text));
    expect([found, given, message]).toEqual([
      code,
      expect.stringMatching(hint),
      expect.stringMatching(/^--drift /),
    ]);
  });
});

const rate = fc.bigInt({ min: 10n ** 12n, max: 10n ** 18n }).map((num) => ({ num, den: 10n ** 15n }));
const drift = fc.bigInt({ min: -(10n ** 14n), max: 10n ** 14n }).map((num) => ({ num, den: 10n ** 15n }));

describe("fractions", () => {
  it("are written as they are read", () => {
    fc.assert(
      fc.property(rate, drift, (fast, slow) => {
        expect(compare(parseRate(formatRate(fast)), fast)).toBe(0);
        expect(compare(parseDrift(formatDrift(slow)), slow)).toBe(0);
      }),
    );
    expect([formatRate(parseRate("01.50")), formatDrift(parseDrift("-0.01%"))]).toEqual(["1.5", "-100ppm"]);
  });

  it("add up exactly, within what a slot holds", () => {
    fc.assert(
      fc.property(rate, drift, (a, b) => {
        const { num, den } = addSlopes(addSlopes(a, { num: -1n, den: 1n }), b);
        expect(num * 10n ** 15n).toBe((a.num - 10n ** 15n + b.num) * den);
        expect(BigInt.asIntN(64, num)).toBe(num);
        expect(den > 0n && den < 2n ** 63n).toBe(true);
      }),
    );
  });

  it("do not gather errors: a year at 1.000001 is exact at each nanosecond", () => {
    const tail = addSlopes(parseRate("1.000001"), { num: -1n, den: 1n });
    const frames = [{ at: 0n, offset: 0n }];
    const tracks = [{ clocks: ALL_TRACKED, period: 0n, frames, tail }];
    const profile = { duration: 0n, every: 0n, tracks, noise: undefined, text: "" };
    const year = 31_536_000_000_000_000n;
    expect(offsetAt(0n, profile, 0, year)).toBe(31_536_000_000n);
    expect(offsetAt(0n, profile, 0, year - 1n)).toBe(31_535_999_999n);
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: year }), (elapsed) => {
        expect(offsetAt(0n, profile, 0, elapsed)).toBe(elapsed / 1_000_000n);
      }),
    );
  });
});
