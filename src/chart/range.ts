/** Between which offsets a clock is during a span of time, however many pieces there are in it. */
import type { Noise, Profile } from "../skew/profile.ts";
import { lineAt, STEADY, type Subject, valueAt } from "./subject.ts";

/** ns, both reached, or (where there is too much to look at each) bounds. */
export interface Range {
  readonly low: bigint;
  readonly high: bigint;
}

/** A span with more pieces is not walked through: its parts are. */
const MANY_PIECES = 16;

/**
 * A function that gives the range of [from, until), until > from. Of few pieces that of their ends, so exact but for the
 * nanosecond by which each part of the sum is rounded; otherwise the sum of the ranges of base, tracks and noise, which
 * contains every offset, and is as narrow if only one of them varies.
 */
export function rangesOf(subject: Subject): (from: bigint, until: bigint) => Range {
  const { base, profile = STEADY, clock, begin } = subject;
  const parts = partsOf(profile, clock);
  return (from, until) => {
    const walked = walk(subject, from, until, MANY_PIECES);
    if (walked !== undefined) return walked;
    const elapsed = from < begin ? 0n : from - begin;
    const inForce = parts
      .map((part) => part(spanWithin(profile, elapsed, until - begin)))
      .reduce(add, { low: base, high: base });
    const isOff = from < begin || isOverIn(profile, elapsed, until - begin);
    return isOff ? union(inForce, { low: 0n, high: 0n }) : inForce;
  };
}

/** Of a span with at most `most` pieces; undefined if there are more. */
function walk(subject: Subject, from: bigint, until: bigint, most: number): Range | undefined {
  let range: Range | undefined;
  for (let at = from, count = 0; at < until; count++) {
    if (count === most) return undefined;
    const line = lineAt(subject, at);
    const end = line.until === undefined || line.until > until ? until : line.until;
    range = union(between(line.offset, valueAt(subject, end - 1n)), range);
    at = end;
  }
  return range;
}

/** In the time since the profile began, and in that of its tracks. */
interface Span {
  readonly elapsed: readonly [from: bigint, until: bigint];
  readonly within: readonly [from: bigint, until: bigint];
}

type Part = (span: Span) => Range;

/** The ranges of what a profile is the sum of. */
function partsOf(profile: Profile, clock: number): Part[] {
  const tracks = profile.tracks.map((track): Part => {
    const alone: Subject = { base: 0n, profile: { ...STEADY, tracks: [track] }, clock, begin: 0n };
    const all = track.period === 0n ? undefined : walk(alone, 0n, track.period, Infinity);
    return ({ within: [from, until] }) =>
      all !== undefined && until - from >= track.period ? all : walk(alone, from, until, Infinity)!;
  });
  const { noise } = profile;
  return noise === undefined ? tracks : [...tracks, noisePart(noise, clock)];
}

function noisePart(noise: Noise, clock: number): Part {
  const alone: Subject = { base: 0n, profile: { ...STEADY, noise }, clock, begin: 0n };
  return ({ elapsed: [from, until] }) =>
    walk(alone, from, until, MANY_PIECES) ?? { low: -noise.amplitude, high: noise.amplitude };
}

/** Where in its cycle the profile is in force during a span; of a span in more than one cycle, the whole. */
function spanWithin({ duration, every }: Profile, from: bigint, until: bigint): Span {
  const length = duration === 0n ? every : duration;
  const elapsed = [from, until] as const;
  if (every === 0n) {
    const end = duration !== 0n && until > duration ? duration : until;
    return { elapsed, within: [from, end] };
  }
  const start = from % every;
  const end = start + (until - from);
  if (start >= length || end > every) return { elapsed, within: [0n, length] };
  return { elapsed, within: [start, end < length ? end : length] };
}

/** Whether the true time is shown somewhere in a span. */
function isOverIn({ duration, every }: Profile, from: bigint, until: bigint): boolean {
  if (duration === 0n) return false;
  if (every === 0n) return until > duration;
  return until - from > duration || (from % every) + (until - from) > duration;
}

function between(a: bigint, b: bigint): Range {
  return a < b ? { low: a, high: b } : { low: b, high: a };
}

function add(a: Range, b: Range): Range {
  return { low: a.low + b.low, high: a.high + b.high };
}

/** Of both; of one where there is no other. */
export function union({ low, high }: Range, other: Range | undefined): Range {
  if (other === undefined) return { low, high };
  return { low: low < other.low ? low : other.low, high: high > other.high ? high : other.high };
}

/** Of all; at least one. */
export function rangeOfAll(ranges: readonly Range[]): Range {
  return ranges.reduce((all, each) => union(each, all));
}
