import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ErrorCode, TimeskewError } from "../../../src/errors.ts";
import {
  CLOCKS,
  type ClockName,
  checkRange,
  clockOf,
  expandClocks,
  parseClocks,
  selectionFromMask,
  type TrueReadings,
} from "../../../src/skew/clock.ts";
import { parseDuration } from "../../../src/skew/duration.ts";

function refusal(code: ErrorCode, work: () => unknown): TimeskewError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(TimeskewError);
    expect((error as TimeskewError).code).toBe(code);
    return error as TimeskewError;
  }
  throw new Error("nothing was refused");
}

describe("CLOCKS", () => {
  it("has the ids of clock_gettime(2)", () => {
    expect(CLOCKS.map((clock) => clock.id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11]);
    expect(clockOf("CLOCK_TAI")).toEqual({
      id: 11,
      name: "CLOCK_TAI",
      family: "tai",
      since1970: true,
      perProcess: false,
    });
    expect(CLOCKS.filter((clock) => clock.perProcess).map((clock) => clock.id)).toEqual([2, 3]);
    expect(CLOCKS.filter((clock) => clock.since1970).map((clock) => clock.id)).toEqual([0, 5, 8, 11]);
  });
});

describe("parseClocks", () => {
  it.each<[string[], ClockName[]]>([
    [[], ["CLOCK_REALTIME"]],
    [["CLOCK_REALTIME"], ["CLOCK_REALTIME"]],
    [["realtime"], ["CLOCK_REALTIME"]],
    [["Clock_Monotonic"], ["CLOCK_MONOTONIC"]],
    [["clock-tai"], ["CLOCK_TAI"]],
    [
      ["monotonic-coarse", "boottime"],
      ["CLOCK_MONOTONIC_COARSE", "CLOCK_BOOTTIME"],
    ],
    [
      ["tai,REALTIME", "clock_tai, monotonic_raw "],
      ["CLOCK_TAI", "CLOCK_REALTIME", "CLOCK_MONOTONIC_RAW"],
    ],
    [["process_cputime_id,thread-cputime-id"], ["CLOCK_PROCESS_CPUTIME_ID", "CLOCK_THREAD_CPUTIME_ID"]],
  ])("reads %j", (texts, names) => {
    expect(parseClocks(texts)).toEqual(names);
  });

  it("knows every clock by each of its spellings", () => {
    for (const { name } of CLOCKS) {
      const short = name.slice("CLOCK_".length);
      for (const text of [name, name.toLowerCase(), short, short.toLowerCase().replaceAll("_", "-")]) {
        expect(parseClocks([text])).toEqual([name]);
      }
    }
  });

  it.each([
    ["realtme", "did you mean CLOCK_REALTIME?"],
    ["CLOCK_MONOTINIC", "did you mean CLOCK_MONOTONIC?"],
    ["boottime-alrm", "did you mean CLOCK_BOOTTIME_ALARM?"],
    ["process-cputime", "did you mean CLOCK_PROCESS_CPUTIME_ID?"],
    ["7", "did you mean CLOCK_BOOTTIME?"],
  ])("suggests what %j was meant to be", (text, hint) => {
    const error = refusal("E_CLOCK", () => parseClocks([text]));
    expect(error.message).toBe(`unknown clock ${JSON.stringify(text)}`);
    expect(error.hint).toBe(hint);
  });

  it.each(["", "realtime,", ",", "CLOCK_", "sundial", "10", "x".repeat(10_000), "constructor"])(
    "refuses %j",
    (text) => {
      const error = refusal("E_CLOCK", () => parseClocks([text]));
      expect(error.hint).toContain("the clocks are CLOCK_REALTIME, CLOCK_MONOTONIC,");
      expect(error.message.length).toBeLessThan(120);
    },
  );
});

describe("expandClocks", () => {
  it("brings all that reads the wall clock with CLOCK_REALTIME", () => {
    expect(expandClocks(["CLOCK_REALTIME"], { exact: false })).toEqual({
      clocks: ["CLOCK_REALTIME", "CLOCK_REALTIME_COARSE", "CLOCK_REALTIME_ALARM", "CLOCK_TAI"],
      gettimeofday: true,
      time: true,
      mask: 0xc000_0000_0000_0921n,
    });
  });

  it("brings the clocks since boot with CLOCK_MONOTONIC, but not the raw one", () => {
    expect(expandClocks(["CLOCK_MONOTONIC"], { exact: false })).toEqual({
      clocks: ["CLOCK_MONOTONIC", "CLOCK_MONOTONIC_COARSE", "CLOCK_BOOTTIME", "CLOCK_BOOTTIME_ALARM"],
      gettimeofday: false,
      time: false,
      mask: 0x2c2n,
    });
  });

  it("brings nothing with any other clock", () => {
    for (const { name, id } of CLOCKS.filter((clock) => clock.id > 1)) {
      const alone = { clocks: [name], gettimeofday: false, time: false, mask: 1n << BigInt(id) };
      expect(expandClocks([name], { exact: false })).toEqual(alone);
    }
  });

  it("brings nothing if it must be exact", () => {
    expect(expandClocks(["CLOCK_MONOTONIC", "CLOCK_REALTIME"], { exact: true })).toEqual({
      clocks: ["CLOCK_REALTIME", "CLOCK_MONOTONIC"],
      gettimeofday: false,
      time: false,
      mask: 3n,
    });
  });

  it("is the same whatever the order and the repetitions, and comes back from its mask", () => {
    const names = CLOCKS.map((clock) => clock.name);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...names)), fc.boolean(), (list, exact) => {
        const selection = expandClocks(list, { exact });
        expect(expandClocks([...list, ...list].reverse(), { exact })).toEqual(selection);
        expect(selectionFromMask(selection.mask)).toEqual(selection);
      }),
      { seed: 20260105 },
    );
  });
});

describe("selectionFromMask", () => {
  it("reads the functions' bits by themselves", () => {
    expect(selectionFromMask(1n << 62n)).toMatchObject({ clocks: [], gettimeofday: true, time: false });
    expect(selectionFromMask(1n << 63n)).toMatchObject({ clocks: [], gettimeofday: false, time: true });
    expect(selectionFromMask(0n)).toEqual({ clocks: [], gettimeofday: false, time: false, mask: 0n });
  });

  it.each([1n << 10n, 1n << 12n, (1n << 61n) | 1n, 1n << 64n, -1n])("refuses unknown bits: %i", (mask) => {
    expect(refusal("E_UNSUPPORTED", () => selectionFromMask(mask)).message).toMatch(/unknown bits/);
  });
});

describe("checkRange", () => {
  const HOUR = 3_600_000_000_000n;
  const now: TrueReadings = {
    realtime: 1_790_000_000_123_456_789n,
    tai: 1_790_000_037_123_456_789n,
    monotonic: 5n * HOUR + 182_500_000_000n,
    boottime: 6n * HOUR,
    raw: 5n * HOUR,
  };
  const END = 2n ** 63n;
  const select = (names: ClockName[], exact = false) => expandClocks(names, { exact });

  it("accepts what a clock can read, to the nanosecond", () => {
    const realtime = select(["CLOCK_REALTIME"], true);
    for (const offset of [0n, -600_000_000_000n, -now.realtime, END - 1n - now.realtime])
      checkRange(offset, realtime, now);
    refusal("E_RANGE", () => checkRange(-now.realtime - 1n, realtime, now));
    refusal("E_RANGE", () => checkRange(END - now.realtime, realtime, now));
    checkRange(-now.monotonic, select(["CLOCK_MONOTONIC"]), now);
    refusal("E_RANGE", () => checkRange(-now.monotonic - 1n, select(["CLOCK_MONOTONIC"]), now));
    checkRange(-1n, selectionFromMask(0n), now);
  });

  it("says what the clock reads and what the least offset is", () => {
    const boot = refusal("E_RANGE", () => checkRange(-10n * HOUR, select(["CLOCK_MONOTONIC"]), now));
    expect(boot.message).toBe(
      "CLOCK_MONOTONIC reads 5h3m2s since boot: an offset of -10h would take it below zero",
    );
    expect(boot.hint).toBe("the least offset for these clocks is -5h3m2s");

    const wall = refusal("E_RANGE", () => checkRange(-600_000n * HOUR, select(["CLOCK_REALTIME"]), now));
    expect(wall.message).toBe(
      "CLOCK_REALTIME reads 2026-09-21 14:13:20: an offset of -600000h would take it before 1970-01-01",
    );
    expect(wall.hint).toBe("the least offset for these clocks is -497222h13m20s");
  });

  it("says where the kernel's time ends", () => {
    const wall = refusal("E_RANGE", () => checkRange(2_100_000n * HOUR, select(["CLOCK_REALTIME"]), now));
    expect(wall.message).toMatch(
      /^CLOCK_TAI reads .* would take it beyond 2262-04-11, where the kernel's time ends$/,
    );
    const boot = refusal("E_RANGE", () => checkRange(END - 1n, select(["CLOCK_BOOTTIME"]), now));
    expect(boot.message).toMatch(/^CLOCK_BOOTTIME reads 6h since boot: .* beyond 2\^63 ns/);
  });

  it("hints at an offset that it accepts", () => {
    const offset = fc.bigInt(-END, END - 1n);
    const names = fc.array(fc.constantFrom(...CLOCKS.map((clock) => clock.name)), { minLength: 1 });
    fc.assert(
      fc.property(offset, names, (ns, list) => {
        const selection = select(list);
        try {
          checkRange(ns, selection, now);
        } catch (error) {
          const limit = / is (\S+)$/.exec((error as TimeskewError).hint!)![1]!;
          checkRange(parseDuration(limit), selection, now);
        }
      }),
      { seed: 20260106, numRuns: 500 },
    );
  });

  it("refuses a negative offset for CPU time", () => {
    const cpu = select(["CLOCK_THREAD_CPUTIME_ID"]);
    checkRange(0n, cpu, now);
    checkRange(HOUR, cpu, now);
    const error = refusal("E_RANGE", () => checkRange(-1n, cpu, now));
    expect(error.message).toMatch(/^CLOCK_THREAD_CPUTIME_ID starts at 0 in each new thread or process/);
    expect(error.hint).toBe("the least offset for these clocks is 0s");
  });

  it("covers gettimeofday() and time() where they alone are selected", () => {
    const alone = selectionFromMask(1n << 62n);
    expect(refusal("E_RANGE", () => checkRange(-now.realtime - 1n, alone, now)).message).toMatch(
      /^gettimeofday\(\) reads/,
    );
  });
});
