/** Refuses skews by which a clock would read what no clock reads. */
import { type ClockSelection, checkRange, type TrueReadings } from "../skew/clock.ts";
import { offsetAt } from "../skew/profile.ts";
import type { Shape } from "../skew/verbs.ts";
import { leadingSource } from "./model.ts";

/**
 * At the beginning and at each key frame. What a clock reaches on an endless slope, some years from now, the payload cuts.
 *
 * @param begin what the clocks truly read when it begins
 * @throws TimeskewError E_RANGE
 */
export function refuseRange({ base, profile }: Shape, selection: ClockSelection, begin: TrueReadings): void {
  if (profile === undefined) {
    checkRange(base, selection, begin);
    return;
  }
  const clock = leadingSource(selection.mask)?.clock ?? 0;
  const { noise, ...calm } = profile;
  const spread = noise?.amplitude ?? 0n;
  for (const elapsed of edgesOf(profile.tracks.flatMap(({ frames }) => frames.map(({ at }) => at)))) {
    const offset = offsetAt(base, { ...calm, noise: undefined }, clock, elapsed);
    const then = later(begin, elapsed);
    checkRange(offset - spread, selection, then);
    checkRange(offset + spread, selection, then);
  }
}

/** Each moment once, and the one before it: there may be a step in between. */
function edgesOf(times: readonly bigint[]): Set<bigint> {
  return new Set([0n, ...times.flatMap((at) => (at === 0n ? [at] : [at - 1n, at]))]);
}

function later({ realtime, monotonic, raw, boottime, tai }: TrueReadings, by: bigint): TrueReadings {
  return {
    realtime: realtime + by,
    monotonic: monotonic + by,
    raw: raw + by,
    boottime: boottime + by,
    tai: tai + by,
  };
}
