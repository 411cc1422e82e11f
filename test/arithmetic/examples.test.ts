/** The verbs' own profiles: what each shows, and how long its waits last, in numbers that a reader can check. */
import { describe, expect, test } from "vitest";
import { NO_CEILING } from "../../src/patch/profile.ts";
import { ALL_TRACKED, HOLD, type Profile, type Track } from "../../src/skew/profile.ts";
import { Host } from "./host.ts";
import type { World } from "./model.ts";

const SECOND = 1_000_000_000n;
const MS = 1_000_000n;
const HOUR = 3600n * SECOND;
const YEAR = 365n * 24n * HOUR;
const MONOTONIC = 1n;
const START = 1_790_000_000n * SECOND;
/** No clock shows more. */
const END = 2n ** 63n - 1n;

function line(num: bigint, den: bigint): Track {
  return { clocks: ALL_TRACKED, period: 0n, frames: [{ at: 0n, offset: 0n }], tail: { num, den } };
}

/** `high` for the first half of the period, then 0. */
function strobe(high: bigint, half: bigint): Track {
  const frames = [
    { at: 0n, offset: high },
    { at: half, offset: high },
    { at: half, offset: 0n },
  ];
  return { clocks: ALL_TRACKED, period: 2n * half, frames, tail: HOLD };
}

/** Begun at START on all clocks, on top of `base`; before it, the true time. */
function begun(profile: Partial<Profile> & { swing?: bigint; ceiling?: bigint }, base = 0n): World {
  const settings = { mask: 0n, offset: 0n, skewId: 1n, since: 0n };
  const start = { realtime: START, monotonic: START, raw: START, boottime: START, tai: START };
  const bounds = { swing: 0n, ceiling: NO_CEILING };
  const rest = { duration: 0n, every: 0n, tracks: [], noise: undefined, text: "" };
  return {
    slots: [
      { ...settings, generation: 1n },
      {
        ...settings,
        generation: 2n,
        mask: 0xfffn | (3n << 62n),
        offset: base,
        profile: { ...rest, ...bounds, ...profile, start },
      },
    ],
    index: 1,
  };
}

/** What is shown so many ns after the start, less the start. */
async function shownAfter(host: Host, name: bigint, ...elapsed: bigint[]): Promise<bigint[]> {
  const answers = await host.ask(
    "read",
    elapsed.flatMap((each) => [START + each, name]),
  );
  return [...answers].map((answer) => answer - START);
}

/** How long it takes from `elapsed` on until CLOCK_MONOTONIC shows START + goal. */
async function until(host: Host, elapsed: bigint, goal: bigint): Promise<bigint> {
  const [found] = await host.ask("when", [START + elapsed, MONOTONIC, START + goal]);
  return found! - START - elapsed;
}

async function span(
  host: Host,
  kind: "trueSpan" | "fakeSpan",
  elapsed: bigint,
  asked: bigint,
): Promise<bigint> {
  return (await host.ask(kind, [START + elapsed, MONOTONIC, asked]))[0]!;
}

describe("what is shown", () => {
  test("a rate of 1.000001, after a year: exact", async (context) => {
    await using host = await Host.start(context);
    host.setWorld(begun({ tracks: [line(1n, 1_000_000n)] }));
    expect(YEAR / 1_000_000n).toBe(31_536_000_000n);
    expect(await shownAfter(host, 0n, 0n, 999_999n, 1_000_000n, YEAR - 1n, YEAR, 100n * YEAR)).toEqual([
      0n,
      999_999n,
      1_000_001n,
      YEAR - 1n + 31_535_999_999n,
      YEAR + 31_536_000_000n,
      100n * (YEAR + 31_536_000_000n),
    ]);
  });

  test("rates of 1000 and 0.001, to the nanosecond", async (context) => {
    await using host = await Host.start(context);
    host.setWorld(begun({ tracks: [line(999n, 1n)] }));
    expect(await shownAfter(host, 1n, 1n, SECOND, YEAR)).toEqual([1000n, 1000n * SECOND, END - START]);
    host.setWorld(begun({ tracks: [line(-999n, 1000n)] }));
    expect(await shownAfter(host, 1n, 1n, 999n, 1000n, YEAR)).toEqual([0n, 0n, 1n, YEAR / 1000n]);
  });

  test("a clock that stands still, by each function", async (context) => {
    await using host = await Host.start(context);
    host.setWorld(begun({ tracks: [line(-1n, 1n)] }, 1_234_567_891n));
    for (const [name, still] of [
      [0n, 1_234_567_891n],
      [62n, 1_234_567_000n],
      [63n, SECOND],
    ] as const)
      expect(await shownAfter(host, name, 0n, 1n, HOUR, YEAR)).toEqual([still, still, still, still]);
  });

  test("before the start, the other slot; after the duration, the true time", async (context) => {
    await using host = await Host.start(context);
    const { slots } = begun({ duration: 10n * SECOND, every: 60n * SECOND }, HOUR);
    host.setWorld({ slots, index: 1 });
    const times = [-1n, 0n, 10n * SECOND - 1n, 10n * SECOND, 60n * SECOND - 1n, 60n * SECOND, 70n * SECOND];
    const skewed = [false, true, true, false, false, true, false];
    const expected = times.map((time, i) => time + (skewed[i] ? HOUR : 0n));
    expect(await shownAfter(host, 0n, ...times)).toEqual(expected);
    const pending = { ...slots[0], mask: 1n, offset: -HOUR };
    host.setWorld({ slots: [pending, slots[1]], index: 1 });
    expect(await shownAfter(host, 0n, -1n, 0n)).toEqual([-1n - HOUR, HOUR]);
    expect(await shownAfter(host, 1n, -1n, 0n)).toEqual([-1n, HOUR]);
  });
});

describe("how long a wait lasts", () => {
  test("twice as fast, half as long", async (context) => {
    await using host = await Host.start(context);
    host.setWorld(begun({ tracks: [line(1n, 1n)] }));
    expect(await until(host, SECOND, 2n * SECOND + HOUR)).toBe(HOUR / 2n);
    expect(await span(host, "trueSpan", SECOND, HOUR)).toBe(HOUR / 2n);
    expect(await span(host, "fakeSpan", SECOND, HOUR)).toBe(2n * HOUR);
    expect(await span(host, "trueSpan", SECOND, 1n)).toBe(1n);
    expect(await span(host, "trueSpan", SECOND, 0n)).toBe(0n);
  });

  test("while the clock stands still, as long as it truly is", async (context) => {
    await using host = await Host.start(context);
    host.setWorld(begun({ tracks: [line(-1n, 1n)] }, -HOUR));
    expect(await until(host, SECOND, -HOUR + 25n * MS)).toBe(25n * MS);
    expect(await span(host, "trueSpan", SECOND, 7n)).toBe(7n);
    expect(await span(host, "fakeSpan", SECOND, 7n)).toBe(7n);
  });

  test("through a strobe of a microsecond, an hour", async (context) => {
    await using host = await Host.start(context);
    host.setWorld(begun({ tracks: [strobe(100n, 1000n)], swing: 100n }));
    // It shows the hour 100 ns early if that is when it is ahead, which it is at whole cycles of 2 µs.
    expect(await until(host, 1500n, HOUR)).toBe(HOUR - 1500n);
    expect(await until(host, 1500n, HOUR + 150n)).toBe(HOUR + 50n - 1500n);
    expect(await until(host, 1500n, HOUR + 1500n)).toBe(HOUR + 1500n - 1500n);
  });

  test("through many windows", async (context) => {
    await using host = await Host.start(context);
    host.setWorld(begun({ duration: MS, every: 10n * MS, ceiling: 5n * SECOND }, 5n * SECOND));
    // A window begins at whole 10 ms, and shows 5 s more for a millisecond.
    expect(await until(host, 5n * MS, HOUR + 3n * MS)).toBe(HOUR - 5n * SECOND + 10n * MS - 5n * MS);
    expect(await until(host, 5n * MS, HOUR)).toBe(HOUR - 5n * SECOND - 5n * MS);
  });

  test("across the start of a profile that is to come", async (context) => {
    await using host = await Host.start(context);
    host.setWorld(begun({ tracks: [line(1n, 1n)] }));
    expect(await until(host, -SECOND, -SECOND / 2n)).toBe(SECOND / 2n);
    expect(await until(host, -SECOND, SECOND)).toBe(SECOND + SECOND / 2n);
    expect(await span(host, "trueSpan", -SECOND, 2n * SECOND)).toBe(SECOND + SECOND / 2n);
    expect(await span(host, "fakeSpan", -SECOND, 2n * SECOND)).toBe(3n * SECOND);
  });

  test("a deadline that has passed has passed for as long", async (context) => {
    await using host = await Host.start(context);
    host.setWorld(begun({ tracks: [line(-1n, 2n)] }, HOUR));
    expect(await until(host, 0n, HOUR)).toBe(0n);
    expect(await until(host, 0n, HOUR - 5n * SECOND)).toBe(-5n * SECOND);
    expect(await until(host, 0n, -START)).toBe(-START);
  });
});

test("a profile begins when ts_begin is called", async (context) => {
  await using host = await Host.start(context);
  const { slots } = begun({ tracks: [line(1n, 1n)] });
  host.setWorld({ slots: [slots[1], slots[0]], index: 1 });
  expect([...(await host.ask("begin", [5n * SECOND]))]).toEqual(Array(5).fill(START + 5n * SECOND));
});
