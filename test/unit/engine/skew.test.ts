/**
 * From what the user asked for to settings, and from what was found to a skew.
 */
import { describe, expect, it } from "vitest";
import { appliedIn, parseRequest, settingsOf, skewIn, skewOf } from "../../../src/engine/skew.ts";
import { TimeskewError } from "../../../src/errors.ts";
import type { Found } from "../../../src/patch/find.ts";
import { RATE_ONE, type Settings } from "../../../src/patch/params.ts";
import { selectionFromMask } from "../../../src/skew/clock.ts";

const REALTIME_MASK = (1n << 63n) | (1n << 62n) | 0x921n;

describe("parseRequest", () => {
  it("means CLOCK_REALTIME and what belongs to it, unless told otherwise", () => {
    expect(parseRequest({ offset: "-10m100ns" })).toMatchObject({
      offset: -600_000_000_100n,
      selection: { mask: REALTIME_MASK, gettimeofday: true, time: true },
    });
    expect(parseRequest({ offset: 5n, clocks: [] }).selection.mask).toBe(REALTIME_MASK);
  });

  it("takes nanoseconds as they are, and clocks in any spelling", () => {
    const { offset, selection } = parseRequest({ offset: 7n, clocks: ["boottime,CLOCK_TAI"], exact: true });
    expect(offset).toBe(7n);
    expect(selection).toMatchObject({
      clocks: ["CLOCK_BOOTTIME", "CLOCK_TAI"],
      gettimeofday: false,
      time: false,
    });
  });

  it("selects nothing else when it must be exact", () => {
    expect(parseRequest({ offset: "1s", clocks: ["realtime"], exact: true }).selection.mask).toBe(1n);
  });

  it.each([
    [{ offset: "600" }, "E_DURATION"],
    [{ offset: "1s", clocks: ["CLOCK_REAL"] }, "E_CLOCK"],
    [{ offset: "-90000d", clocks: ["boottime"] }, "E_RANGE"],
    [{ offset: -(2n ** 62n) }, "E_RANGE"],
    [{ offset: 2n ** 63n - 1n }, "E_RANGE"],
  ])("refuses %o: %s", (request, code) => {
    expect(() => parseRequest(request)).toThrow(TimeskewError);
    expect(() => parseRequest(request)).toThrow(expect.objectContaining({ code }));
  });
});

describe("a rate for waits", () => {
  it.each([
    [undefined, RATE_ONE],
    [1, RATE_ONE],
    [2, RATE_ONE * 2n],
    [0.5, RATE_ONE / 2n],
    [0.001, 4_294_967n],
    [1000, RATE_ONE * 1000n],
  ])("%s is %i", (waitRate, rate) => {
    const request = parseRequest({ offset: 0n, ...(waitRate !== undefined && { waitRate }) });
    expect(request.rate).toBe(rate);
    expect(settingsOf(request).rate).toBe(rate);
  });

  it.each([0, -1, 0.0009, 1001, Number.NaN, Number.POSITIVE_INFINITY])("%s is none", (waitRate) => {
    expect(() => parseRequest({ offset: 0n, waitRate })).toThrow(/^no clock runs at /);
  });
});

describe("settingsOf", () => {
  const request = { offset: -1n, selection: selectionFromMask(REALTIME_MASK), rate: RATE_ONE };

  it("begins now, under an id of its own", () => {
    const before = BigInt(Date.now()) * 1_000_000n;
    const settings = settingsOf(request);
    expect(settings).toMatchObject({ mask: REALTIME_MASK, offset: -1n });
    expect(settings.since).toBeGreaterThanOrEqual(before);
    expect(settings.since).toBeLessThan(before + 60_000_000_000n);
    expect(settings.skewId).toBeGreaterThanOrEqual(0n);
    expect(settings.skewId).toBeLessThan(2n ** 64n);
    expect(settingsOf(request).skewId).not.toBe(settings.skewId);
  });

  it("is what skewOf reads", () => {
    const settings = settingsOf(request);
    expect(skewOf(settings)).toEqual({
      id: settings.skewId.toString(16).padStart(16, "0"),
      offset: -1n,
      clocks: ["CLOCK_REALTIME", "CLOCK_REALTIME_COARSE", "CLOCK_REALTIME_ALARM", "CLOCK_TAI"],
      gettimeofday: true,
      time: true,
      since: settings.since,
    });
  });
});

describe("skewOf", () => {
  const settings = { mask: 2n, offset: 3n, skewId: 0xabcn, since: 4n, rate: 0n };

  it("writes the id as 16 digits", () => {
    expect(skewOf(settings)?.id).toBe("0000000000000abc");
    expect(skewOf({ ...settings, skewId: 2n ** 64n - 1n })?.id).toBe("ffffffffffffffff");
  });

  it("is undefined for settings that select nothing", () => {
    expect(skewOf({ ...settings, mask: 0n })).toBeUndefined();
  });

  // The target can write what it likes there, and a skew that cannot be described must still be taken back.
  it("names the clocks that it knows of a mask with unknown bits", () => {
    expect(skewOf({ ...settings, mask: (1n << 40n) | (1n << 62n) | 2n })).toMatchObject({
      clocks: ["CLOCK_MONOTONIC"],
      gettimeofday: true,
      time: false,
    });
    expect(skewOf({ ...settings, mask: 1n << 40n })).toMatchObject({
      clocks: [],
      gettimeofday: false,
      time: false,
    });
  });
});

describe("what is found", () => {
  const settings: Settings = { generation: 2n, mask: 2n, offset: 3n, skewId: 1n, since: 4n, rate: 0n };
  const found = (state: string) => ({ state, settings }) as unknown as Found;

  it("is in force in a skewed target only", () => {
    expect(skewIn(found("skewed"))).toMatchObject({ offset: 3n, clocks: ["CLOCK_MONOTONIC"] });
    expect(appliedIn(found("skewed"))).toMatchObject({ mask: 2n, offset: 3n });
  });

  it.each(["unskewed", "partial", "unused", "lingering", "foreign"])("%s: the true time", (state) => {
    expect(skewIn(found(state))).toBeUndefined();
    expect(appliedIn(found(state))).toEqual({ mask: 0n, offset: 0n });
  });
});
