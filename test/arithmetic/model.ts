/** What each way to read a clock gives, by the model of src/skew/profile.ts and nothing else. */
import type { Settings } from "../../src/patch/params.ts";
import { floorDiv, offsetAt, type Profile, type Start, shownAt } from "../../src/skew/profile.ts";

/** Bits of a slot's selection: clock ids, and the two functions. */
export const GETTIMEOFDAY = 62;
export const TIME = 63;
export const NAMES = [0, 1, 4, 5, 6, 7, 8, 9, 11, GETTIMEOFDAY, TIME] as const;

const FAMILIES: Readonly<Record<number, keyof Start>> = {
  0: "realtime",
  1: "monotonic",
  4: "raw",
  5: "realtime",
  6: "monotonic",
  7: "boottime",
  8: "realtime",
  9: "boottime",
  11: "tai",
};

/** Two slots, and which is in use. */
export interface World {
  slots: readonly [Settings, Settings];
  index: 0 | 1;
}

/** The id of the clock that a function reads. */
export function clockOf(name: number): number {
  return name === GETTIMEOFDAY ? 0 : name === TIME ? 5 : name;
}

export function startOn(start: Start, name: number): bigint {
  return start[FAMILIES[clockOf(name)]!];
}

/** What is shown by `name` when its clock truly reads `time`, to the ns. */
export function shown({ slots, index }: World, name: number, time: bigint): bigint {
  for (const slot of [slots[index], slots[1 - index]!]) {
    if (((slot.mask >> BigInt(name)) & 1n) === 0n) break;
    const { profile, offset } = slot;
    if (profile === undefined) return BigInt.asIntN(64, time + offset);
    const elapsed = time - startOn(profile.start, name);
    if (elapsed >= 0n) return shownAt(time, offsetAt(offset, profile, clockOf(name), elapsed));
  }
  return time;
}

/** In whole microseconds or seconds, where a function tells no more. */
export function reading(world: World, name: number, time: bigint): bigint {
  const unit = name === GETTIMEOFDAY ? 1000n : name === TIME ? 1_000_000_000n : 1n;
  const value = shown(world, name, time);
  return unit === 1n ? value : floorDiv(value, unit) * unit;
}

/** How many rounded values are added up on one line: so many ns may a line be from being monotone. */
export function roughness({ tracks, noise }: Profile): bigint {
  const lines = tracks.length + (noise?.glides ? 1 : 0);
  return lines < 2 ? 0n : BigInt(lines);
}
