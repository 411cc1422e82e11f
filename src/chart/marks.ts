/** The moments of a chart that have a name. */
import { ALL_TRACKED, type Profile } from "../skew/profile.ts";
import type { View } from "./curve.ts";
import { STEADY, type Subject } from "./subject.ts";

export interface Mark {
  /** The chart's time, ns. */
  readonly at: bigint;
  readonly label: string;
}

/** More cycles than this are seen in the curve, not told by words. */
const MOST_CYCLES = 6n;

/** In the order of time; those within the view. */
export function marksOf({ profile = STEADY, clock, begin }: Subject, { from, until }: View): Mark[] {
  const later = [...scheduleMarks(profile, until - begin), ...leapMarks(profile, clock)];
  return [{ at: 0n, label: "begins" }, ...later]
    .map(({ at, label }) => ({ at: begin + at, label }))
    .filter(({ at }) => at >= from && at < until)
    .sort((a, b) => (a.at < b.at ? -1 : Number(a.at > b.at)));
}

function scheduleMarks({ duration, every }: Profile, length: bigint): Mark[] {
  const ends = duration === 0n ? [] : [{ at: duration, label: "ends" }];
  if (every === 0n || length / every > MOST_CYCLES) return ends;
  const starts = Array.from({ length: Number(length / every) }, (_, index) => BigInt(index + 1) * every);
  return [
    ...ends,
    ...starts.flatMap((at) => [
      { at, label: "again" },
      ...(duration === 0n ? [] : [{ at: at + duration, label: "ends" }]),
    ]),
  ];
}

/** A leap second is the one thing that some clocks do not follow. */
function leapMarks({ tracks, duration }: Profile, clock: number): Mark[] {
  return tracks
    .filter(({ clocks }) => clocks !== ALL_TRACKED && (clocks >> BigInt(clock)) & 1n)
    .map(({ frames }) => ({ at: frames.at(-1)!.at, label: "leap second" }))
    .filter(({ at }) => duration === 0n || at < duration);
}
