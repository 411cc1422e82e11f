/**
 * What settings make of a target's clocks at a given time: the payload's rules once more, over the model of profiles.
 */

import type { FoundSettings } from "../patch/params.ts";
import { GETTIMEOFDAY_READING, neutral, TIME_READING } from "../patch/params.ts";
import { CLOCKS, type ClockFamily, type TrueReadings } from "../skew/clock.ts";
import { pieceAt, shownAt } from "../skew/profile.ts";

/** What can be read: a clock, or a function that shows one, cut to its unit (ns). */
export interface Source {
  readonly name: string;
  /** Index among the probe's readings. */
  readonly reading: number;
  /** Clock id; of a function that of the clock it shows. */
  readonly clock: number;
  readonly family: ClockFamily;
  readonly unit: bigint;
  readonly perProcess: boolean;
  /** Of `ClockSelection.mask`. */
  readonly bit: bigint;
}

const clocks = CLOCKS.map(
  ({ id, name, family, perProcess }): Source => ({
    name,
    reading: id,
    clock: id,
    family,
    unit: 1n,
    perProcess,
    bit: 1n << BigInt(id),
  }),
);

export const SOURCES: readonly Source[] = [
  ...clocks,
  {
    ...clocks[0]!,
    name: "gettimeofday",
    reading: GETTIMEOFDAY_READING,
    unit: 1000n,
    bit: 1n << 62n,
  },
  {
    ...clocks.find(({ name }) => name === "CLOCK_REALTIME_COARSE")!,
    name: "time",
    reading: TIME_READING,
    unit: 1_000_000_000n,
    bit: 1n << 63n,
  },
];

/** The settings that the index names, and those of the other slot, which govern until a profile has begun. */
export interface InForce {
  readonly settings: Omit<FoundSettings, "generation">;
  readonly before: Omit<FoundSettings, "generation">;
}

export const TRUE_TIME: InForce = { settings: neutral(0n), before: neutral(0n) };

/** How a clock is off at a time, and how that goes on. */
export interface Course {
  /** ns. */
  readonly offset: bigint;
  /** Offset ns per ns. */
  readonly slope: number;
  /** By the clock itself, truly, in ns: when that may change; undefined: never. */
  readonly until: bigint | undefined;
  /** What governs; undefined: nothing, it reads the true time. */
  readonly by: InForce["settings"] | undefined;
  /** Outside of a profile's duration. */
  readonly isOver: boolean;
}

const TRULY: Course = { offset: 0n, slope: 0, until: undefined, by: undefined, isOver: false };

/** @param time what the clock truly reads in the target, ns */
export function courseAt({ settings, before }: InForce, source: Source, time: bigint): Course {
  const now = courseBy(settings, source, time);
  if (typeof now !== "bigint") return now;
  const until = courseBy(before, source, time);
  // Who has not begun either governs nothing.
  if (typeof until === "bigint") return { ...TRULY, until: now };
  return { ...until, until: until.until !== undefined && until.until < now ? until.until : now };
}

/** By one slot's settings; or when they begin. */
function courseBy(
  settings: InForce["settings"],
  { bit, clock, family }: Source,
  time: bigint,
): Course | bigint {
  if (!(settings.mask & bit)) return TRULY;
  const { offset, profile } = settings;
  if (profile === undefined) return { ...TRULY, offset, by: settings };
  if (family === "cpu") return TRULY; // it has no beginning: nobody writes that
  const start = profile.start[family];
  if (time < start) return start;
  const piece = pieceAt(offset, profile, clock, time - start);
  return { ...piece, until: piece.until === undefined ? undefined : start + piece.until, by: settings };
}

/** What a clock shows that truly reads `time`. */
export function shownBy(inForce: InForce, source: Source, time: bigint): bigint {
  const { offset, by } = courseAt(inForce, source, time);
  return by?.profile === undefined ? time + offset : shownAt(time, offset);
}

const MOST_PIECES = 4096;
/** Each of the lines that are added up is rounded down by itself, so their sum may go back a little. */
const ROUNDING = 4n;

/** What a clock may show while it truly reads `from` … `to`; undefined if too much happens meanwhile. */
export function shownWithin(inForce: InForce, source: Source, from: bigint, to: bigint): Range | undefined {
  const shown = rangeOf((time) => shownBy(inForce, source, time), inForce, source, [from, to]);
  if (shown === undefined || inForce.settings.profile === undefined) return shown;
  return { low: shown.low - ROUNDING, high: shown.high + ROUNDING };
}

/** What it may be off by meanwhile, but for rounding. */
export function offsetWithin(inForce: InForce, source: Source, from: bigint, to: bigint): Range | undefined {
  return rangeOf((time) => courseAt(inForce, source, time).offset, inForce, source, [from, to]);
}

interface Range {
  readonly low: bigint;
  readonly high: bigint;
}

/** Of what runs evenly in between two changes of course: its extremes are at their ends. */
function rangeOf(
  valueAt: (time: bigint) => bigint,
  inForce: InForce,
  source: Source,
  [from, to]: [bigint, bigint],
): Range | undefined {
  const values = [valueAt(from), valueAt(to)];
  let at = from;
  for (let pieces = 0; pieces < MOST_PIECES; pieces++) {
    const { until } = courseAt(inForce, source, at);
    if (until === undefined || until > to) {
      return {
        low: values.reduce((a, b) => (a < b ? a : b)),
        high: values.reduce((a, b) => (a > b ? a : b)),
      };
    }
    values.push(valueAt(until - 1n), valueAt(until));
    at = until;
  }
  return undefined;
}

/** The source that a mask is told by: a wall clock if there is one. */
export function leadingSource(mask: bigint): Source | undefined {
  const wall = SOURCES.find(({ bit, family }) => mask & bit && family === "realtime");
  return wall ?? SOURCES.find(({ bit }) => mask & bit);
}

/** What a source's clock truly reads; of CPU time, which differs everywhere, 0n. */
export function timeOf({ family }: Source, now: TrueReadings): bigint {
  return family === "cpu" ? 0n : now[family];
}
