/**
 * One skew takes over from another at a moment to come, and no clock jumps unless that was asked for. Pure.
 */
import { TimeskewError } from "../errors.ts";
import { CLOCKS, type TrueReadings } from "../skew/clock.ts";
import { HOLD, MAX_TRACKS, type Profile, type Start, type Track } from "../skew/profile.ts";
import type { Shape } from "../skew/verbs.ts";
import { courseAt, type InForce, leadingSource, SOURCES, type Source, timeOf } from "./model.ts";

/** What is asked for, once it is known when it begins (`realtime`) and where the clock will be by then (`offset`). */
export type ShapeAt = (at: { realtime: bigint; offset: bigint }) => Shape;

export interface Wanted {
  readonly mask: bigint;
  readonly shapeAt: ShapeAt;
  /** Whether the clock shall jump to where the shape begins; if not, each goes on from where it is. */
  readonly jumps: boolean;
  readonly text: string;
}

export interface Handover {
  readonly start: Start;
  readonly shape: { readonly base: bigint; readonly profile: Profile };
}

/** ns. Clocks that have drifted apart by more begin at moments of their own. */
export const APART = 5_000_000n;
const FAMILIES = ["realtime", "monotonic", "raw", "boottime", "tai"] as const;

/**
 * @param from what governs until then; its profile, if it has one, has begun
 * @param now what the clocks truly read in the target
 * @param margin ns until it begins
 * @throws TimeskewError E_UNSUPPORTED if the clocks are off by too different amounts
 */
export function handover(from: InForce, wanted: Wanted, now: TrueReadings, margin: bigint): Handover {
  const start = startsOf(from, wanted.mask, now, margin);
  const offsetOf = (source: Source) => courseAt(from, source, timeOf(source, start)).offset;
  const leading = leadingSource(wanted.mask);
  const offset = leading === undefined ? 0n : offsetOf(leading);
  const { base, profile } = wanted.shapeAt({ realtime: start.realtime, offset });
  const shape = profile ?? { duration: 0n, every: 0n, tracks: [], noise: undefined, text: wanted.text };
  const others = wanted.jumps ? [] : differences(wanted.mask, (source) => offsetOf(source) - offset);
  const tracks = [...shape.tracks, ...others];
  if (tracks.length > MAX_TRACKS) {
    throw new TimeskewError(
      "E_UNSUPPORTED",
      "its clocks are off by different amounts, and cannot all go on from there",
      {
        targetState: "skewed",
        hint: "say with --offset where they shall begin, or recover it first",
      },
    );
  }
  return { start, shape: { base, profile: { ...shape, tracks } } };
}

/**
 * The moment of the handover by each clock. From one profile to the next all are moved on by the same time: so the
 * functions of time meet, to the nanosecond, on clocks that were not read at the same instant.
 */
function startsOf({ settings }: InForce, mask: bigint, now: TrueReadings, margin: bigint): Start {
  const old = settings.profile?.start;
  const family = leadingSource(mask)?.family;
  const common = old && family && family !== "cpu" ? now[family] - old[family] + margin : undefined;
  const starts = FAMILIES.map((each) => {
    const start = now[each] + margin;
    if (old === undefined || common === undefined) return [each, start];
    const apart = start - old[each] - common;
    return [each, -APART <= apart && apart <= APART ? old[each] + common : start];
  });
  return Object.fromEntries(starts) as Record<keyof Start, bigint>;
}

/** What keeps clocks where they are that are not off by as much as the first: after a leap second CLOCK_TAI is not. */
function differences(mask: bigint, differenceOf: (source: Source) => bigint): Track[] {
  const clocks = new Map<bigint, bigint>();
  for (const source of SOURCES) {
    const difference = mask & source.bit && source.family !== "cpu" ? differenceOf(source) : 0n;
    if (difference === 0n) continue;
    clocks.set(difference, (clocks.get(difference) ?? 0n) | (1n << BigInt(source.clock)));
  }
  return [...clocks].map(([offset, bits]) => ({
    clocks: bits,
    period: 0n,
    frames: [{ at: 0n, offset }],
    tail: HOLD,
  }));
}

/** The families of a mask's clocks, whose beginnings matter. */
export function familiesOf(mask: bigint): (keyof Start)[] {
  return FAMILIES.filter((each) => SOURCES.some(({ bit, family }) => mask & bit && family === each));
}

/** Names of a mask's clocks, for people. */
export function clockNames(mask: bigint): string {
  return CLOCKS.filter(({ id }) => (mask >> BigInt(id)) & 1n)
    .map(({ name }) => name)
    .join(", ");
}
