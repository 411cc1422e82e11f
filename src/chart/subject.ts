/** What a chart shows: how far one clock is off, along the true time; before it begins, not at all. */
import { offsetAt, type Piece, type Profile, pieceAt } from "../skew/profile.ts";

export interface Subject {
  /** ns. */
  readonly base: bigint;
  /** Undefined: a constant. */
  readonly profile: Profile | undefined;
  /** Id of the clock that is read. */
  readonly clock: number;
  /** The chart's time at which it begins, ns; 0n is now. */
  readonly begin: bigint;
}

/** A profile that adds nothing to its base. */
export const STEADY: Profile = { duration: 0n, every: 0n, tracks: [], noise: undefined, text: "" };

/** @param time ns from now */
export function valueAt({ base, profile = STEADY, clock, begin }: Subject, time: bigint): bigint {
  return time < begin ? 0n : offsetAt(base, profile, clock, time - begin);
}

/** The line of the chart that `time` is on; `until` is the chart's time, too. */
export function lineAt({ base, profile = STEADY, clock, begin }: Subject, time: bigint): Piece {
  if (time < begin) return { offset: 0n, slope: 0, until: begin, isOver: true };
  const piece = pieceAt(base, profile, clock, time - begin);
  return { ...piece, until: piece.until === undefined ? undefined : piece.until + begin };
}
