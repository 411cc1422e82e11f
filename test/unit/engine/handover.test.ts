/**
 * From one skew to the next without a jump, on every clock; and at which times skews are out of range.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { handover, type Wanted } from "../../../src/engine/handover.ts";
import { courseAt, type InForce, SOURCES, shownBy, timeOf } from "../../../src/engine/model.ts";
import { refuseRange } from "../../../src/engine/range.ts";
import { anchored } from "../../../src/engine/skew.ts";
import { expandClocks, selectionFromMask } from "../../../src/skew/clock.ts";
import { HOLD, type Start } from "../../../src/skew/profile.ts";
import { jumps, parseVerbs, shapeOf, type VerbTexts } from "../../../src/skew/verbs.ts";
import { profile as slotProfile } from "../patch/slots.ts";
import { frames, inForce, moment, profile, SECOND, settings, slope } from "./forms.ts";

const MARGIN = 25_000_000n;
const ALL = expandClocks(["CLOCK_REALTIME", "CLOCK_MONOTONIC", "CLOCK_MONOTONIC_RAW"], { exact: false }).mask;
const WALL = expandClocks(["CLOCK_REALTIME"], { exact: false }).mask;
const FAMILIES = ["realtime", "monotonic", "raw", "boottime", "tai"] as const;

function wanted(texts: VerbTexts, mask = ALL): Wanted {
  const verbs = parseVerbs(texts);
  return { mask, shapeAt: (at) => shapeOf(verbs, at), jumps: jumps(verbs), text: verbs.text };
}

/** What is in force once the new settings are written. */
function changed(from: InForce, texts: VerbTexts, now = moment(), mask = ALL): InForce & { start: Start } {
  const { start, shape } = handover(from, wanted(texts, mask), now, MARGIN);
  const next = settings(mask, shape.base, anchored(shape.base, shape.profile, start));
  return { settings: next, before: from.settings, start };
}

/** By how much each clock jumps when the new settings begin. */
function jumpsAt(from: InForce, to: InForce & { start: Start }, mask = ALL): bigint[] {
  return SOURCES.filter(({ bit, family }) => mask & bit && family !== "cpu").map((source) => {
    const time = timeOf(source, to.start);
    return shownBy(to, source, time) - shownBy(from, source, time);
  });
}

const MOVING: VerbTexts[] = [
  { rate: "3" },
  { freeze: true },
  { drift: "-17ppm" },
  { slew: "-5s", over: "1h" },
  { jitter: "1s", jitterGlide: true },
  { jitter: "1s", jitterGlide: true, duration: "10s", every: "1m" },
];

describe("what is not asked to jump goes on from where it is, to the nanosecond on every clock", () => {
  it("from a constant", () => {
    for (const texts of MOVING) {
      const from = inForce(settings(ALL, -12_345_678_901n));
      const to = changed(from, texts);
      expect(new Set(jumpsAt(from, to)), JSON.stringify(texts)).toEqual(new Set([0n]));
      for (const family of FAMILIES) expect(to.start[family]).toBe(moment()[family] + MARGIN);
    }
  });

  it("from any profile, although the clocks were not read at one instant", () => {
    fc.assert(
      fc.property(
        slotProfile,
        fc.bigInt(0n, 10n ** 15n),
        fc.array(fc.bigInt(-2_000_000n, 2_000_000n), { minLength: 5, maxLength: 5 }),
        fc.constantFrom(...MOVING),
        (how, elapsed, apart, texts) => {
          // One track for all clocks, as the verbs make them but for a leap second.
          const tracks = how.tracks.slice(0, 2).map((each) => ({ ...each, clocks: 0xfffn }));
          const from = inForce(settings(ALL, 77n, { ...how, tracks, start: moment() }));
          const [realtime, monotonic, raw, boottime, tai] = FAMILIES.map(
            (family, i) => moment(elapsed)[family] + apart[i]!,
          ) as [bigint, bigint, bigint, bigint, bigint];
          const now = { realtime, monotonic, raw, boottime, tai };
          let to: ReturnType<typeof changed>;
          try {
            to = changed(from, texts, now);
          } catch (error) {
            // A glide of more than 146 years.
            expect(error).toMatchObject({ code: "E_RANGE" });
            return;
          }
          const shown = jumpsAt(from, to);
          expect(new Set(shown)).toEqual(new Set([0n]));
          const moved = new Set(FAMILIES.map((family) => to.start[family] - moment()[family]));
          expect(moved.size).toBe(1);
        },
      ),
    );
  });

  it("until then, the old settings govern", () => {
    const from = inForce(settings(ALL, 5n, profile({ tracks: [slope({ num: 1n, den: 1n })] })));
    const to = changed(from, { freeze: true }, moment(SECOND));
    for (const source of SOURCES.filter(({ bit, family }) => ALL & bit && family !== "cpu")) {
      const start = timeOf(source, to.start);
      for (const time of [start - MARGIN, start - 1n])
        expect(shownBy(to, source, time)).toBe(shownBy(from, source, time));
      expect(courseAt(to, source, start)).toMatchObject({ slope: -1 });
      expect(shownBy(to, source, start + SECOND)).toBe(shownBy(to, source, start));
    }
  });
});

describe("what is asked to jump", () => {
  it("jumps there, from wherever it is", () => {
    const from = inForce(settings(ALL, 5n, profile({ tracks: [slope({ num: 1n, den: 1n })] })));
    const to = changed(from, { offset: "1h", rate: "2" }, moment(SECOND));
    expect(to.settings).toMatchObject({
      offset: 3600n * SECOND,
      profile: { tracks: [{ tail: { num: 1n } }] },
    });
  });

  it("to a date, shows it when it begins", () => {
    const from = inForce(settings(WALL, 5n, profile({ tracks: [slope({ num: 1n, den: 1n })] })));
    const to = changed(from, { at: "2038-01-19T03:14:00Z", freeze: true }, moment(SECOND), WALL);
    expect(shownBy(to, SOURCES[0]!, to.start.realtime)).toBe(2_147_483_640n * SECOND);
  });

  it("to a constant, becomes one that begins later", () => {
    const from = inForce(settings(WALL, 5n, profile({ tracks: [slope({ num: 1n, den: 1n })] })));
    const to = changed(from, { offset: "1h" }, moment(SECOND), WALL);
    expect(to.settings.profile).toMatchObject({
      tracks: [],
      noise: undefined,
      duration: 0n,
      text: "--offset 1h",
    });
  });
});

describe("clocks that are off by different amounts", () => {
  const leap = {
    ...frames({}),
    clocks: 0x7ffn,
    frames: [
      { at: 0n, offset: 0n },
      { at: 1n, offset: -SECOND },
    ],
  };
  const from = inForce(settings(WALL, 5n, profile({ tracks: [leap] })));

  it("go on from where each is: after a leap second, CLOCK_TAI elsewhere than CLOCK_REALTIME", () => {
    const to = changed(from, { rate: "2" }, moment(SECOND), WALL);
    expect(new Set(jumpsAt(from, to, WALL))).toEqual(new Set([0n]));
    expect(to.settings.profile?.tracks).toEqual([
      expect.objectContaining({ tail: { num: 1n, den: 1n } }),
      { clocks: 1n << 11n, period: 0n, frames: [{ at: 0n, offset: SECOND }], tail: HOLD },
    ]);
  });

  it("jump together if they are asked to", () => {
    const to = changed(from, { offset: "7ns", rate: "2" }, moment(SECOND), WALL);
    expect(to.settings).toMatchObject({ offset: 7n, profile: { tracks: [{ tail: { num: 1n } }] } });
  });

  it("begin by their own time if they have drifted apart since the old profile began", () => {
    const running = inForce(settings(ALL, 0n, profile({ tracks: [slope({ num: 1n, den: 1n })] })));
    const now = { ...moment(100n * SECOND), boottime: moment(160n * SECOND).boottime };
    const to = changed(running, { freeze: true }, now);
    expect(new Set(jumpsAt(running, to))).toEqual(new Set([0n]));
    for (const family of FAMILIES) expect(to.start[family]).toBe(now[family] + MARGIN);
  });

  it("are too many to go on", () => {
    const track = (clock: number, offset: bigint) => ({
      ...frames({ 0: offset }),
      clocks: 1n << BigInt(clock),
    });
    const apart = inForce(settings(ALL, 0n, profile({ tracks: [track(1, 1n), track(4, 2n), track(7, 3n)] })));
    expect(() => changed(apart, { rate: "2" })).toThrow(expect.objectContaining({ code: "E_UNSUPPORTED" }));
    expect(() => changed(apart, { rate: "2", offset: "0s" })).not.toThrow();
  });
});

describe("a range", () => {
  const selection = selectionFromMask(0b10n);
  const refused = (texts: VerbTexts, uptime = 100n * SECOND) => {
    const shape = shapeOf(parseVerbs(texts), { realtime: moment().realtime, offset: 0n });
    return () => refuseRange(shape, selection, { ...moment(), monotonic: uptime });
  };
  const key = (at: bigint, offset: bigint) => ({ at: at * SECOND, offset: offset * SECOND });

  it.each<[string, VerbTexts, boolean]>([
    ["a constant before boot", { offset: "-101s" }, true],
    ["a constant after boot", { offset: "-99s" }, false],
    ["a profile that begins before boot", { offset: "-101s", rate: "2" }, true],
    ["an offset that is possible once it is reached", { keyframes: [key(0n, 0n), key(60n, -150n)] }, false],
    ["one that is not", { keyframes: [key(0n, 0n), key(60n, -161n)] }, true],
    ["a step down to where it is not", { keyframes: [key(0n, 0n), key(60n, 0n), key(60n, -161n)] }, true],
    ["jitter that may reach it", { jitter: "101s" }, true],
    ["jitter that does not", { jitter: "99s" }, false],
    ["an endless slope, which the payload cuts", { rate: "1000" }, false],
  ])("%s", (_, texts, expected) => {
    if (expected) expect(refused(texts)).toThrow(expect.objectContaining({ code: "E_RANGE" }));
    else expect(refused(texts)).not.toThrow();
  });
});
