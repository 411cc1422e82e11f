/**
 * From what the user asked for to settings, and from what was found to a skew.
 */
import { describe, expect, it } from "vitest";
import { SOURCES } from "../../../src/engine/model.ts";
import {
  appliedIn,
  inForceIn,
  nowIn,
  parseRequest,
  settingsOf,
  skewIn,
  skewOf,
  stateOf,
} from "../../../src/engine/skew.ts";
import { TimeskewError } from "../../../src/errors.ts";
import type { Found } from "../../../src/patch/find.ts";
import { neutral } from "../../../src/patch/params.ts";
import { NO_SHIFT } from "../../../src/target/timens.ts";
import { frames, inForce, moment, profile, SECOND, settings, slope } from "./forms.ts";

const REALTIME_MASK = (1n << 63n) | (1n << 62n) | 0x921n;

describe("parseRequest", () => {
  it("means CLOCK_REALTIME and what belongs to it, unless told otherwise", () => {
    expect(parseRequest({ offset: "-10m100ns" })).toMatchObject({
      verbs: { offset: -600_000_000_100n },
      selection: { mask: REALTIME_MASK, gettimeofday: true, time: true },
    });
    expect(parseRequest({ offset: 5n, clocks: [] }).selection.mask).toBe(REALTIME_MASK);
  });

  it("takes nanoseconds as they are, and clocks in any spelling", () => {
    const { verbs, selection } = parseRequest({ offset: 7n, clocks: ["boottime,CLOCK_TAI"], exact: true });
    expect(verbs.offset).toBe(7n);
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
    [{}, "E_USAGE"],
    [{ freeze: true, rate: "2" }, "E_USAGE"],
    [{ rate: "2", clocks: ["CLOCK_THREAD_CPUTIME_ID"] }, "E_CLOCK"],
    [{ at: "@5", clocks: ["monotonic"] }, "E_CLOCK"],
  ])("refuses %o: %s", (request, code) => {
    expect(() => parseRequest(request)).toThrow(TimeskewError);
    expect(() => parseRequest(request)).toThrow(expect.objectContaining({ code }));
  });
});

describe("settingsOf", () => {
  const constant = { base: -1n, profile: undefined };

  it("begins now, under an id of its own", () => {
    const before = BigInt(Date.now()) * 1_000_000n;
    const made = settingsOf(REALTIME_MASK, constant, moment());
    expect(made).toMatchObject({ mask: REALTIME_MASK, offset: -1n });
    expect(made).not.toHaveProperty("profile");
    expect(made.since).toBeGreaterThanOrEqual(before);
    expect(made.since).toBeLessThan(before + 60n * SECOND);
    expect(made.skewId).toBeGreaterThanOrEqual(0n);
    expect(made.skewId).toBeLessThan(2n ** 64n);
    expect(settingsOf(REALTIME_MASK, constant, moment()).skewId).not.toBe(made.skewId);
  });

  it("is what skewOf reads", () => {
    const made = settingsOf(REALTIME_MASK, constant, moment());
    expect(skewOf(inForce({ ...made, generation: 1n }), moment())).toEqual({
      id: made.skewId.toString(16).padStart(16, "0"),
      offset: -1n,
      profile: undefined,
      clocks: ["CLOCK_REALTIME", "CLOCK_REALTIME_COARSE", "CLOCK_REALTIME_ALARM", "CLOCK_TAI"],
      gettimeofday: true,
      time: true,
      since: made.since,
    });
  });

  it("tells the payload how far a profile swings, and how high a cycle of it goes", () => {
    const { text, duration, every, noise } = profile({ duration: 5n * SECOND, every: 9n * SECOND });
    const tracks = [frames({ 0: 0n, 1: 7n, 2: 0n }, 2n * SECOND), slope({ num: 1n, den: 10n ** 9n })];
    const shape = { base: 100n, profile: { text, duration, every, noise, tracks } };
    expect(settingsOf(1n, shape, moment()).profile).toMatchObject({
      start: moment(),
      swing: 7n,
      ceiling: 111n,
    });
    const endless = { base: 100n, profile: { ...shape.profile, duration: 0n, every: 0n } };
    expect(settingsOf(1n, endless, moment()).profile?.ceiling).toBe(2n ** 63n - 1n);
  });
});

describe("skewOf", () => {
  it("writes the id as 16 digits", () => {
    const id = (skewId: bigint) => skewOf(inForce({ ...settings(2n, 3n), skewId }), moment())?.id;
    expect(id(0xabcn)).toBe("0000000000000abc");
    expect(id(2n ** 64n - 1n)).toBe("ffffffffffffffff");
  });

  it("is undefined for settings that select nothing", () => {
    expect(skewOf(inForce(settings(0n, 3n)), moment())).toBeUndefined();
  });

  // The target can write what it likes there, and a skew that cannot be described must still be taken back.
  it("names the clocks that it knows of a mask with unknown bits", () => {
    expect(skewOf(inForce(settings((1n << 40n) | (1n << 62n) | 2n, 3n)), moment())).toMatchObject({
      clocks: ["CLOCK_MONOTONIC"],
      gettimeofday: true,
      time: false,
    });
    expect(skewOf(inForce(settings(1n << 40n, 3n)), moment())).toMatchObject({
      offset: 3n,
      profile: undefined,
      clocks: [],
      gettimeofday: false,
      time: false,
    });
  });

  it("tells the base of a profile that cannot be told", () => {
    const odd = { ...settings(1n, 3n), flaw: "counts 9 tracks" };
    expect(skewOf(inForce(odd), moment())).toMatchObject({ offset: 3n, profile: undefined });
  });
});

describe("a profile at the moment of looking", () => {
  const at = (seconds: bigint, how = profile(), offset = 10n, before = settings(1n, -5n), mask = 1n) =>
    skewOf(inForce(settings(mask, offset, how), before), moment(seconds * SECOND));

  it("waits for its beginning, and until then the settings before it are in force", () => {
    const how = profile({ tracks: [slope({ num: 1n, den: 1n })], text: "--rate 2" }, moment(7n * SECOND));
    expect(at(0n, how)).toMatchObject({
      offset: -5n,
      profile: { text: "--rate 2", phase: "waiting", rate: 1, next: { in: 7n * SECOND, what: "starts" } },
    });
    const running = settings(1n, 0n, profile({ tracks: [slope({ num: -1n, den: 2n })] }));
    expect(at(4n, how, 10n, running)).toMatchObject({ offset: -2n * SECOND, profile: { rate: 0.5 } });
    // Neither has begun; or the one before does not have this clock.
    expect(at(-1n, how, 10n, running)).toMatchObject({ offset: 0n, profile: { phase: "waiting", rate: 1 } });
    expect(at(0n, how, 10n, settings(2n, -5n))).toMatchObject({ offset: 0n });
    expect(at(7n, how)).toMatchObject({ offset: 10n, profile: { phase: "running", rate: 2 } });
  });

  it("runs for ever", () => {
    const how = profile({ tracks: [slope({ num: -1n, den: 1n })], text: "--freeze" });
    expect(at(3n, how)).toMatchObject({
      offset: 10n - 3n * SECOND,
      profile: { text: "--freeze", phase: "running", rate: 0, next: undefined, seed: undefined },
    });
  });

  it("changes", () => {
    const how = profile({ tracks: [frames({ 0: 0n, 10: SECOND })] });
    expect(at(4n, how)?.profile).toMatchObject({ rate: 1.1, next: { in: 6n * SECOND, what: "changes" } });
    expect(at(10n, how)?.profile).toMatchObject({ rate: 1, next: undefined });
  });

  it("ends", () => {
    const how = profile({ duration: 10n * SECOND });
    expect(at(4n, how)).toMatchObject({
      offset: 10n,
      profile: { phase: "running", next: { in: 6n * SECOND, what: "ends" } },
    });
    expect(at(10n, how)).toMatchObject({ offset: 0n, profile: { phase: "ended", rate: 1, next: undefined } });
  });

  it("stops, and starts again", () => {
    const how = profile({ duration: 10n * SECOND, every: 60n * SECOND });
    expect(at(64n, how)).toMatchObject({
      offset: 10n,
      profile: { phase: "running", next: { in: 6n * SECOND, what: "stops" } },
    });
    expect(at(130n, how)).toMatchObject({
      offset: 0n,
      profile: { phase: "paused", rate: 1, next: { in: 50n * SECOND, what: "starts" } },
    });
  });

  it("changes within its duration first", () => {
    const how = profile({ duration: 10n * SECOND, every: 60n * SECOND, tracks: [frames({ 0: 0n, 5: 1n })] });
    expect(at(61n, how)?.profile?.next).toEqual({ in: 4n * SECOND, what: "changes" });
    expect(at(66n, how)?.profile?.next).toEqual({ in: 4n * SECOND, what: "stops" });
  });

  it("has a seed; the next number of a jitter is no news", () => {
    const noise = { amplitude: 5n, every: SECOND, seed: 2n ** 64n - 1n, glides: false };
    expect(at(0n, profile({ noise }))?.profile).toMatchObject({
      phase: "running",
      seed: "18446744073709551615",
      next: undefined,
    });
    const ends = profile({ noise, duration: 10n * SECOND });
    expect(at(0n, ends)?.profile?.next).toEqual({ in: 10n * SECOND, what: "ends" });
  });

  it("is none once it has taken over, if it is a constant", () => {
    const later = profile({ text: "--offset 10ns" }, moment(7n * SECOND));
    expect(at(0n, later)).toMatchObject({ offset: -5n, profile: { phase: "waiting" } });
    expect(at(7n, later)).toMatchObject({ offset: 10n, profile: undefined });
  });

  it("is told by a wall clock if it has one, by its own start otherwise", () => {
    const start = { ...moment(), monotonic: moment().monotonic + 2n * SECOND };
    const how = profile({ tracks: [slope({ num: 1n, den: 1n })] }, start);
    expect(at(5n, how, 0n, undefined, 0b11n)?.offset).toBe(5n * SECOND);
    expect(at(5n, how, 0n, undefined, 0b10n)?.offset).toBe(3n * SECOND);
    expect(at(5n, how, 0n, undefined, 1n << 62n)?.offset).toBe(5n * SECOND);
    expect(at(5n, how, 0n, undefined, 1n << 63n)?.offset).toBe(5n * SECOND);
  });

  it("leaves CPU time alone, of which nobody knows when it began", () => {
    expect(at(5n, profile(), 10n, undefined, 0b100n)).toMatchObject({ offset: 0n, profile: undefined });
  });
});

describe("what is found", () => {
  const found = (state: string, how?: ReturnType<typeof profile>) =>
    ({ state, settings: settings(2n, 3n, how), idle: { settings: neutral(1n) } }) as unknown as Found;
  const [monotonic, realtime] = [SOURCES[1]!, SOURCES[0]!];

  it("is in force in a skewed target only", () => {
    expect(skewIn(found("skewed"), NO_SHIFT)).toMatchObject({ offset: 3n, clocks: ["CLOCK_MONOTONIC"] });
    const applied = appliedIn(inForceIn(found("skewed")), moment());
    expect(applied.isSkewed).toBe(true);
    expect([applied.offsetOf(monotonic), applied.offsetOf(realtime)]).toEqual([3n, 0n]);
  });

  it.each(["unskewed", "partial", "unused", "lingering", "foreign"])("%s: the true time", (state) => {
    expect(skewIn(found(state), NO_SHIFT)).toBeUndefined();
    const applied = appliedIn(inForceIn(found(state)), moment());
    expect(applied.isSkewed).toBe(false);
    expect(applied.offsetOf(monotonic)).toBe(0n);
  });

  it("has ended when its profile has", () => {
    const of = (how?: ReturnType<typeof profile>) => {
      const each = found("skewed", how);
      return stateOf(each, skewIn(each, NO_SHIFT));
    };
    const longAgo = { realtime: 0n, monotonic: 0n, raw: 0n, boottime: 0n, tai: 0n };
    expect(of()).toBe("skewed");
    expect(of(profile({ duration: 1n }, longAgo))).toBe("ended");
    expect(of(profile({ duration: 1n, every: 2n ** 62n }, longAgo))).toBe("skewed");
    expect(of(profile({}, longAgo))).toBe("skewed");
    expect(stateOf(found("partial"), undefined)).toBe("partial");
  });
});

describe("the clocks of a target", () => {
  it("are those of its time namespace", () => {
    const shift = { monotonic: 100n * SECOND, boottime: -50n * SECOND };
    const [host, its] = [nowIn(NO_SHIFT), nowIn(shift)];
    const ahead = (name: keyof typeof host) => Number(its[name] - host[name]) / 1e9;
    expect(ahead("realtime")).toBeCloseTo(0, 0);
    expect(ahead("monotonic")).toBeCloseTo(100, 0);
    expect(ahead("raw")).toBeCloseTo(100, 0);
    expect(ahead("boottime")).toBeCloseTo(-50, 0);
  });

  it("are told by the wall clock where that says nothing: all starts are of one instant", () => {
    const start = nowIn(NO_SHIFT);
    const shifted = { ...start, monotonic: 7n, raw: 8n, boottime: 9n };
    const now = nowIn("unknown", inForce(settings(2n, 0n, profile({}, shifted))));
    const elapsed = now.realtime - start.realtime;
    expect(now).toMatchObject({ monotonic: 7n + elapsed, raw: 8n + elapsed, boottime: 9n + elapsed });
  });
});
