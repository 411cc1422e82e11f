/**
 * Leap seconds as Linux makes them: at 00:00:00 the clock steps back to 23:59:59 (insert), or at 23:59:59 on to 00:00:00
 * (delete). CLOCK_TAI does not step. A smear is no step, but a clock that runs slower or faster for a while: all follow it.
 *
 * The day ends by the target's own clock, so when that is follows from its course.
 */
import { clockOf } from "../clock.ts";
import { formatDuration } from "../duration.ts";
import { formatInstant } from "../instant.ts";
import { ALL_TRACKED, HOLD, MAX_OFFSET, type Profile, pieceAt, type Track } from "../profile.ts";
import type { Leap } from "../verbs.ts";
import { notUsable, SECOND } from "./values.ts";

/** A clock without its leap second: what the wall clock truly reads when it begins, and the course from there. */
export interface Course {
  readonly realtime: bigint;
  readonly base: bigint;
  readonly tracks: readonly Track[];
}

/** A leap second of which the day is known. */
interface DatedLeap extends Leap {
  readonly at: bigint;
}

const DAY = 86_400n * SECOND;
const REALTIME = clockOf("CLOCK_REALTIME").id;
const NO_STEP = ALL_TRACKED & ~(1n << BigInt(clockOf("CLOCK_TAI").id));

/**
 * The same with its time: the first midnight in UTC before which it has not begun yet.
 *
 * @throws TimeskewError E_USAGE if a time is given that has passed
 */
export function resolveLeap(leap: Leap, course: Course): DatedLeap {
  const now = course.realtime + course.base;
  if (leap.at === undefined) {
    const ahead = -momentsOf({ ...leap, at: 0n }).begin;
    return { ...leap, at: ((now + ahead) / DAY + 1n) * DAY };
  }
  const dated = { ...leap, at: leap.at };
  const { begin } = momentsOf(dated);
  if (begin >= now) return dated;
  const what = leap.smear === 0n ? "the time" : "the smear before it begins at a time that";
  throw notUsable(
    `--leap-at ${formatInstant(leap.at)}: ${what} has passed by the target's clock, which reads ${formatInstant(now)} when it begins`,
    "name a later time, or set the clock to before it with --at",
  );
}

/**
 * @param duration after which the skew ends, 0n: never
 * @throws TimeskewError E_USAGE if it never comes
 */
export function leapTrack(leap: DatedLeap, course: Course, duration: bigint): Track {
  const { begin, end } = momentsOf(leap);
  const from = firstReaching(begin, course);
  const to = firstReaching(end, course);
  if (from === undefined || to === undefined) {
    throw never(leap, "does not come within 146 years", "let the clock run faster, or name an earlier time");
  }
  if (duration !== 0n && from >= duration) {
    throw never(
      leap,
      "comes after --duration has ended",
      `it comes ${formatDuration(from)} after the beginning`,
    );
  }
  const offset = leap.kind === "insert" ? -SECOND : SECOND;
  const frames = [
    ...(from === 0n ? [] : [{ at: 0n, offset: 0n }]),
    { at: from, offset: 0n },
    { at: to, offset },
  ];
  return { clocks: leap.smear === 0n ? NO_STEP : ALL_TRACKED, period: 0n, frames, tail: HOLD };
}

/** What the clock would show without a leap second when this one begins and ends. */
function momentsOf({ kind, at, smear }: DatedLeap): { begin: bigint; end: bigint } {
  if (smear === 0n) {
    const step = kind === "insert" ? at : at - SECOND;
    return { begin: step, end: step };
  }
  // The smeared clock comes to the same end a second later, or earlier.
  const begin = at - smear / 2n;
  return { begin, end: begin + smear + (kind === "insert" ? SECOND : -SECOND) };
}

/** The first elapsed time at which the clock shows so much. */
function firstReaching(shown: bigint, { realtime, base, tracks }: Course): bigint | undefined {
  const profile: Profile = { duration: 0n, every: 0n, tracks, noise: undefined, text: "" };
  const reaches = (elapsed: bigint) =>
    realtime + elapsed + pieceAt(base, profile, REALTIME, elapsed).offset >= shown;
  for (let from = 0n; from < MAX_OFFSET; ) {
    const until = pieceAt(base, profile, REALTIME, from).until ?? MAX_OFFSET;
    if (reaches(from)) return from;
    if (reaches(until - 1n)) return bisect(from, until - 1n, reaches);
    from = until;
  }
  return undefined;
}

/** The first for which it holds, of a line: it does not for `before`, and does for `after`. */
function bisect(before: bigint, after: bigint, holds: (time: bigint) => boolean): bigint {
  let [low, high] = [before, after];
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function never({ at }: DatedLeap, why: string, hint: string): Error {
  return notUsable(`the leap second at ${formatInstant(at)} ${why}`, hint);
}
