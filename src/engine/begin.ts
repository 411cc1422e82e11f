/**
 * When a profile begins: a little later than it was written, so that it does on all clocks, and for all threads, at once.
 */
import { TimeskewError } from "../errors.ts";
import { type Address, address } from "../machine/address.ts";
import {
  decodeSlot,
  encodeSlot,
  type FoundSettings,
  PARAMS,
  type Settings,
  slotOffset,
} from "../patch/params.ts";
import type { AnchoredProfile } from "../patch/profile.ts";
import { equal } from "../patch/scene.ts";
import { planFill, planFlip } from "../patch/update.ts";
import type { TrueReadings } from "../skew/clock.ts";
import type { Start } from "../skew/profile.ts";
import type { Process } from "../target/process.ts";
import { writeLive } from "../tracer/execute.ts";
import { hostClock, readMemory } from "../tracer/native.ts";
import { familiesOf } from "./handover.ts";
import type { NewSettings } from "./skew.ts";
import { allHaveMovedOn } from "./stragglers.ts";

const MONOTONIC = 1;
const BOOTTIME = 7;

/** How long the settings before it govern yet, in ns: writing takes some ten µs. */
export const HANDOVER = 25_000_000n;
/** What must be left of it when all is written. */
const ENOUGH = 2_000_000n;
/** How often it is tried again with twice the time, on a machine that does not let us run. */
const MOST_ATTEMPTS = 10;
/** A coarse clock shows the last tick, up to 10 ms ago: for its readers a profile begins as much later. */
export const TICK = 12_000_000n;
/** What begins as soon as this is waited for. */
export const SOON = 60_000_000n;
/** How long threads are waited for that may be in the middle of a reading, and when a profile begins if nobody waits. */
const PATIENCE = 1_500_000_000n;
export const UNATTENDED = 2_000_000_000n;

export type ProfileSettings = NewSettings & { readonly profile: AnchoredProfile };

/** Where settings are written to, and when. */
export interface Place {
  readonly process: Process;
  readonly params: Address;
  /** The slot in use. */
  readonly index: number;
  /** What the clocks truly read in the target. */
  now(): TrueReadings;
}

/** ns until a profile begins, on the clock on which it does first; negative: since then. */
export function untilBegin(
  { mask, profile }: Pick<ProfileSettings, "mask" | "profile">,
  time: TrueReadings,
): bigint {
  const left = familiesOf(mask).map((family) => profile.start[family] - time[family]);
  return left.reduce((least, each) => (each < least ? each : least));
}

/**
 * Writes settings that begin `margin` from now, and brings them into force before they do.
 *
 * @param last generation in use
 * @returns them, and by how many ns they came too late, if they did
 */
export function bringIntoForce(
  { process, params, index, now }: Place,
  last: bigint,
  make: (margin: bigint) => ProfileSettings,
): { settings: ProfileSettings & Settings; late: bigint | undefined } {
  let generation = last;
  for (let attempt = 1, margin = HANDOVER; ; attempt++, margin *= 2n) {
    generation = nextGeneration(generation);
    const settings = { ...make(margin), generation };
    writeLive(process, planFill(params, index, settings));
    if (untilBegin(settings, now()) < ENOUGH && attempt < MOST_ATTEMPTS) continue;
    writeLive(process, [planFlip(params, index)]);
    const left = untilBegin(settings, now());
    return { settings, late: left < 0n ? -left : undefined };
  }
}

/**
 * Brings settings into force that select clocks and read the true time, and waits until every thread reads by them: from
 * then on a profile may take over.
 *
 * @param index of a slot in use which reads the true time, too, or leaves that to the other one until later
 * @returns where a profile may be written to
 */
export function readTruly(
  place: Place,
  { mask, skewId, since }: Pick<NewSettings, "mask" | "skewId" | "since">,
  last: bigint,
): Place & { last: bigint } {
  const { process, params, index } = place;
  const settings = { mask, skewId, since, offset: 0n, generation: nextGeneration(last) };
  writeLive(process, [...planFill(params, index, settings), planFlip(params, index)]);
  return { ...place, index: index ^ 1, last: settings.generation };
}

/**
 * Has a profile begin as soon as it was asked for, and no thread returns the true time any more by a reading from before.
 * It has been brought into force to begin by itself, UNATTENDED after that; whoever comes too late to change that leaves it.
 *
 * @param written the settings in force
 * @param delay how long after it was brought into force it shall begin at the earliest, ns
 */
export function seeToBegin(
  place: Place,
  written: ProfileSettings & Settings,
  delay: bigint,
): { settings: ProfileSettings & Settings; late: bigint | undefined } {
  awaitStragglers([place.process]);
  const left = () => untilBegin(written, place.now());
  if (delay > UNATTENDED || left() < SOON) return { settings: written, late: undefined };
  const truly = readTruly(place, written, written.generation);
  const earliest = delay - UNATTENDED;
  return bringIntoForce(truly, truly.last, (margin) => {
    const soon = margin - left();
    return { ...written, profile: later(written.profile, soon > earliest ? soon : earliest) };
  });
}

/** Waits for threads that may return the true time yet by a reading that began before; not for ever. */
export function awaitStragglers(processes: readonly Pick<Process, "proc">[]): void {
  const begin = hostClock(MONOTONIC) ?? 0n;
  allHaveMovedOn(
    processes.map(({ proc }) => proc),
    () => (hostClock(MONOTONIC) ?? 0n) - begin > PATIENCE,
  );
}

/** The same, so much later (ns) on each clock. */
export function later(profile: AnchoredProfile, by: bigint): AnchoredProfile {
  return { ...profile, start: eachStart(profile.start, (time) => time + by) };
}

export function eachStart(
  { realtime, monotonic, raw, boottime, tai }: Start,
  change: (ns: bigint) => bigint,
) {
  return {
    realtime: change(realtime),
    monotonic: change(monotonic),
    raw: change(raw),
    boottime: change(boottime),
    tai: change(tai),
  };
}

/**
 * @returns the settings in force
 * @throws TimeskewError E_GONE, or E_STEP if they are not those that were written
 */
export function readBack(process: Process, params: Address, settings: Settings): FoundSettings {
  const { pid, command, proc, memoryPid } = process;
  const written = encodeSlot(settings);
  const read = (offset: number, length: number) =>
    readMemory(proc, memoryPid, address(params + BigInt(offset)), length);
  const index = read(PARAMS.index, 1)?.[0];
  const slot = index === undefined ? undefined : read(slotOffset(index), written.length);
  if (slot === undefined)
    throw new TimeskewError("E_GONE", `pid ${pid} (${command}) ended meanwhile`, { pid });
  if (equal(slot, written)) return decodeSlot(slot);
  throw new TimeskewError("E_STEP", `pid ${pid} (${command}): the new settings did not take effect`, {
    pid,
    targetState: "skewed",
    hint: `look with: timeskew status --pid ${pid}`,
  });
}

/**
 * Never one that was used before, nor the number before it (an invalid slot has that), not even by a writer that died
 * before its settings came into force: a reader tells settings apart by it.
 */
export function nextGeneration(last: bigint): bigint {
  const uptime = hostClock(BOOTTIME) ?? 0n;
  return uptime > last + 1n ? uptime : last + 2n;
}

/** Sleeps until a profile has begun, unless that takes long: what is told next is what was asked for. */
export function awaitBegin(left: bigint): void {
  if (left <= 0n || left > SOON) return;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(left) / 1e6 + 1);
}
