/**
 * What a probe brought from a target, next to the host's clocks.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ALL_CLOCKS,
  compare,
  contradiction,
  type HostClocks,
  predict,
  readHostClocks,
  trueReadings,
} from "../../../src/engine/readings.ts";
import type { ProbeReading } from "../../../src/patch/params.ts";
import { readable, type Vdso } from "../../../src/patch/vdso.ts";
import { CLOCKS, expandClocks, selectionFromMask } from "../../../src/skew/clock.ts";
import type { ClockReading } from "../../../src/types.ts";
import { IMAGES, prologue, sceneOf, syntheticImage } from "../patch/scenes.ts";
import { frames, inForce, moment, profile, settings, slope } from "./forms.ts";

const GETTIMEOFDAY = 1n << 62n;
const TIME = 1n << 63n;
const SECOND = 1_000_000_000n;
const NOW = 1_790_000_000n * SECOND;

/** A constant skew of these clocks. */
const by = (mask: bigint, offset = 0n) => inForce(settings(mask, offset));

/** Fourteen readings that were never made, and these. */
function probe(readings: Record<number, Partial<ProbeReading>>): ProbeReading[] {
  const none = { result: 0n, value: 0n, before: 0n, after: 0n };
  return Array.from({ length: 14 }, (_, i) => ({ ...none, ...readings[i] }));
}

function hostAt(value: bigint): HostClocks {
  return new Map(CLOCKS.map(({ id }) => [id, value]));
}

/** One clock, read in the target between two reads of the original, between two reads of the host's. */
function one(
  bit: bigint,
  reading: number,
  target: Partial<ProbeReading>,
  host: [bigint, bigint],
  selected = 0n,
): ClockReading {
  const readings = compare(probe({ [reading]: target }), bit, hostAt(host[0]), hostAt(host[1]), by(selected));
  expect(readings).toHaveLength(1);
  return readings[0]!;
}

describe("compare", () => {
  it("takes the original's bracket, which is narrower than the host's", () => {
    const target = { value: NOW + 50n, before: NOW + 40n, after: NOW + 61n };
    expect(one(1n, 0, target, [NOW, NOW + 1_000_000n])).toEqual({
      name: "CLOCK_REALTIME",
      target: NOW + 50n,
      host: NOW + 50n,
      difference: 0n,
      uncertainty: 11n,
      selected: false,
    });
  });

  it("takes the host's bracket where the original is outside of it: a time namespace, or a foreign patch", () => {
    const elsewhere = NOW + 3600n * SECOND;
    for (const target of [
      { value: elsewhere, before: elsewhere, after: elsewhere },
      { value: elsewhere, before: NOW, after: elsewhere },
      { value: elsewhere, before: NOW - 1n, after: NOW + 50n },
      { value: elsewhere, before: NOW + 60n, after: NOW + 50n },
    ]) {
      expect(one(2n, 1, target, [NOW, NOW + 100n])).toMatchObject({
        host: NOW + 50n,
        difference: elsewhere - NOW - 50n,
        uncertainty: 50n,
      });
    }
  });

  it("takes a bracket of one value for exact", () => {
    const target = { value: NOW - SECOND, before: NOW, after: NOW };
    expect(one(1n, 0, target, [NOW, NOW], 1n)).toMatchObject({
      difference: -SECOND,
      uncertainty: 0n,
      selected: true,
    });
  });

  it("cuts the host's clock as gettimeofday and time do", () => {
    const target = { value: NOW + 3000n, before: NOW + 3500n, after: NOW + 3900n };
    expect(one(GETTIMEOFDAY, 12, target, [NOW, NOW + 9000n])).toEqual({
      name: "gettimeofday",
      target: NOW + 3000n,
      host: NOW + 3000n,
      difference: 0n,
      uncertainty: 999n,
      selected: false,
    });
    const second = { value: NOW, before: NOW + 1n, after: NOW + SECOND - 1n };
    expect(one(TIME, 13, second, [NOW, NOW + SECOND])).toEqual({
      name: "time",
      target: NOW,
      host: NOW,
      difference: 0n,
      uncertainty: 999_999_999n,
      selected: false,
    });
  });

  it("says nothing about the difference of a clock that fails in the target", () => {
    const target = { result: -22n, value: 0n, before: 0n, after: 0n };
    expect(one(1n << 11n, 11, target, [NOW, NOW + 10n])).toEqual({
      name: "CLOCK_TAI",
      target: undefined,
      host: NOW + 5n,
      difference: undefined,
      uncertainty: 5n,
      selected: false,
    });
  });

  it("compares no clock that the host has not", () => {
    const host = new Map(hostAt(NOW)).set(9, undefined);
    const [reading] = compare(probe({ 9: { value: NOW } }), 1n << 9n, host, host, by(1n << 9n));
    expect(reading).toEqual({
      name: "CLOCK_BOOTTIME_ALARM",
      target: NOW,
      host: undefined,
      difference: undefined,
      uncertainty: 0n,
      selected: true,
    });
  });

  it.each([2, 3])("compares no CPU-time clock, which every process has for itself: %i", (id) => {
    const reading = one(1n << BigInt(id), id, { value: 5n, before: 4n, after: 6n }, [4n, 6n]);
    expect(reading).toMatchObject({ target: 5n, host: undefined, difference: undefined, uncertainty: 0n });
  });

  it("tells of the wanted clocks only, by id, then of the functions", () => {
    const names = (wanted: bigint) =>
      compare(probe({}), wanted, hostAt(0n), hostAt(0n), by(0n)).map(({ name }) => name);
    expect(names(0n)).toEqual([]);
    expect(names(TIME | 0b100001n)).toEqual(["CLOCK_REALTIME", "CLOCK_REALTIME_COARSE", "time"]);
    expect(names(ALL_CLOCKS)).toEqual([...CLOCKS.map(({ name }) => name), "gettimeofday", "time"]);
  });

  it("names what the settings select", () => {
    const selected = expandClocks(["CLOCK_REALTIME"], { exact: false }).mask;
    const readings = compare(probe({}), ALL_CLOCKS, hostAt(0n), hostAt(0n), by(selected));
    expect(readings.filter((reading) => reading.selected).map(({ name }) => name)).toEqual([
      "CLOCK_REALTIME",
      "CLOCK_REALTIME_COARSE",
      "CLOCK_REALTIME_ALARM",
      "CLOCK_TAI",
      "gettimeofday",
      "time",
    ]);
  });

  it.each([
    ["CLOCK_REALTIME", 1n, 0, 1n],
    ["gettimeofday", GETTIMEOFDAY, 12, 1000n],
    ["time", TIME, 13, SECOND],
  ])("%s: the true offset lies within difference ± uncertainty", (_, bit, index, unit) => {
    const few = fc.bigInt(0n, 2n * SECOND);
    const offset = fc.bigInt(-NOW, NOW);
    fc.assert(
      fc.property(few, few, few, few, offset, (a, b, c, d, skew) => {
        const [low, before, truth, after] = [NOW, NOW + a, NOW + a + b, NOW + a + b + c] as const;
        const value = truth + skew - ((truth + skew) % unit);
        const { difference, uncertainty } = one(bit, index, { value, before, after }, [low, after + d]);
        const wrong = difference! - skew;
        expect(wrong < 0n ? -wrong : wrong).toBeLessThanOrEqual(uncertainty);
      }),
    );
  });

  // The probe skips it, so its reading is whatever the scratch page held.
  it("says nothing about a function that the target's vDSO lacks", () => {
    const code = { clock_gettime: prologue("Linux 6.1 __vdso_clock_gettime") };
    const { vdso: lacksBoth } = sceneOf(syntheticImage(code));
    const { vdso: lacksTime } = sceneOf(syntheticImage({ ...code, gettimeofday: code.clock_gettime }));
    const names = (vdso: Vdso, wanted: bigint) =>
      compare(probe({}), readable(vdso, wanted), hostAt(0n), hostAt(0n), by(0n)).map(({ name }) => name);
    const clocks = CLOCKS.map(({ name }) => name);
    expect(names(lacksBoth, ALL_CLOCKS)).toEqual(clocks);
    expect(names(lacksTime, ALL_CLOCKS)).toEqual([...clocks, "gettimeofday"]);
    expect(names(lacksTime, TIME | 1n)).toEqual(["CLOCK_REALTIME"]);
    expect(readable(sceneOf(IMAGES.at(-1)!.bytes).vdso, ALL_CLOCKS)).toBe(ALL_CLOCKS);
  });
});

describe("a profile", () => {
  const start = { ...moment(), realtime: NOW };
  const half = profile({ tracks: [slope({ num: -1n, den: 2n })] }, start);
  // Forth at 0, back at 1 s.
  const strobe = profile({ tracks: [frames({ 0: 7000n, 1: 7000n, 2: 0n }, 2n * SECOND)] }, start);
  const stepped = {
    ...strobe.tracks[0]!,
    frames: [
      { at: 0n, offset: 7000n },
      { at: SECOND, offset: 7000n },
      { at: SECOND, offset: 0n },
    ],
  };
  const steps = profile({ tracks: [stepped] }, start);
  const between = (a: bigint, b: bigint, value: bigint) =>
    probe({ 0: { value, before: NOW + a, after: NOW + b } });

  it("makes the difference less certain by what it has changed in between", () => {
    const uncertainty = (how: typeof half, a: bigint, b: bigint) => {
      const [low, high] = [hostAt(NOW + a), hostAt(NOW + b)];
      return compare(between(a, b, NOW), 1n, low, high, inForce(settings(1n, 5n, how)))[0]!.uncertainty;
    };
    expect(uncertainty(half, SECOND, SECOND + 100n)).toBeGreaterThanOrEqual(100n);
    expect(uncertainty(half, SECOND, SECOND + 100n)).toBeLessThan(120n);
    expect(uncertainty(steps, SECOND - 50n, SECOND + 50n)).toBeGreaterThanOrEqual(6900n);
    expect(uncertainty(steps, SECOND + 50n, SECOND + 150n)).toBeLessThan(70n);
  });

  it("is contradicted by what it cannot show at any moment of the bracket", () => {
    const wrong = (how: typeof half, a: bigint, b: bigint, value: bigint) =>
      contradiction(between(a, b, value), 1n, inForce(settings(1n, 5n, how)));
    expect(wrong(half, 2000n, 2100n, NOW + 1030n)).toBeUndefined();
    expect(wrong(half, 2000n, 2100n, NOW + 1100n)).toMatch(
      /^CLOCK_REALTIME reads 17900000000000011\d\d ns, and should read /,
    );
    expect(wrong(half, 2000n, 2100n, NOW + 900n)).toBeDefined();
    // Either side of a step, but nothing outside of both.
    for (const offset of [7005n, 5n])
      expect(wrong(steps, SECOND - 50n, SECOND + 50n, NOW + SECOND + offset)).toBeUndefined();
    expect(wrong(steps, SECOND - 50n, SECOND + 50n, NOW + SECOND + 8000n)).toBeDefined();
    // Not begun: the true time.
    expect(wrong(half, -100n, -50n, NOW - 70n)).toBeUndefined();
    expect(wrong(half, -100n, -50n, NOW)).toBeDefined();
  });

  it("is not contradicted by a clock that fails, is not wanted, or is cut to its unit", () => {
    const now = inForce(settings(3n << 62n, 5n, half));
    const cut = { value: NOW, before: NOW + 10n, after: NOW + 20n };
    expect(contradiction(probe({ 12: cut, 13: cut }), 3n << 62n, now)).toBeUndefined();
    expect(contradiction(probe({ 12: { ...cut, value: NOW + 1000n } }), 1n << 62n, now)).toContain(
      "gettimeofday",
    );
    const failed = { ...cut, result: -22n, value: 0n };
    expect(contradiction(probe({ 12: failed }), 1n << 62n, now)).toBeUndefined();
    expect(contradiction(probe({ 12: { ...cut, value: 0n } }), 0n, now)).toBeUndefined();
  });

  it("does not judge when too much happens in between", () => {
    const fast = profile(
      {
        tracks: [
          {
            ...stepped,
            period: 2n,
            frames: [
              { at: 0n, offset: 9n },
              { at: 1n, offset: 0n },
            ],
          },
        ],
      },
      start,
    );
    expect(contradiction(between(0n, SECOND, 0n), 1n, inForce(settings(1n, 0n, fast)))).toBeUndefined();
  });

  it("is predicted by what the host's clock says", () => {
    const [reading] = predict(
      selectionFromMask(1n),
      inForce(settings(1n, 0n, profile({ tracks: [slope({ num: -1n, den: 1n })] }, start))),
    );
    expect(reading).toMatchObject({ name: "CLOCK_REALTIME", target: NOW });
  });
});

describe("predict", () => {
  it("gives the true clocks and the offset, each cut to its unit", () => {
    const offset = -600n * SECOND - 100n;
    const selection = expandClocks(["CLOCK_REALTIME"], { exact: false });
    const before = readHostClocks();
    const readings = predict(selection, by(selection.mask, offset));
    const after = readHostClocks();
    expect(readings.map(({ name }) => name)).toEqual(
      [
        "CLOCK_REALTIME",
        "CLOCK_REALTIME_COARSE",
        "CLOCK_REALTIME_ALARM",
        "CLOCK_TAI",
        "gettimeofday",
        "time",
      ].filter((name) => name !== "CLOCK_REALTIME_ALARM" || before.get(8) !== undefined),
    );
    for (const { name, target, host, difference, uncertainty, selected } of readings) {
      const unit = { gettimeofday: 1000n, time: SECOND }[name] ?? 1n;
      const id = { gettimeofday: 0, time: 5 }[name] ?? CLOCKS.find((clock) => clock.name === name)!.id;
      expect(selected).toBe(true);
      expect(target! % unit).toBe(0n);
      expect(host! % unit).toBe(0n);
      expect(host!).toBeGreaterThan(before.get(id)! - unit);
      expect(host!).toBeLessThanOrEqual(after.get(id)!);
      expect(difference).toBe(target! - host!);
      expect(uncertainty).toBe(unit - 1n);
      const wrong = difference! - offset;
      expect(wrong < 0n ? -wrong : wrong).toBeLessThanOrEqual(uncertainty);
    }
  });

  it("leaves out the clocks of CPU time, which no other process can read", () => {
    expect(predict(selectionFromMask(0b1100n), by(0b1100n, 5n))).toEqual([]);
  });
});

describe("the host's clocks", () => {
  it("are those of the kernel, not of our own vDSO", () => {
    const before = BigInt(Date.now()) * 1_000_000n;
    const host = readHostClocks();
    const after = BigInt(Date.now() + 1) * 1_000_000n;
    expect(host.get(0)!).toBeGreaterThanOrEqual(before);
    expect(host.get(0)!).toBeLessThanOrEqual(after);
    expect([...host.keys()]).toEqual(CLOCKS.map(({ id }) => id));
  });

  it("make the true readings, 0 for what the kernel has not", () => {
    const host = new Map<number, bigint | undefined>([
      [0, 1n],
      [1, 2n],
      [4, 3n],
      [7, 4n],
      [11, undefined],
    ]);
    expect(trueReadings(host)).toEqual({ realtime: 1n, monotonic: 2n, raw: 3n, boottime: 4n, tai: 0n });
    expect(trueReadings().realtime).toBeGreaterThan(NOW / 2n);
  });
});
