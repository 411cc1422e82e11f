import { describe, expect, it } from "vitest";
import type { ErrorCode } from "../../../../src/errors.ts";
import { expandClocks, parseClocks } from "../../../../src/skew/clock.ts";
import {
  anchor,
  checkClocks,
  isConstant,
  jumps,
  MAX_TEXT,
  parseVerbs,
  startIn,
  type VerbTexts,
} from "../../../../src/skew/verbs.ts";
import { refusal } from "../refusal.ts";

const S = 1_000_000_000n;
const FRAMES = [
  { at: 0n, offset: 0n },
  { at: 60n * S, offset: S },
];

describe("parseVerbs", () => {
  it.each<[VerbTexts, string]>([
    [{ offset: "-600s" }, "--offset -10m"],
    [{ offset: 5n }, "--offset 5ns"],
    [{ at: "@2147483640" }, "--at 2038-01-19T03:14:00Z"],
    [{ at: "2038-01-19T03:14:00Z", freeze: true }, "--at 2038-01-19T03:14:00Z --freeze"],
    [{ rate: "1.500" }, "--rate 1.5"],
    [{ drift: "0.02%" }, "--drift 200ppm"],
    [{ rate: "2", drift: "20ppb" }, "--rate 2 --drift 0.02ppm"],
    [{ slew: "-5m", over: "1h" }, "--slew -5m --over 1h"],
    [{ keyframes: FRAMES }, "--keyframes (2 frames)"],
    [{ keyframes: FRAMES, repeat: true, rate: "2" }, "--rate 2 --keyframes (2 frames) --repeat"],
    [{ strobe: "200ms", period: "1000ms" }, "--strobe 200ms --period 1s"],
    [{ jitter: "5ms", seed: "42" }, "--jitter 5ms --jitter-every 1s --seed 42"],
    [
      { jitter: "5ms", seed: 7n, jitterGlide: true, jitterEvery: "100ms" },
      "--jitter 5ms --jitter-every 100ms --jitter-glide --seed 7",
    ],
    [
      { jitter: "5ms", seed: "0xFFFFFFFFFFFFFFFF" },
      `--jitter 5ms --jitter-every 1s --seed ${2n ** 64n - 1n}`,
    ],
    [{ leap: "insert" }, "--leap insert"],
    [
      { leap: "delete", leapAt: "2030-01-01T00:00:00Z", smear: "24h" },
      "--leap delete --leap-at 2030-01-01T00:00:00Z --smear 24h",
    ],
    [
      { drift: "200ppm", duration: "10s", every: "1m", startIn: "5s" },
      "--drift 200ppm --duration 10s --every 1m",
    ],
    [
      {
        rate: "1.1",
        drift: "-50ppm",
        slew: "1s",
        over: "1m",
        strobe: "1s",
        period: "2s",
        jitter: "1ms",
        seed: "1",
        offset: "1h",
      },
      "--offset 1h --rate 1.1 --drift -50ppm --slew 1s --over 1m --strobe 1s --period 2s --jitter 1ms --jitter-every 1s --seed 1",
    ],
  ])("takes %o, and can say it again", (texts, text) => {
    expect(parseVerbs(texts).text).toBe(text);
  });

  it("adds rate and drift exactly", () => {
    expect(parseVerbs({ rate: "2", drift: "20ppb" }).slope).toEqual({ num: 50_000_001n, den: 50_000_000n });
    expect(parseVerbs({ rate: "1" }).slope).toEqual({ num: 0n, den: 1n });
    expect(parseVerbs({ rate: "1.01", drift: "-1%" }).slope).toEqual({ num: 0n, den: 1n });
  });

  it("takes undefined and false for not said", () => {
    const nothing = { at: undefined, freeze: false, rate: undefined, repeat: false, jitterGlide: false };
    expect(parseVerbs({ ...nothing, offset: "1s" }).text).toBe("--offset 1s");
  });

  it("draws a seed that the text tells, and another one the next time", () => {
    const drawn = Array.from({ length: 8 }, () => parseVerbs({ jitter: "5ms" }));
    expect(new Set(drawn.map(({ noise }) => noise!.seed)).size).toBeGreaterThan(1);
    for (const { text, noise } of drawn) expect(text).toContain(` --seed ${noise!.seed}`);
  });

  it("cuts a text that a slot has no room for, and shows that it did", () => {
    const long = "2562000h47m16.854775807s";
    const { text } = parseVerbs({
      at: "2038-01-19T03:14:00.123456789Z",
      ...{
        rate: "999.123456789012345",
        drift: "-99999.123456789ppm",
        slew: "-1200000h47m16.854775807s",
        over: "1200000h47m16.1s",
      },
      ...{
        strobe: "1200000h47m16.854775807s",
        period: "600000h47m16.854775807s",
        jitter: "1200000h47m16.8s",
        jitterGlide: true,
      },
      ...{ duration: "1200000h47m16.8s", every: "1200000h47m16.9s" },
    });
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_TEXT);
    expect(Buffer.byteLength(text)).toBeGreaterThan(MAX_TEXT - 70);
    expect(text).toMatch(/^--at .* …$/);
    expect(parseVerbs({ offset: long }).text).toBe(`--offset ${long}`);
  });

  it.each<[VerbTexts, string, RegExp]>([
    [{}, "nothing says how the clock is to be skewed", /--offset, --at, --freeze/],
    [{ duration: "5s" }, "--duration says when, but not what", /--offset/],
    [{ startIn: "5s" }, "--start-in says when, but not what", /--offset/],
    [{ slew: "5s" }, "--slew needs --over", /--over 1h/],
    [{ over: "5s" }, "--over needs --slew", /--slew -5m/],
    [{ strobe: "5s" }, "--strobe needs --period", /--period/],
    [{ offset: "5s", period: "5s" }, "--period needs --strobe", /--strobe/],
    [{ offset: "5s", jitterEvery: "5s" }, "--jitter-every needs --jitter", /--jitter 5ms/],
    [{ offset: "5s", jitterGlide: true }, "--jitter-glide needs --jitter", /--jitter 5ms/],
    [{ offset: "5s", seed: "1" }, "--seed needs --jitter", /--jitter 5ms/],
    [{ offset: "5s", leapAt: "@1" }, "--leap-at needs --leap", /--leap insert/],
    [{ offset: "5s", smear: "1h" }, "--smear needs --leap", /--leap insert/],
    [{ offset: "5s", repeat: true }, "--repeat needs --keyframes", /--keyframes/],
    [{ offset: "5s", every: "1m" }, "--every needs --duration", /--duration 10s/],
    [{ offset: "5s", at: "@1" }, "--offset and --at exclude each other: both say where", /leave one/],
    [{ freeze: true, rate: "2" }, "--freeze and --rate exclude each other: the one holds", /leave one/],
    [{ freeze: true, drift: "2ppm" }, "--freeze and --drift exclude", /leave one/],
    [{ freeze: true, slew: "2s", over: "1m" }, "--freeze and --slew exclude", /leave one/],
    [{ freeze: true, jitter: "2s" }, "--freeze and --jitter exclude", /leave one/],
    [{ freeze: true, strobe: "2s", period: "1s" }, "--freeze and --strobe exclude", /leave one/],
    [{ freeze: true, keyframes: FRAMES }, "--freeze and --keyframes exclude", /leave one/],
    [
      { freeze: true, leap: "insert" },
      "--freeze and --leap exclude each other: a clock that stands",
      /leave one/,
    ],
    [{ leap: "insert", jitter: "1ms" }, "--leap and --jitter exclude", /goes with --offset/],
    [{ leap: "insert", strobe: "1ms", period: "1s" }, "--leap and --strobe exclude", /goes with --offset/],
    [{ leap: "insert", keyframes: FRAMES }, "--leap and --keyframes exclude", /goes with --offset/],
    [
      { leap: "insert", duration: "1h", every: "2h" },
      "--leap and --every exclude each other: a leap second comes once",
      /goes with/,
    ],
    [{ keyframes: FRAMES, rate: "2" }, "--keyframes and --rate exclude", /file/],
    [{ keyframes: FRAMES, drift: "2ppm" }, "--keyframes and --drift exclude", /file/],
    [{ keyframes: FRAMES, slew: "2s", over: "1m" }, "--keyframes and --slew exclude", /file/],
    [
      { keyframes: FRAMES, repeat: true, strobe: "2s", period: "1s" },
      "--keyframes and --strobe exclude",
      /file/,
    ],
    [{ leap: "skip" }, '--leap "skip": not a kind of leap second', /--leap insert/],
    [{ leap: "Inser" }, '--leap "Inser": not a kind of leap second', /did you mean --leap insert\?/],
    [{ leap: "" }, '--leap "": not a kind of leap second', /--leap insert/],
    [{ jitter: "1ms", seed: "-1" }, '--seed "-1": not a whole number', /18446744073709551615/],
    [{ jitter: "1ms", seed: "1.5" }, "--seed", /18446744073709551615/],
    [{ jitter: "1ms", seed: "" }, "--seed", /18446744073709551615/],
    [{ jitter: "1ms", seed: 2n ** 64n }, "--seed", /18446744073709551615/],
    [{ jitter: "1ms", seed: "random" }, "--seed", /18446744073709551615/],
    [{ keyframes: [] }, "--keyframes: no key frame", /two durations/],
    [{ at: "soon" }, '--at: the time "soon" is not a date', /2038/],
    [{ leap: "insert", leapAt: "soon" }, '--leap-at: the time "soon" is not a date', /2038/],
  ])("refuses %o by the flags' names", (texts, message, hint) => {
    const found = refusal(() => parseVerbs(texts));
    expect([found.code, found.message, found.hint]).toEqual([
      "E_USAGE",
      expect.stringContaining(message),
      expect.stringMatching(hint),
    ]);
  });

  it.each<[VerbTexts, ErrorCode, RegExp, RegExp | undefined]>([
    [{ offset: "5" }, "E_DURATION", /^--offset: duration "5" has no unit/, /5s/],
    [{ offset: 2n ** 63n }, "E_DURATION", /^--offset /, undefined],
    [{ slew: "5x", over: "1s" }, "E_DURATION", /^--slew: /, /units/],
    [{ slew: "5s", over: "" }, "E_DURATION", /^--over: /, /-10m/],
    [{ slew: "5s", over: "0" }, "E_RANGE", /^--over is too short/, /1ns/],
    [{ slew: "5s", over: "-1s" }, "E_RANGE", /^--over is never negative/, /minus/],
    [{ slew: "1500000h", over: "1s" }, "E_RANGE", /^--slew is out of range/, /146 years/],
    [{ slew: "5s", over: "1500000h" }, "E_RANGE", /^--over is too long/, /146 years/],
    [{ strobe: "0", period: "1s" }, "E_RANGE", /^--strobe 0s moves nothing/, /200ms/],
    [{ strobe: "1s", period: "999ns" }, "E_RANGE", /^--period is too short/, /1us/],
    [{ strobe: "1s", period: "700000h" }, "E_RANGE", /^--period is too long/, /73 years/],
    [{ jitter: "0" }, "E_RANGE", /^--jitter is too short/, /1ns/],
    [{ jitter: "-1ms" }, "E_RANGE", /^--jitter is never negative/, /minus/],
    [{ jitter: "1ms", jitterEvery: "1ns" }, "E_RANGE", /^--jitter-every is too short/, /1us/],
    [{ leap: "insert", smear: "1s" }, "E_RANGE", /^--smear is too short/, /2s/],
    [{ offset: "1s", duration: "0" }, "E_RANGE", /^--duration is too short/, /1ns/],
    [
      { offset: "1s", duration: "1m", every: "1m" },
      "E_RANGE",
      /^--every must be longer than --duration/,
      /--repeat/,
    ],
    [
      { offset: "1s", duration: "2m", every: "1m" },
      "E_RANGE",
      /^--every must be longer than --duration/,
      /1m/,
    ],
    [{ offset: "1s", startIn: "-1s" }, "E_RANGE", /^--start-in is never negative/, /minus/],
    [
      {
        keyframes: [
          { at: 0n, offset: 0n },
          { at: 0n, offset: 1n },
        ],
        repeat: true,
      },
      "E_RANGE",
      /^--repeat: the last/,
      /later/,
    ],
    [{ rate: "0" }, "E_RANGE", /^--rate 0: /, /--freeze/],
    [{ rate: "0.05", drift: "-10%" }, "E_RANGE", /^--rate and --drift add up/, /--freeze/],
    [{ drift: "20" }, "E_USAGE", /^--drift 20 has no unit/, /20ppm/],
    [{ at: "1969-01-01T00:00:00Z" }, "E_RANGE", /^--at: .* before 1970/, /1970/],
  ])("refuses %o: %s", (texts, code, message, hint) => {
    const found = refusal(() => parseVerbs(texts));
    expect([found.code, found.message]).toEqual([code, expect.stringMatching(message)]);
    if (hint !== undefined) expect(found.hint).toMatch(hint);
  });
});

describe("what verbs are", () => {
  it.each<[VerbTexts, boolean, boolean, "flip" | "known"]>([
    [{ offset: "5s" }, true, true, "flip"],
    [{ at: "@5" }, true, true, "known"],
    [{ rate: "1" }, true, false, "flip"],
    [{ drift: "0ppm" }, true, false, "flip"],
    [{ rate: "2" }, false, false, "flip"],
    [{ freeze: true }, false, false, "flip"],
    [{ freeze: true, at: "@5" }, false, true, "known"],
    [{ slew: "5s", over: "1s" }, false, false, "flip"],
    [{ leap: "insert" }, false, false, "known"],
    [{ strobe: "1s", period: "1s", offset: "0" }, false, true, "flip"],
    [{ jitter: "1s" }, false, false, "flip"],
    [{ keyframes: FRAMES }, false, false, "flip"],
    [{ offset: "5s", duration: "1s" }, false, true, "flip"],
    [{ offset: "5s", startIn: "1s" }, false, true, "flip"],
  ])("%o: constant %s, jumps %s, anchor %s", (texts, constant, jump, start) => {
    const verbs = parseVerbs(texts);
    expect([isConstant(verbs), jumps(verbs), anchor(verbs)]).toEqual([constant, jump, start]);
  });

  it("startIn", () => {
    expect(
      [{ offset: "5s" }, { offset: "5s", startIn: "2s" }].map((each) => startIn(parseVerbs(each))),
    ).toEqual([0n, 2n * S]);
  });
});

describe("checkClocks", () => {
  const check =
    (texts: VerbTexts, clocks: string, exact = false) =>
    () =>
      checkClocks(parseVerbs(texts), expandClocks(parseClocks([clocks]), { exact }));

  it.each<[VerbTexts, string]>([
    [{ at: "@5" }, "realtime"],
    [{ at: "@5" }, "tai"],
    [{ leap: "insert" }, "realtime"],
    [{ leap: "insert", smear: "1h" }, "tai"],
    [{ rate: "2" }, "realtime,monotonic,monotonic-raw"],
    [{ freeze: true }, "monotonic"],
    [{ offset: "5s" }, "process-cputime-id,thread-cputime-id"],
    [{ rate: "1" }, "process-cputime-id"],
  ])("lets %o have %s", (texts, clocks) => expect(check(texts, clocks)).not.toThrow());

  it.each<[VerbTexts, string, RegExp, RegExp]>([
    [{ at: "@5" }, "monotonic", /^--at .* CLOCK_MONOTONIC knows no dates/, /--offset/],
    [{ at: "@5" }, "realtime,boottime", /^--at .* CLOCK_BOOTTIME/, /--offset/],
    [{ at: "@5" }, "process-cputime-id", /^--at .* CLOCK_PROCESS_CPUTIME_ID .* from 0/, /--offset/],
    [{ leap: "insert" }, "realtime,monotonic", /^--leap .* CLOCK_MONOTONIC/, /leave it out/],
    [{ leap: "delete" }, "tai", /^--leap does nothing to CLOCK_TAI/, /--smear/],
    [{ rate: "2" }, "thread-cputime-id", /^CLOCK_THREAD_CPUTIME_ID/, /constant --offset/],
    [
      { offset: "1s", duration: "1s" },
      "process-cputime-id",
      /^CLOCK_PROCESS_CPUTIME_ID/,
      /constant --offset/,
    ],
  ])("refuses %o on %s", (texts, clocks, message, hint) => {
    const found = refusal(check(texts, clocks, true));
    expect([found.code, found.message, found.hint]).toEqual([
      "E_CLOCK",
      expect.stringMatching(message),
      expect.stringMatching(hint),
    ]);
  });
});
