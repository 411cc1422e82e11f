/** Settings and moments, for tests of what becomes of them. */
import type { InForce } from "../../../src/engine/model.ts";
import { type FoundSettings, neutral } from "../../../src/patch/params.ts";
import { type AnchoredProfile, NO_CEILING } from "../../../src/patch/profile.ts";
import type { TrueReadings } from "../../../src/skew/clock.ts";
import { ALL_TRACKED, HOLD, type Slope, type Start, type Track } from "../../../src/skew/profile.ts";

export const SECOND = 1_000_000_000n;

/** A true reading of each clock, all different; `later` on all of them. */
export function moment(later = 0n): TrueReadings {
  return {
    realtime: 1_790_000_000n * SECOND + later,
    monotonic: 5000n * SECOND + later,
    raw: 4990n * SECOND + later,
    boottime: 6000n * SECOND + later,
    tai: 1_790_000_037n * SECOND + later,
  };
}

/** A profile without anything in it. */
export function profile(parts: Partial<AnchoredProfile> = {}, start: Start = moment()): AnchoredProfile {
  const nothing = { duration: 0n, every: 0n, tracks: [], noise: undefined, text: "" };
  return { ...nothing, swing: 0n, ceiling: NO_CEILING, start, ...parts };
}

export function slope(tail: Slope, clocks = ALL_TRACKED): Track {
  return { clocks, period: 0n, frames: [{ at: 0n, offset: 0n }], tail };
}

/** Key frames at seconds, of all clocks. */
export function frames(at: Record<number, bigint>, period = 0n): Track {
  const list = Object.entries(at).map(([second, offset]) => ({ at: BigInt(second) * SECOND, offset }));
  return { clocks: ALL_TRACKED, period, frames: list, tail: HOLD };
}

export function settings(mask: bigint, offset: bigint, how?: AnchoredProfile): FoundSettings {
  return { ...neutral(2n), mask, offset, skewId: 0xabcn, since: 4n, ...(how && { profile: how }) };
}

export function inForce(now: FoundSettings, before: FoundSettings = neutral(1n)): InForce {
  return { settings: now, before };
}
