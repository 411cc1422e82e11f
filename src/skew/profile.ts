/**
 * A skew as a function of time: what the payload evaluates at each read (native/payload/profile.h), defined here.
 *
 * All in integers, in this order, and every sum cut to what an int64 holds. `elapsed` is the true time of the clock that
 * is read, less what it read when the profile began: so a frozen clock stands still to the nanosecond, and no clock but
 * the one that is read has a part in it.
 *
 *     within(elapsed)   elapsed; with `every`, elapsed mod every. The true time from `duration` on, if there is one.
 *     offset            base, plus each track's value at within(elapsed), plus the noise's at elapsed
 *     track             linear between two frames, in its tail behind the last; with `period`, of within mod period
 *     noise             a number that seed and elapsed / every give, in -amplitude … amplitude; or the line from there
 *                       to the next, which begins at 0: so that nothing jumps
 *
 * What a division leaves is rounded down (towards minus infinity).
 */

/** Offset ns per elapsed ns: num / den, den > 0. */
export interface Slope {
  readonly num: bigint;
  readonly den: bigint;
}

/** A key frame. ns. */
export interface Frame {
  readonly at: bigint;
  readonly offset: bigint;
}

/** Offsets along the time, linear between key frames. */
export interface Track {
  /** Clock ids that it applies to, as bits: a leap second is none for CLOCK_TAI. */
  readonly clocks: bigint;
  /** ns, after which it begins again; 0n: never. */
  readonly period: bigint;
  /** At least one; the first at 0n, the others not before the one in front of them. Two at one time are a step. */
  readonly frames: readonly Frame[];
  /** Behind the last frame. */
  readonly tail: Slope;
}

export interface Noise {
  /** ns, > 0n. */
  readonly amplitude: bigint;
  /** How long each number lasts, ns, > 0n. */
  readonly every: bigint;
  /** 64 bits. */
  readonly seed: bigint;
  /** From one number to the next along a line, not by a step. */
  readonly glides: boolean;
}

export interface Profile {
  /** For how long, ns; 0n: for ever. Then the true time. */
  readonly duration: bigint;
  /** How often it begins anew, ns, not less than `duration`; 0n: never. */
  readonly every: bigint;
  readonly tracks: readonly Track[];
  readonly noise: Noise | undefined;
  /** The verbs it is made of, as on the command line: for people. */
  readonly text: string;
}

/** What each clock truly read when a profile began, or begins, in the target; ns. */
export interface Start {
  readonly realtime: bigint;
  readonly monotonic: bigint;
  readonly raw: bigint;
  readonly boottime: bigint;
  readonly tai: bigint;
}

/** As many as a slot has room for. */
export const MAX_TRACKS = 3;
export const MAX_FRAMES = 480;
/** Offsets of key frames, amplitudes and periods are smaller (146 years), so differences fit an int64. */
export const MAX_OFFSET = 2n ** 62n;
/** A track of all clocks. */
export const ALL_TRACKED = 0xfffn;
export const HOLD: Slope = { num: 0n, den: 1n };

export const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
const UINT64 = 2n ** 64n - 1n;

/** A line of the function. */
export interface Piece {
  /** At the time that was asked for, ns. */
  readonly offset: bigint;
  /** Offset ns per ns, from there on; the sum of what contributes. */
  readonly slope: number;
  /** Elapsed time at which the next piece begins; undefined: never. */
  readonly until: bigint | undefined;
  /** Outside of its duration: the true time. */
  readonly isOver: boolean;
}

/**
 * @param base ns, added within the duration
 * @param clock id of the clock that is read; of gettimeofday() 0, of time() 5
 * @param elapsed ns, not negative
 * @returns ns that the clock is off by
 */
export function offsetAt(base: bigint, profile: Profile, clock: number, elapsed: bigint): bigint {
  const within = withinCycle(profile, elapsed);
  if (profile.duration !== 0n && within >= profile.duration) return 0n;
  let sum = base;
  for (const track of profile.tracks) {
    if ((track.clocks >> BigInt(clock)) & 1n) sum = clamp(sum + trackAt(track, within));
  }
  return profile.noise === undefined ? sum : clamp(sum + noiseAt(profile.noise, elapsed));
}

/** What a clock shows that truly reads `time`; no clock shows less than 0 or more than 2^63 - 1 ns. */
export function shownAt(time: bigint, offset: bigint): bigint {
  const sum = time + offset;
  return sum < 0n ? 0n : sum > INT64_MAX ? INT64_MAX : sum;
}

/** The same as offsetAt, and how it goes on. */
export function pieceAt(base: bigint, profile: Profile, clock: number, elapsed: bigint): Piece {
  const within = withinCycle(profile, elapsed);
  const cycle = elapsed - within;
  const { duration, every } = profile;
  if (duration !== 0n && within >= duration) {
    return { offset: 0n, slope: 0, until: every === 0n ? undefined : cycle + every, isOver: true };
  }
  const ends: bigint[] = [];
  if (duration !== 0n) ends.push(cycle + duration);
  else if (every !== 0n) ends.push(cycle + every);
  let slope = 0;
  for (const track of profile.tracks) {
    if (!((track.clocks >> BigInt(clock)) & 1n)) continue;
    const line = lineOf(track, within);
    slope += Number(line.num) / Number(line.den);
    if (line.until !== undefined) ends.push(cycle + line.until);
  }
  const { noise } = profile;
  if (noise !== undefined) {
    const index = elapsed / noise.every;
    ends.push((index + 1n) * noise.every);
    if (noise.glides)
      slope += Number(draw(noise, index + 1n) - lineStart(noise, index)) / Number(noise.every);
  }
  const until = ends.reduce<bigint | undefined>(
    (least, end) => (least === undefined || end < least ? end : least),
    undefined,
  );
  return { offset: offsetAt(base, profile, clock, elapsed), slope, until, isOver: false };
}

function withinCycle({ every }: Profile, elapsed: bigint): bigint {
  return every === 0n ? elapsed : elapsed % every;
}

interface Line extends Slope {
  readonly from: Frame;
  /** In the time of `within`. */
  readonly until: bigint | undefined;
}

/** The line of a track that `within` is on. */
function lineOf({ frames, period, tail }: Track, within: bigint): Line {
  const at = period === 0n ? within : within % period;
  const turn = within - at;
  const index = lastAt(frames, at);
  const from = frames[index]!;
  const to = frames[index + 1];
  const again = period === 0n ? undefined : turn + period;
  if (to === undefined) return { ...tail, from, until: again };
  const end = turn + to.at;
  return {
    num: to.offset - from.offset,
    den: to.at - from.at,
    from,
    until: again !== undefined && again < end ? again : end,
  };
}

/** What a track contributes. */
export function trackAt(track: Track, within: bigint): bigint {
  const { from, num, den } = lineOf(track, within);
  const at = track.period === 0n ? within : within % track.period;
  return clamp(from.offset + clamp(floorDiv((at - from.at) * num, den)));
}

/** Index of the last frame that is not later than `at`. */
function lastAt(frames: readonly Frame[], at: bigint): number {
  let low = 0;
  let high = frames.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (frames[middle]!.at <= at) low = middle;
    else high = middle;
  }
  return low;
}

function noiseAt(noise: Noise, elapsed: bigint): bigint {
  const index = elapsed / noise.every;
  if (!noise.glides) return draw(noise, index);
  const from = lineStart(noise, index);
  const to = draw(noise, index + 1n);
  return from + floorDiv((elapsed % noise.every) * (to - from), noise.every);
}

/** Where a noise that glides is at the beginning of an interval. */
function lineStart(noise: Noise, index: bigint): bigint {
  return index === 0n ? 0n : draw(noise, index);
}

/** The number of an interval: SplitMix64 of seed and index, scaled to -amplitude … amplitude. */
export function draw({ seed, amplitude }: Noise, index: bigint): bigint {
  let z = (seed + (index + 1n) * 0x9e3779b97f4a7c15n) & UINT64;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & UINT64;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & UINT64;
  z ^= z >> 31n;
  return ((z * (2n * amplitude + 1n)) >> 64n) - amplitude;
}

/** Cut to what an int64 holds. */
export function clamp(value: bigint): bigint {
  return value > INT64_MAX ? INT64_MAX : value < INT64_MIN ? INT64_MIN : value;
}

/** Rounded down, by a positive divisor. */
export function floorDiv(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value < 0n && value % by !== 0n ? quotient - 1n : quotient;
}
