/** What clocks.c answers to `read`, and whether it is what it should be. */
import { SECOND } from "./clock.ts";
import type { ClocksVariant } from "./recipes.ts";

/** Seconds and nanoseconds. */
type WireTime = [number, number];

/** One reading as clocks.c prints it; see test/README.md. */
export interface Reading {
  /** CLOCK_… or a function. */
  name: string;
  /** The granularity of the function, in ns. */
  unit: number;
  rc: number;
  errno: number;
  before: WireTime;
  value: WireTime;
  after: WireTime;
}

/** By how much each clock and function is expected to differ from the truth, in ns; 0 for those not named. */
export type Skews = Readonly<Record<string, bigint>>;

export function nanoseconds([seconds, fraction]: WireTime): bigint {
  return BigInt(seconds) * SECOND + BigInt(fraction);
}

/** Cut to a multiple of the unit, downwards. */
function cut(value: bigint, unit: bigint): bigint {
  return value - (((value % unit) + unit) % unit);
}

/**
 * What is wrong with a reading, if anything. It must lie between the truth before and the truth after, both
 * moved by the skew; where the two are the same (the coarse clocks), it must be exact.
 */
function complaint(reading: Reading, skew: bigint): string | undefined {
  const { name, rc, errno } = reading;
  if (rc !== 0) return `${name} failed: ${rc}, errno ${errno}`;
  const fraction = reading.value[1];
  if (fraction < 0 || fraction >= Number(SECOND)) return `${name} has ${fraction} ns in a second`;
  const value = nanoseconds(reading.value);
  const earliest = cut(nanoseconds(reading.before) + skew, BigInt(reading.unit));
  const latest = nanoseconds(reading.after) + skew;
  if (value >= earliest && value <= latest) return undefined;
  const off = value < earliest ? value - earliest : value - latest;
  return `${name} is ${off} ns off (expected a skew of ${skew})`;
}

/** Whether a call failed in the untouched process: it must go on failing, in the same way. */
export type Failures = ReadonlyMap<string, number>;

/** The calls that fail without a skew: id 10 always, the ALARM clocks on a machine without an RTC. */
export function failures(readings: readonly Reading[]): Failures {
  return new Map(readings.filter(({ rc }) => rc !== 0).map(({ name, errno }) => [name, errno]));
}

/** Everything that is wrong with the readings; empty if all is well. */
export function complaints(readings: readonly Reading[], skews: Skews, failing: Failures): string[] {
  return readings.flatMap((reading) => {
    const expected = failing.get(reading.name);
    if (expected !== undefined && reading.rc === -1 && reading.errno === expected) return [];
    return complaint(reading, skews[reading.name] ?? 0n) ?? [];
  });
}

/** The clock ids that come with CLOCK_REALTIME, and with CLOCK_MONOTONIC, unless --exact forbids it. */
const REALTIME_CLOCKS = ["CLOCK_REALTIME", "CLOCK_REALTIME_COARSE", "CLOCK_REALTIME_ALARM", "CLOCK_TAI"];
const MONOTONIC_CLOCKS = [
  "CLOCK_MONOTONIC",
  "CLOCK_MONOTONIC_COARSE",
  "CLOCK_BOOTTIME",
  "CLOCK_BOOTTIME_ALARM",
];

/** The functions that read CLOCK_REALTIME by its id. */
const BY_ID = ["timespec_get", "__vdso_clock_gettime"];
const WALL_FUNCTIONS = ["gettimeofday", "time", "time(&t)"];
const VDSO_WALL_FUNCTIONS = ["__vdso_gettimeofday", "__vdso_time"];

function all(names: readonly string[], skew: bigint): Skews {
  return Object.fromEntries(names.map((name) => [name, skew]));
}

/** The skews to expect after `--clock CLOCK_REALTIME`. */
export function realtimeSkews(skew: bigint): Skews {
  return all([...REALTIME_CLOCKS, ...BY_ID, ...VDSO_WALL_FUNCTIONS, ...WALL_FUNCTIONS], skew);
}

/** The skews to expect after `--clock CLOCK_MONOTONIC`. */
export function monotonicSkews(skew: bigint): Skews {
  return all(MONOTONIC_CLOCKS, skew);
}

/** The skews to expect after `--exact --clock CLOCK`. */
export function exactSkews(clock: string, skew: bigint, { wallFunctions }: ClocksVariant): Skews {
  if (clock !== "CLOCK_REALTIME") return all([clock], skew);
  const libc = wallFunctions === "clock_gettime" ? WALL_FUNCTIONS : [];
  return all([clock, ...BY_ID, ...libc], skew);
}
