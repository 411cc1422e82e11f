/**
 * Changes the skew of a process that runs on. A constant takes the place of a constant at once. From or to a profile, the
 * new settings say when they begin, shortly after they were written, and until then the old ones govern: so every thread
 * changes over at the same time, by its own clock, and none sees a jump that nobody asked for.
 */
import { TimeskewError } from "../errors.ts";
import type { FoundPages } from "../patch/find.ts";
import { DURATIONS, neutral, type Settings } from "../patch/params.ts";
import { planFlip, planUpdate } from "../patch/update.ts";
import type { ClockSelection, TrueReadings } from "../skew/clock.ts";
import type { Start } from "../skew/profile.ts";
import { type ClockShift, clockShift } from "../target/timens.ts";
import { writeLive } from "../tracer/execute.ts";
import {
  awaitBegin,
  awaitStragglers,
  bringIntoForce,
  HANDOVER,
  nextGeneration,
  type Place,
  type ProfileSettings,
  readBack,
  readTruly,
  SOON,
  TICK,
  untilBegin,
} from "./begin.ts";
import { clockNames, familiesOf, handover, type Wanted } from "./handover.ts";
import type { Inspection } from "./inspect.ts";
import { courseAt, type InForce, SOURCES, timeOf } from "./model.ts";
import { refuseBackwardShape } from "./monotonic.ts";
import { refuseRange } from "./range.ts";
import {
  appliedIn,
  type Identity,
  inForceIn,
  isSteady,
  type NewSettings,
  nowIn,
  settingsOf,
} from "./skew.ts";

const CLOCK_MONOTONIC_BIT = 2n;

export type SkewedTarget = Inspection & { found: FoundPages & { state: "skewed" } };

export function isSkewed(target: Inspection): target is SkewedTarget {
  return target.found.state === "skewed";
}

export interface Change extends Wanted {
  readonly selection: ClockSelection;
  /** ns. */
  readonly startIn: bigint;
  readonly allowBackward: boolean;
  /** Whether relative waits must be translated. */
  readonly translatesWaits: boolean;
  /** Of a skew that others have, too; without it, it is a new one. */
  readonly identity?: Identity;
}

export interface Update {
  readonly inForce: InForce;
  readonly now: TrueReadings;
  /** By how many ns the change came too late. */
  readonly late: bigint | undefined;
}

/** What is in force, and where it stands. */
interface Standing {
  readonly inForce: InForce;
  readonly index: number;
}

/** What `update` would bring into force. Reads, changes nothing. */
export function planChange(target: SkewedTarget, change: Change): Update {
  const shift = clockShift(target.process.pid);
  const standing = standingIn(target, shift);
  const { settings, now } = settingsFor(target, change, standing.inForce, shift, HANDOVER);
  return { inForce: { settings, before: standing.inForce.settings }, now, late: undefined };
}

/**
 * Changes the settings, and reads them back.
 *
 * @throws TimeskewError
 */
export function update(target: SkewedTarget, change: Change): Update {
  const { process } = target;
  const prepared = prepare(target, change);
  const { place, from, isGradual, settingsAt } = prepared;
  const { settings: before } = from;
  if (!isGradual) {
    const { settings: soon, now } = settingsAt(HANDOVER);
    const settings: Settings = { ...soon, generation: nextGeneration(place.last) };
    writeLive(process, planUpdate(place.params, place.index, settings));
    return { inForce: { settings: readBack(process, place.params, settings), before }, now, late: undefined };
  }
  const free = prepared.reach();
  if (free !== place) awaitStragglers([process]);
  const { settings, late } = bringIntoForce(free, free.last, (margin) => settingsAt(margin).settings);
  const begun = readBack(process, free.params, settings);
  awaitBegin(untilBegin(settings, place.now()));
  return { inForce: { settings: begun, before }, now: place.now(), late };
}

/** A change that nothing speaks against, up to the moment before the first write that counts. */
export interface Prepared {
  readonly place: Place & { readonly last: bigint };
  readonly from: InForce;
  /** Whether it begins at a moment to come, as everything does that is, or was, a profile. */
  readonly isGradual: boolean;
  /** Settings that begin so much later than now (ns), or when the clocks read what is said. */
  settingsAt(when: bigint | Start): { settings: ProfileSettings; now: TrueReadings };
  /**
   * Brings clocks under control that were not skewed, and may have been left to the kernel's function: whoever is in the
   * middle of that must have finished before the change begins.
   *
   * @returns where to write then; `place` itself if there are no such clocks
   */
  reach(): Prepared["place"];
}

/** @throws TimeskewError for all that speaks against it, before anything is changed */
export function prepare(target: SkewedTarget, change: Change): Prepared {
  const { process, found } = target;
  const shift = clockShift(process.pid);
  planChange(target, change);
  const { inForce: from, index } = settle(target, shift);
  const settingsAt = (when: bigint | Start) => settingsFor(target, change, from, shift, when);
  const { settings: soon } = settingsAt(HANDOVER);
  const place = {
    process,
    params: found.mark.params.address,
    index,
    now: () => nowIn(shift, from),
    last: lastGeneration(found),
  };
  return {
    place,
    from,
    isGradual: soon.profile !== undefined,
    settingsAt: (when) => {
      const { settings, now } = settingsAt(when);
      return { settings: { ...settings, profile: settings.profile ?? soon.profile! }, now };
    },
    reach: () => (change.mask & ~from.settings.mask ? readTruly(place, soon, place.last) : place),
  };
}

/** What governs now, or will in a moment, with the other slot free to be written. Changes nothing. */
function standingIn(
  { found, process }: SkewedTarget,
  shift: ClockShift | "unknown",
): Standing & { wait: bigint } {
  const inForce = inForceIn(found);
  const { settings, before } = inForce;
  const { profile } = settings;
  const standing = { inForce, index: found.index, wait: 0n };
  if (profile === undefined) return standing;
  const now = nowIn(shift, inForce);
  const waits = familiesOf(settings.mask).map((family) => profile.start[family] - now[family]);
  // Until then somebody may yet read by the other slot.
  const longest = waits.reduce((most, each) => (each + TICK > most ? each + TICK : most), 0n);
  if (longest <= SOON) return { ...standing, wait: longest };
  if (waits.some((each) => each <= 0n)) {
    throw new TimeskewError(
      "E_UNSUPPORTED",
      `pid ${process.pid} (${process.command}): the skew has begun on some of its clocks only, which have drifted apart`,
      { pid: process.pid, targetState: "skewed", hint: "recover it first" },
    );
  }
  return { inForce: { settings: before, before: neutral(0n) }, index: found.index ^ 1, wait: 0n };
}

/** Waits for settings that begin at once; takes back those that do not, by which nobody has read a clock yet. */
function settle(target: SkewedTarget, shift: ClockShift | "unknown"): Standing {
  const { wait, ...standing } = standingIn(target, shift);
  if (wait > 0n) {
    awaitBegin(wait);
    return settle(target, shift);
  }
  const { found, process } = target;
  if (standing.index !== found.index) writeLive(process, [planFlip(found.mark.params.address, found.index)]);
  return standing;
}

/**
 * @param when as `Prepared.settingsAt`
 * @throws TimeskewError for whatever speaks against them
 */
function settingsFor(
  target: SkewedTarget,
  change: Change,
  from: InForce,
  shift: ClockShift | "unknown",
  when: bigint | Start,
): { settings: NewSettings; now: TrueReadings } {
  const { pid } = target.process;
  const now = nowIn(shift, from);
  const old = from.settings.profile;
  const isTrue = readsTruly(from, now);
  if (old === undefined || isSteady(old) || isTrue) {
    const { realtime } = now;
    const shape = change.shapeAt({ realtime, offset: isTrue ? 0n : from.settings.offset });
    if (shape.profile === undefined) {
      if (!change.allowBackward) refuseBackwardShape(pid, appliedIn(from, now), change.mask, shape);
      refuseRange(shape, change.selection, now);
      return { settings: settingsOf(change.mask, shape, now, change.identity), now };
    }
  }
  const next =
    typeof when === "bigint"
      ? handover(from, change, now, change.startIn > when ? change.startIn : when)
      : handover(from, change, when, 0n);
  refuseOtherClocks(target, change, from, next.start, shift);
  refuseUntranslated(target, change);
  if (!change.allowBackward) {
    refuseBackwardShape(pid, appliedIn(from, next.start), change.mask, next.shape);
  }
  refuseRange(next.shape, change.selection, next.start);
  return { settings: settingsOf(change.mask, next.shape, next.start, change.identity), now };
}

/** A clock that only one of both skews selects would jump before the moment of the handover. */
function refuseOtherClocks(
  { process: { pid, command } }: SkewedTarget,
  { mask, selection }: Change,
  from: InForce,
  start: Start,
  shift: ClockShift | "unknown",
): void {
  const old = from.settings.mask;
  if (old !== mask && !readsTruly(from, start)) {
    const names = clockNames(old);
    throw new TimeskewError(
      "E_UNSUPPORTED",
      `pid ${pid} (${command}): a skew that changes with time can only take over the clocks that are skewed already: ${names}`,
      { pid, targetState: "skewed", hint: `name the same clocks with --clock, or recover it first` },
    );
  }
  if (shift !== "unknown" || from.settings.profile !== undefined) return;
  if (familiesOf(selection.mask).every((family) => family === "realtime" || family === "tai")) return;
  throw new TimeskewError(
    "E_UNSUPPORTED",
    `pid ${pid} (${command}) is in a time namespace whose offsets the kernel does not tell: the new skew would not know when to begin`,
    { pid, targetState: "skewed", hint: "recover it first" },
  );
}

/** By now and for good: not skewed, or over. */
function readsTruly(from: InForce, time: TrueReadings): boolean {
  return SOURCES.every((source) => {
    const { by, isOver, until } = courseAt(from, source, timeOf(source, time));
    return by === undefined || (isOver && until === undefined);
  });
}

/** How long relative waits take was nobody's business before. */
function refuseUntranslated({ process: { pid, command }, found }: SkewedTarget, change: Change): void {
  if (!change.translatesWaits || !(change.mask & CLOCK_MONOTONIC_BIT) || found.flags & DURATIONS) return;
  throw new TimeskewError(
    "E_UNSUPPORTED",
    `pid ${pid} (${command}) was skewed without CLOCK_MONOTONIC: its waits would not follow that clock`,
    { pid, targetState: "skewed", hint: "recover it first" },
  );
}

export function lastGeneration({ settings, idle }: FoundPages): bigint {
  const other = idle.settings.generation;
  return settings.generation > other ? settings.generation : other;
}
