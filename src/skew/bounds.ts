/**
 * How far a profile goes, without looking at each moment: between two key frames the extremes are at their ends.
 *
 * The bounds of each contribution are exact (of a noise, they are its amplitude). Their sum is never exceeded; it is not
 * always reached, as contributions need not be at their extremes together.
 */
import { ALL_TRACKED, clamp, INT64_MAX, type Noise, type Profile, type Track, trackAt } from "./profile.ts";
import type { Shape } from "./verbs.ts";

/** Offsets, ns. */
export interface Bounds {
  readonly lowest: bigint;
  readonly highest: bigint;
}

const NOTHING: Bounds = { lowest: 0n, highest: 0n };

/**
 * Of the offset from the beginning until `horizon`.
 *
 * @param horizon elapsed ns, included; undefined: for ever
 * @param clock its id; undefined: of all clocks
 */
export function boundsOf({ base, profile }: Shape, horizon: bigint | undefined, clock?: number): Bounds {
  const constant = { lowest: base, highest: base };
  if (profile === undefined) return constant;
  const { duration, every, tracks, noise } = profile;
  const last = horizon ?? INT64_MAX;
  // In each cycle the tracks go through the same.
  const within = [last, every - 1n, duration - 1n].reduce((least, end) =>
    end >= 0n && end < least ? end : least,
  );
  const contributions = tracks.map((track) => ofTrackOn(track, clock, within));
  const during = [...contributions, ofNoise(noise)].reduce(sum, constant);
  return duration !== 0n && last >= duration ? union(during, NOTHING) : during;
}

/** How far what comes again and again, and the noise, can lift the clock at the most; never negative. */
export function swingOf({ tracks, noise }: Profile): bigint {
  const periodic = tracks.filter(({ period }) => period !== 0n).map((track) => ofTrack(track, INT64_MAX));
  const { highest } = [...periodic, ofNoise(noise)].reduce(sum, NOTHING);
  return highest > 0n ? highest : 0n;
}

/** The highest offset within a cycle; the greatest number if there are no cycles. */
export function ceilingOf(shape: Shape): bigint {
  const every = shape.profile?.every ?? 0n;
  return every === 0n ? INT64_MAX : boundsOf(shape, every - 1n).highest;
}

function ofTrackOn(track: Track, clock: number | undefined, last: bigint): Bounds {
  const isOn = clock === undefined || (track.clocks >> BigInt(clock)) & 1n;
  if (!isOn) return NOTHING;
  const bounds = ofTrack(track, last);
  return clock === undefined && track.clocks !== ALL_TRACKED ? union(bounds, NOTHING) : bounds;
}

/** From 0 to `last`. */
function ofTrack(track: Track, last: bigint): Bounds {
  const end = track.period !== 0n && track.period - 1n < last ? track.period - 1n : last;
  const ends = track.frames.flatMap(({ at }) => [at - 1n, at]).filter((at) => at >= 0n && at <= end);
  return [...ends, end]
    .map((at) => trackAt(track, at))
    .map((value) => ({ lowest: value, highest: value }))
    .reduce(union);
}

function ofNoise(noise: Noise | undefined): Bounds {
  return noise === undefined ? NOTHING : { lowest: -noise.amplitude, highest: noise.amplitude };
}

/** As the offset is summed up, one by one: so it holds where the sum is cut, too. */
function sum(a: Bounds, b: Bounds): Bounds {
  return { lowest: clamp(a.lowest + b.lowest), highest: clamp(a.highest + b.highest) };
}

function union(a: Bounds, b: Bounds): Bounds {
  return {
    lowest: a.lowest < b.lowest ? a.lowest : b.lowest,
    highest: a.highest > b.highest ? a.highest : b.highest,
  };
}
