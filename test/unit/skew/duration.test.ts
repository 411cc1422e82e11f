import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TimeskewError } from "../../../src/errors.ts";
import { formatDuration, parseDuration } from "../../../src/skew/duration.ts";

const US = 1_000n;
const MS = 1_000n * US;
const S = 1_000n * MS;
const M = 60n * S;
const H = 60n * M;
const D = 24n * H;
const MAX = 2n ** 63n - 1n;
const MIN = -(2n ** 63n);

function refusal(text: string): TimeskewError {
  try {
    parseDuration(text);
  } catch (error) {
    expect(error).toBeInstanceOf(TimeskewError);
    expect((error as TimeskewError).code).toBe("E_DURATION");
    return error as TimeskewError;
  }
  throw new Error(`${text} was accepted`);
}

describe("parseDuration", () => {
  it.each<[string, bigint]>([
    ["0", 0n],
    ["5s", 5n * S],
    ["30s", 30n * S],
    ["1478s", 1478n * S],
    ["-5s", -5n * S],
    ["+5s", 5n * S],
    ["-0", 0n],
    ["+0", 0n],
    ["5.0s", 5n * S],
    ["5.6s", 5n * S + 600n * MS],
    ["5.s", 5n * S],
    [".5s", 500n * MS],
    ["1.004s", S + 4n * MS],
    ["1.0040s", S + 4n * MS],
    ["100.00100s", 100n * S + MS],
    ["10ns", 10n],
    ["11us", 11n * US],
    ["12\u00b5s", 12n * US],
    ["12\u03bcs", 12n * US],
    ["13ms", 13n * MS],
    ["14s", 14n * S],
    ["15m", 15n * M],
    ["16h", 16n * H],
    ["3h30m", 3n * H + 30n * M],
    ["10.5s4m", 4n * M + 10n * S + 500n * MS],
    ["-2m3.4s", -(2n * M + 3n * S + 400n * MS)],
    ["1h2m3s4ms5us6ns", H + 2n * M + 3n * S + 4n * MS + 5n * US + 6n],
    ["39h9m14.425s", 39n * H + 9n * M + 14n * S + 425n * MS],
    ["52763797000ns", 52763797000n],
    ["9007199254740993ns", 9007199254740993n],
    ["9223372036854775807ns", MAX],
    ["9223372036854775.807us", MAX],
    ["9223372036s854ms775us807ns", MAX],
    ["-9223372036854775808ns", MIN],
    ["-9223372036854775.808us", MIN],
    ["-9223372036s854ms775us808ns", MIN],
    ["-2562047h47m16.854775808s", MIN],
    ["0.100000000000000000000h", 6n * M],
  ])("reads %s as Go does", (text, ns) => {
    expect(parseDuration(text)).toBe(ns);
  });

  it.each<[string, bigint]>([
    ["-10m100ns", -(10n * M + 100n)],
    ["1h30m", 90n * M],
    ["-1.5h", -90n * M],
    ["-600s", -600n * S],
    ["0.000000001s", 1n],
    ["1d", D],
    ["-1.5d12h", -2n * D],
    ["0s", 0n],
    ["0.0ns", 0n],
    ["1s1s", 2n * S],
    ["000000000000000000000000000001ns", 1n],
  ])("reads %s", (text, ns) => {
    expect(parseDuration(text)).toBe(ns);
  });

  it.each([
    "",
    "-",
    "+",
    "s",
    ".",
    "-.",
    ".s",
    "+.s",
    "..5s",
    "1.2.3s",
    "\x85\x85",
    "\uffff",
    "hello \uffff world",
    "-+5s",
    "--5s",
    "5s-",
    "1h-30m",
    "1e3s",
    "0x10s",
    "1,5s",
    "1_000s",
    "∞s",
    "٣s",
    "1constructor",
    "1__proto__",
    "5S s",
    "1s\n",
    "1s\0",
    // Go's overflows.
    "9223372036854775808ns",
    "9223372036854775810ns",
    "-9223372036854775809ns",
    "9223372036854776us",
    "3000000h",
    "9223372036854775.808us",
    "9223372036854ms775us808ns",
    "106752d",
  ])("refuses %j as Go does", (text) => {
    refusal(text);
  });

  it.each([
    ["600", "did you mean 600s?"],
    ["-10", "did you mean -10s?"],
    ["1.5", "did you mean 1.5s?"],
    ["10M", "did you mean 10m?"],
    ["10min", "did you mean 10m?"],
    ["-10minutes", "did you mean -10m?"],
    ["5sec", "did you mean 5s?"],
    ["5S", "did you mean 5s?"],
    ["1w", "did you mean 7d?"],
    ["1h2weeks", "did you mean 1h14d?"],
    ["2D", "did you mean 2d?"],
    ["1.5Hours30m", "did you mean 1.5h30m?"],
    ["10 m", "did you mean 10m?"],
    ["10m ", "did you mean 10m?"],
    ["3msecs", "did you mean 3ms?"],
    ["3\u00b5", "did you mean 3us?"],
    ["1.5w", "the units are ns, us, µs, ms, s, m, h, d"],
    ["1y", "the units are ns, us, µs, ms, s, m, h, d"],
    ["1h30", "the units are ns, us, µs, ms, s, m, h, d"],
    ["", "write a number and a unit, like -10m, 1h30m or 1.5s"],
    ["0.5ns", "write a multiple of 1ns; nothing is rounded"],
    ["0.3333333333333333333h", "write a multiple of 1ns; nothing is rounded"],
    ["300y", "the units are ns, us, µs, ms, s, m, h, d"],
    ["9223372036854775808ns", "the limits are -2562047h47m16.854775808s and 2562047h47m16.854775807s"],
  ])("hints at what %j should be", (text, hint) => {
    expect(refusal(text).hint).toBe(hint);
  });

  it("names the text and the fault", () => {
    expect(refusal("600").message).toBe('duration "600" has no unit');
    expect(refusal("10M").message).toBe('duration "10M" has an unknown unit "M"');
    expect(refusal("0.1ns").message).toBe('duration "0.1ns" is finer than a nanosecond: 0.1ns');
    expect(refusal(`${"9".repeat(100_000)}s`).message.length).toBeLessThan(100);
  });
});

describe("formatDuration", () => {
  it.each<[bigint, string]>([
    [0n, "0s"],
    [1n, "1ns"],
    [1_500n, "1.5us"],
    [999_999_999n, "999.999999ms"],
    [S + 500n * MS, "1.5s"],
    [-600n * S, "-10m"],
    [-(10n * M + 100n), "-10m100ns"],
    [90n * M, "1h30m"],
    [D, "24h"],
    [H + S, "1h1s"],
    [59n * S + 999_999_999n, "59.999999999s"],
    [MAX, "2562047h47m16.854775807s"],
    [MIN, "-2562047h47m16.854775808s"],
  ])("writes %i as %s", (ns, text) => {
    expect(formatDuration(ns)).toBe(text);
  });
});

describe("any duration", () => {
  const SEED = 20260104;

  it("is read back as it was written", () => {
    const magnitude = fc.oneof(fc.bigInt(MIN, MAX), fc.bigInt(-D, D), fc.bigInt(-S, S));
    const round = fc
      .tuple(fc.bigInt(-1000n, 1000n), fc.constantFrom(1n, US, MS, S, M, H, D))
      .map(([n, unit]) => n * unit);
    fc.assert(
      fc.property(fc.oneof(magnitude, round), (ns) => {
        expect(parseDuration(formatDuration(ns))).toBe(ns);
      }),
      { seed: SEED, numRuns: 5000 },
    );
  });

  it("that is accepted has one canonical form", () => {
    const unit = fc.constantFrom("ns", "us", "\u00b5s", "ms", "s", "m", "h", "d");
    const number = fc.tuple(fc.nat(5000), fc.nat(999)).map(([whole, fraction]) => `${whole}.${fraction}`);
    const text = fc.array(fc.tuple(fc.oneof(number, fc.nat(9999).map(String)), unit), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(fc.constantFrom("", "-", "+"), text, (sign, parts) => {
        const written = sign + parts.map((part) => part.join("")).join("");
        let ns: bigint;
        try {
          ns = parseDuration(written);
        } catch (error) {
          // A fraction of a nanosecond.
          expect((error as TimeskewError).code).toBe("E_DURATION");
          return;
        }
        expect(parseDuration(formatDuration(ns))).toBe(ns);
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  it("or anything else is a number or an E_DURATION", () => {
    const text = fc
      .array(fc.constantFrom(..."0123456789.+-nuµmshd w", "min", "sec"), { maxLength: 12 })
      .map((each) => each.join(""));
    fc.assert(
      fc.property(fc.oneof(text, fc.string()), (written) => {
        try {
          expect(typeof parseDuration(written)).toBe("bigint");
        } catch (error) {
          expect(error).toBeInstanceOf(TimeskewError);
        }
      }),
      { seed: SEED, numRuns: 4000 },
    );
  });
});
