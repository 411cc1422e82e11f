/** The placement driver's instrument: which windows a clock's readings tell, and when it says no. */
import { describe, expect, it } from "vitest";
import { beginningOf, isOff, truthOf, windowsOf } from "../../../examples/placement-driver/schedule.mjs";

const SCHEDULE = { offset: -600_000, duration: 1_000, every: 3_000 };
const START = 1_795_302_919_833.25;

/** What a clock under a schedule shows at these times, ms since the start; each reading is known `late` ms afterwards. */
function read(times: readonly number[], { schedule = SCHEDULE, late = 0 } = {}) {
  return times.map((time) => {
    const { offset, duration, every } = schedule;
    const truth = START + time;
    const isInside = time >= 0 && (every === 0 ? time : time % every) < duration;
    return { own: isInside ? truth + offset : truth, at: truth + late };
  });
}

/** Each 50 ms, at odd times. */
const steadily = (from: number, until: number) =>
  Array.from({ length: Math.ceil((until - from) / 50) }, (_, n) => from + 50 * n + 7);

const found = (readings: ReturnType<typeof read>) => {
  const windows = windowsOf(readings, SCHEDULE);
  return { windows, beginning: beginningOf(readings, SCHEDULE) };
};

describe("a reading", () => {
  it("tells the truth, whichever side it is on and however late it is known", () => {
    for (const late of [0, 40, 20_000]) {
      for (const [time, off] of [
        [-1, false],
        [0, true],
        [999, true],
        [1000, false],
      ] as const) {
        const [reading] = read([time], { late });
        expect(isOff(reading!, SCHEDULE)).toBe(off);
        expect(truthOf(reading!, SCHEDULE)).toBe(START + time);
      }
    }
  });

  it("of a clock that is ahead", () => {
    const ahead = { ...SCHEDULE, offset: 600_000 };
    const [reading] = read([10], { schedule: ahead });
    expect(isOff(reading!, ahead)).toBe(true);
    expect(truthOf(reading!, ahead)).toBe(START + 10);
  });
});

describe("windows", () => {
  it("lie between the readings around their edges", () => {
    const { windows, beginning } = found(read([-20, 30, 980, 1010, 2990, 3005, 3960]));
    expect(windows).toEqual([
      { begin: [START - 20, START + 30], end: [START + 980, START + 1010] },
      { begin: [START + 2990, START + 3005] },
    ]);
    expect(beginning).toEqual([START - 10, START + 5]);
  });

  it("contain the true beginning, whenever the readings are made", () => {
    for (let shift = 0; shift < 50; shift += 3) {
      const { windows, beginning } = found(read(steadily(-200 + shift, 8_000)));
      expect(windows).toHaveLength(3);
      expect(beginning![0]).toBeLessThan(START);
      expect(beginning![1]).toBeGreaterThanOrEqual(START);
      expect(beginning![1] - beginning![0]).toBeLessThanOrEqual(50);
    }
  });

  it("are none in a clock that is never off", () => {
    expect(found(read(steadily(-3_000, -100)))).toEqual({ windows: [], beginning: undefined });
    expect(found([])).toEqual({ windows: [], beginning: undefined });
  });

  it("that was open already when the first reading was made is not counted", () => {
    expect(found(read([500, 1_500, 2_900, 3_100])).windows).toEqual([
      { begin: [START + 2_900, START + 3_100] },
    ]);
  });
});

describe("no beginning explains", () => {
  it.each([
    ["another period", { ...SCHEDULE, every: 3_200 }],
    ["longer windows", { ...SCHEDULE, duration: 1_200 }],
    ["shorter windows", { ...SCHEDULE, duration: 800 }],
    ["a single window", { ...SCHEDULE, every: 0, duration: 5_000 }],
  ])("%s", (_, schedule) => {
    const { windows, beginning } = found(read(steadily(-200, 8_000), { schedule }));
    expect(windows.length).toBeGreaterThan(0);
    expect(beginning).toBeUndefined();
  });

  it("a true reading in the middle of a window", () => {
    const [wrong] = read([3_500], { schedule: { ...SCHEDULE, offset: 0 } });
    const readings = read(steadily(-200, 8_000));
    expect(found(readings).beginning).toBeDefined();
    expect(found([...readings.filter(({ at }) => at < wrong!.at), wrong!]).beginning).toBeUndefined();
  });
});

describe("whoever reads seldom", () => {
  /** Without the readings of some time. */
  const without = (from: number, until: number) =>
    read(steadily(-200, 8_000)).filter((reading) => {
      const time = truthOf(reading, SCHEDULE) - START;
      return time < from || time > until;
    });

  it.each([
    ["misses a window", 2_900, 4_100, 2],
    ["misses a pause", 900, 3_100, 2],
    ["misses an edge", 2_500, 3_500, 3],
    ["misses the first edge", -150, 900, 3],
  ])("%s, and tells the same beginning, less exactly perhaps", (_, from, until, count) => {
    const { windows, beginning } = found(without(from, until));
    expect(windows).toHaveLength(count);
    expect(beginning![0]).toBeLessThan(START);
    expect(beginning![1]).toBeGreaterThanOrEqual(START);
  });
});
