/**
 * Whether a clock that must never go back would, by a profile: proved from its parts, for all times, not tried out.
 *
 * A clock shows t + base + the contributions, each rounded down by itself. A contribution that falls no faster than time
 * passes falls by 1 ns within a nanosecond at the most, and t makes up for that: for one of them, not for two. So one may
 * fall, the others must not; what is refused for that reason would be off by a nanosecond now and then, and no more.
 */
import { formatDuration } from "./duration.ts";
import { type Noise, offsetAt, type Profile, type Slope, type Track, trackAt } from "./profile.ts";
import { compare, STILL } from "./ratio.ts";
import type { Shape } from "./verbs.ts";

export interface Backward {
  /** What would happen, as the end of a sentence about the clock. */
  readonly why: string;
  /** What to use instead. */
  readonly instead: string;
}

/** What one contribution does in the worst case. */
interface Course {
  /** It may be less a nanosecond later. */
  readonly falls: boolean;
  readonly backward: Backward | undefined;
}

const MINUS_ONE: Slope = { num: -1n, den: 1n };
const GLIDE = "let it glide there: --slew with --over, or key frames that are apart in time";

/**
 * From its beginning on; whether it begins with a step back is a matter of the offset before.
 *
 * @param clock its id
 * @returns undefined if the clock never goes back
 */
export function stepsBack({ base, profile }: Shape, clock: number): Backward | undefined {
  if (profile === undefined) return undefined;
  const { duration, every, noise } = profile;
  const end = duration !== 0n ? duration : every !== 0n ? every : undefined;
  const courses = profile.tracks
    .filter(({ clocks }) => (clocks >> BigInt(clock)) & 1n)
    .map((track) => courseOfTrack(track, end));
  if (noise !== undefined) courses.push(courseOfNoise(noise));
  return (
    courses.find(({ backward }) => backward !== undefined)?.backward ??
    together(courses) ??
    atItsEnd(base, profile, clock) ??
    whenItBeginsAnew(base, profile, clock)
  );
}

/** @param end elapsed time before which all happens; undefined: never */
function courseOfTrack(track: Track, end: bigint | undefined): Course {
  const { frames, tail, period } = track;
  const returns = period !== 0n && (end === undefined || period < end);
  const limit = returns ? period : end;
  let falls = false;
  for (const [index, { at, offset }] of frames.entries()) {
    if (limit !== undefined && at >= limit) break;
    const step = at === 0n ? 0n : trackAt(track, at) - trackAt(track, at - 1n);
    if (step < -1n) return { falls: true, backward: backByStep(step, `after ${formatDuration(at)}`) };
    falls ||= step < 0n;
    const next = frames[index + 1];
    // Nobody sees the slope of what lasts a nanosecond, and the way to the next frame is a step.
    if (at + 1n === limit || (next !== undefined && next.at <= at + 1n)) continue;
    const slope = next === undefined ? tail : { num: next.offset - offset, den: next.at - at };
    if (compare(slope, MINUS_ONE) < 0) return { falls: true, backward: backByFall(at, next?.at) };
    falls ||= compare(slope, STILL) < 0;
  }
  const step = returns ? trackAt(track, period) - trackAt(track, period - 1n) : 0n;
  if (step < -1n) return { falls: true, backward: backByStep(step, `each ${formatDuration(period)}`) };
  return { falls: falls || step < 0n, backward: undefined };
}

function courseOfNoise({ amplitude, every, glides }: Noise): Course {
  const range = formatDuration(2n * amplitude);
  if (!glides) {
    return {
      falls: true,
      backward: {
        why: `jitter would take it back, by up to ${range} at a time`,
        instead: "add --jitter-glide",
      },
    };
  }
  if (2n * amplitude <= every) return { falls: true, backward: undefined };
  return {
    falls: true,
    backward: {
      why: `jitter would make it run backwards: it may lose ${range} within ${formatDuration(every)}`,
      instead: `use --jitter-every ${range}, or longer`,
    },
  };
}

function together(courses: readonly Course[]): Backward | undefined {
  if (courses.filter(({ falls }) => falls).length < 2) return undefined;
  return {
    why: "two things would slow it down at once, and as each is rounded by itself, it could go back by a nanosecond",
    instead: "use one of them alone, or draw both into one file of --keyframes",
  };
}

/** Where it stands at the end of `duration`, the true time must not be behind it. */
function atItsEnd(base: bigint, profile: Profile, clock: number): Backward | undefined {
  const { duration } = profile;
  if (duration === 0n) return undefined;
  const ahead = highestAt(base, profile, clock, duration - 1n);
  if (ahead <= 1n) return undefined;
  return {
    why: `it is ${formatDuration(ahead)} ahead when --duration ends, and would step back to the true time`,
    instead: "leave --duration out, and end it by `recover --glide`",
  };
}

/** The jump to where a later cycle begins; the first one is the caller's. */
function whenItBeginsAnew(base: bigint, profile: Profile, clock: number): Backward | undefined {
  const { duration, every } = profile;
  if (every === 0n) return undefined;
  const before = duration === 0n ? highestAt(base, profile, clock, every - 1n) : 0n;
  const step = lowestAt(base, profile, clock, 0n) - before;
  if (step >= -1n) return undefined;
  return backByStep(step, `each ${formatDuration(every)}, when it begins anew`);
}

function highestAt(base: bigint, profile: Profile, clock: number, elapsed: bigint): bigint {
  if (profile.every === 0n) return offsetAt(base, profile, clock, elapsed);
  return offsetAt(base, { ...profile, noise: undefined }, clock, elapsed) + (profile.noise?.amplitude ?? 0n);
}

/** In any cycle. */
function lowestAt(base: bigint, profile: Profile, clock: number, elapsed: bigint): bigint {
  return offsetAt(base, { ...profile, noise: undefined }, clock, elapsed) - (profile.noise?.amplitude ?? 0n);
}

function backByStep(step: bigint, when: string): Backward {
  return { why: `it would step back by ${formatDuration(-step)} ${when}`, instead: GLIDE };
}

function backByFall(from: bigint, to: bigint | undefined): Backward {
  const span = `from ${formatDuration(from)} ${to === undefined ? "on" : `to ${formatDuration(to)}`}`;
  return {
    why: `it would run backwards ${span}: its offset falls faster than time passes`,
    instead: "give it more time: an offset may fall by a second in each second at the most",
  };
}
