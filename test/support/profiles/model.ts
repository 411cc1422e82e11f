/**
 * What a clock of a skewed process may say, by the definition in src/skew/profile.ts: a reading is right if it is what
 * the settings make of a true time between the truth before it and the truth after it, to the nanosecond.
 */
import { pieceAt, type Start, shownAt } from "../../../src/skew/profile.ts";
import type { Span } from "../clock.ts";
import type { Settings, Slot } from "./slots.ts";

/** What is read: who selects it, which clock's offset it has, and by which start its elapsed time counts. */
export interface Subject {
  readonly bit: number;
  readonly id: number;
  readonly family: keyof Start;
}

function subject(bit: number, family: keyof Start, id = bit): Subject {
  return { bit, id, family };
}

export const REALTIME = subject(0, "realtime");
export const MONOTONIC = subject(1, "monotonic");
const TIMEOFDAY = subject(62, "realtime", 0);
/** It counts the coarse clock's seconds, whose fraction decides when a skewed one begins. */
const SECONDS = subject(63, "realtime", 5);

const BOOTTIME = subject(7, "boottime");
const REALTIME_COARSE = subject(5, "realtime");

/**
 * By the names of clocks.c, and of rawclock.c, whose system calls are answered as the functions are. CPU-time clocks cannot
 * be selected by a profile.
 */
export const SUBJECTS: ReadonlyMap<string, Subject> = new Map([
  ["CLOCK_REALTIME", REALTIME],
  ["CLOCK_MONOTONIC", MONOTONIC],
  ["CLOCK_MONOTONIC_RAW", subject(4, "raw")],
  ["CLOCK_REALTIME_COARSE", REALTIME_COARSE],
  ["CLOCK_MONOTONIC_COARSE", subject(6, "monotonic")],
  ["CLOCK_BOOTTIME", BOOTTIME],
  ["CLOCK_REALTIME_ALARM", subject(8, "realtime")],
  ["CLOCK_BOOTTIME_ALARM", subject(9, "boottime")],
  ["CLOCK_TAI", subject(11, "tai")],
  ["timespec_get", REALTIME],
  ["__vdso_clock_gettime", REALTIME],
  ["gettimeofday", TIMEOFDAY],
  ["__vdso_gettimeofday", TIMEOFDAY],
  ["time", SECONDS],
  ["time(&t)", SECONDS],
  ["__vdso_time", SECONDS],
  ["syscall(SYS_clock_gettime, CLOCK_REALTIME)", REALTIME],
  ["syscall(SYS_clock_gettime, CLOCK_REALTIME_COARSE)", REALTIME_COARSE],
  ["syscall(SYS_clock_gettime, CLOCK_MONOTONIC)", MONOTONIC],
  ["syscall(SYS_clock_gettime, CLOCK_BOOTTIME)", BOOTTIME],
  ["syscall(SYS_gettimeofday)", TIMEOFDAY],
  ["syscall(SYS_time)", SECONDS],
  ["syscall(SYS_time, &t)", SECONDS],
  ["bare_clock_gettime(CLOCK_REALTIME)", REALTIME],
  ["bare_clock_gettime(CLOCK_MONOTONIC)", MONOTONIC],
  ["spread_clock_gettime(CLOCK_REALTIME)", REALTIME],
  ["bare_time()", SECONDS],
]);

/** A stretch of true time in which the shown time only rises, or only falls. */
interface Piece {
  readonly shown: bigint;
  /** True time at which the next one begins; undefined: never. */
  readonly until: bigint | undefined;
}

function pieceOf(slot: Slot, { bit, id, family }: Subject, time: bigint): Piece {
  if (!((slot.selected >> BigInt(bit)) & 1n)) return { shown: time, until: undefined };
  if (slot.profile === undefined) return { shown: time + slot.base, until: undefined };
  const start = slot.start[family];
  if (time < start) return { shown: time, until: start };
  const { offset, until } = pieceAt(slot.base, slot.profile, id, time - start);
  return { shown: shownAt(time, offset), until: until === undefined ? undefined : start + until };
}

function pieceAtTime({ inForce, other }: Settings, what: Subject, time: bigint): Piece {
  const start = inForce.start[what.family];
  if (inForce.profile === undefined || time >= start) return pieceOf(inForce, what, time);
  const { shown, until } = pieceOf(other, what, time);
  return { shown, until: until === undefined || until > start ? start : until };
}

/** What it shows when it truly reads `time`. */
export function shown(settings: Settings, what: Subject, time: bigint): bigint {
  return pieceAtTime(settings, what, time).shown;
}

/** The least time in from … to of which `is` holds, which holds from some time on; undefined: of none. */
function firstIn(from: bigint, to: bigint, is: (time: bigint) => boolean): bigint | undefined {
  if (!is(to)) return undefined;
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) / 2n;
    if (is(middle)) high = middle;
    else low = middle + 1n;
  }
  return low;
}

/** Each piece between two times, with its own part of them. */
function* pieces(settings: Settings, what: Subject, from: bigint, to: bigint): Generator<Span> {
  for (let time = from; time <= to; ) {
    const { until } = pieceAtTime(settings, what, time);
    const end = until === undefined || until > to ? to : until - 1n;
    yield { from: time, to: end };
    time = end + 1n;
  }
}

/**
 * Whether a reading is right.
 *
 * @param truth before and after it, of the same clock
 * @param unit by which the reading is cut
 */
export function isRight(
  settings: Settings,
  what: Subject,
  { from, to }: Span,
  value: bigint,
  unit = 1n,
): boolean {
  const at = (time: bigint) => shown(settings, what, time);
  const is = (time: bigint) => at(time) >= value && at(time) < value + unit;
  for (const piece of pieces(settings, what, from, to)) {
    const rises = at(piece.to) >= at(piece.from);
    const time = firstIn(piece.from, piece.to, (t) => (rises ? at(t) >= value : at(t) < value + unit));
    if (time !== undefined && is(time)) return true;
  }
  return false;
}

/** What is wrong with a reading, if anything. */
export function complaintOf(
  settings: Settings,
  name: string,
  what: Subject,
  truth: Span,
  value: bigint,
  unit = 1n,
): string | undefined {
  if (isRight(settings, what, truth, value, unit)) return undefined;
  const [least, most] = [shown(settings, what, truth.from), shown(settings, what, truth.to)];
  const elapsed = truth.from - settings.inForce.start[what.family];
  return `${name} ${elapsed} ns after the start: ${value}, not ${least} … ${most}`;
}

/** The first true time from `from` on at which the clock shows `deadline`; undefined: not before `limit`. */
export function reaches(
  settings: Settings,
  what: Subject,
  from: bigint,
  deadline: bigint,
  limit: bigint,
): bigint | undefined {
  const there = (time: bigint) => shown(settings, what, time) >= deadline;
  for (const piece of pieces(settings, what, from, limit)) {
    if (there(piece.from)) return piece.from;
    const time = firstIn(piece.from, piece.to, there);
    if (time !== undefined) return time;
  }
  return undefined;
}

/** Where a clock may begin to go another way: a true time of the clock, and how many ns it steps back there. */
export interface Edge {
  at: bigint;
  by: bigint;
}

export function edges(settings: Settings, what: Subject, { from, to }: Span): Edge[] {
  const starts = [...pieces(settings, what, from, to)].slice(1).map((piece) => piece.from);
  return starts.map((at) => ({ at, by: shown(settings, what, at - 1n) + 1n - shown(settings, what, at) }));
}

/** Those at which it goes back. */
export function stepsBack(settings: Settings, what: Subject, span: Span): Edge[] {
  return edges(settings, what, span).filter(({ by }) => by > 1n);
}

/**
 * Settings of a fresh injection that a test expects, but for when they began. Until then it is the true time that is shown,
 * or the base already.
 */
export function freshly(base: bigint, profile: Slot["profile"], found: Settings): Settings {
  const { selected, start, generation } = found.inForce;
  const { other } = found;
  const isNeutral = other.selected === 0n || (other.profile === undefined && other.base === 0n);
  const isBase = other.profile === undefined && other.base === base && other.selected === selected;
  if (!isNeutral && !isBase) throw new Error(`before it begins, something else is shown: ${other.base} ns`);
  return { ...found, inForce: { generation, selected, start, base, profile } };
}
