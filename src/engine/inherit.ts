/**
 * Gives a program the skew of the one that started it: the same settings under the same id, and the same beginnings, so
 * that both go through their profile together, to the nanosecond.
 */
import { TimeskewError } from "../errors.ts";
import { type Address, address } from "../machine/address.ts";
import { LEFT_ALONE, neutral } from "../patch/params.ts";
import { planFill } from "../patch/update.ts";
import type { TrueReadings } from "../skew/clock.ts";
import { shapeOf, startIn } from "../skew/verbs.ts";
import { type ClockShift, clockShift, NO_SHIFT } from "../target/timens.ts";
import { execute, writeLive } from "../tracer/execute.ts";
import type { SessionSettings, SkewSettings, WaitCoverage } from "../types.ts";
import { eachStart, nextGeneration, TICK } from "./begin.ts";
import { gateOf, gatePc } from "./gate.ts";
import { familiesOf } from "./handover.ts";
import { injectionOf, isPatchable, outcomeOf, waitsOf } from "./inject.ts";
import { findPages, type Inspection, inspect } from "./inspect.ts";
import type { InForce } from "./model.ts";
import { NONE, refuseBackward, refuseBackwardProfile, refuseBackwardShape } from "./monotonic.ts";
import { refuseRange } from "./range.ts";
import { trueReadings } from "./readings.ts";
import { cleanUp } from "./recover.ts";
import { refuseForeign, refuseUnstoppable } from "./refuse.ts";
import { appliedIn, inForceIn, type NewSettings, nowIn, parseRequest, settingsOf } from "./skew.ts";
import { refuseStarved } from "./starved.ts";
import { isSkewed, type SkewedTarget } from "./update.ts";
import { callsByVdso } from "./vsyscall.ts";
import { coverageOf } from "./waits.ts";

/** What a program gets from the one that started it. Plain data. */
export interface Heritage {
  readonly settings: NewSettings;
  /** What governs until a profile in `settings` begins. */
  readonly before: NewSettings;
  /** How far the clocks by which the starts are given are ahead of ours. */
  readonly shift: ClockShift;
  /** Whether deadlines are translated. */
  readonly waits: boolean;
}

export interface Inheriting extends SessionSettings {
  /** It has not run an instruction of its program yet: it has read no clock that could step back. Default: false. */
  readonly fresh?: boolean;
  readonly allowBackwardMonotonic?: boolean;
}

export interface Inheritance {
  readonly pid: number;
  readonly command: string;
  /** How long its threads were stopped, ns. */
  readonly pauseNs: bigint;
  /** Undefined if they are left alone. */
  readonly waits: WaitCoverage | undefined;
  /**
   * Where the program comes by when its loader has mapped all libraries, whose waits can be seen to then; undefined: all
   * is done.
   */
  readonly gate: Address | undefined;
}

const TRULY: NewSettings = neutral(0n);

/**
 * What a process hands on, as it is now; undefined if it is not skewed.
 *
 * @throws TimeskewError as `inspect`
 */
export function heritageOf(pid: number): Heritage | undefined {
  using target = inspect(pid);
  return isSkewed(target) ? heritageIn(target) : undefined;
}

/** Undefined if somebody else has written there: that is not handed on. */
export function heritageIn({ process, found }: SkewedTarget): Heritage | undefined {
  const inForce = inForceIn(found);
  const { settings, before } = inForce;
  if ("flaw" in settings) return undefined;
  const shift = clockShift(process.pid);
  const rules = hasBegun(inForce, nowIn(shift, inForce)) || "flaw" in before ? TRULY : before;
  return {
    settings: withoutGeneration(settings),
    before: withoutGeneration(rules),
    shift: shift === "unknown" ? shiftBy(inForce) : shift,
    waits: (found.flags & LEFT_ALONE) === 0n,
  };
}

/** Whether nobody can read by the settings before these any more. */
function hasBegun({ settings: { mask, profile } }: InForce, now: TrueReadings): boolean {
  return profile === undefined || familiesOf(mask).every((each) => profile.start[each] + TICK < now[each]);
}

/** As a profile tells it, to some µs; a constant needs none. */
function shiftBy(inForce: InForce): ClockShift {
  const [there, here] = [nowIn("unknown", inForce), trueReadings()];
  return { monotonic: there.monotonic - here.monotonic, boottime: there.boottime - here.boottime };
}

function withoutGeneration({ mask, offset, skewId, since, profile }: NewSettings): NewSettings {
  return { mask, offset, skewId, since, ...(profile && { profile }) };
}

/**
 * What a program is started with: a skew that begins now, or `startIn` from now, by our own clocks.
 *
 * @param o.id 16 hex digits; default: a new one
 * @throws TimeskewError E_USAGE, E_DURATION, E_CLOCK, E_RANGE, E_BACKWARD_MONOTONIC
 */
export function heritageFor({ id, ...o }: SkewSettings & { id?: string }): Heritage {
  const { verbs, selection } = parseRequest(o);
  const delay = startIn(verbs);
  const start = eachStart(nowIn(NO_SHIFT), (now) => now + delay);
  const shape = shapeOf(verbs, { realtime: start.realtime, offset: 0n });
  if (!o.allowBackwardMonotonic) {
    const refuse = delay > 0n ? refuseBackwardShape : refuseBackwardProfile;
    refuse(undefined, NONE, selection.mask, shape);
  }
  refuseRange(shape, selection, start);
  const settings = settingsOf(selection.mask, shape, start);
  return {
    settings: id === undefined ? settings : { ...settings, skewId: BigInt(`0x${id}`) },
    before: TRULY,
    shift: NO_SHIFT,
    waits: o.waits ?? true,
  };
}

/**
 * Skews a process as it would be if it had been born skewed. One that is skewed already keeps what it has.
 *
 * @returns undefined if it is skewed already
 * @throws TimeskewError; `targetState` says what became of the process
 */
export function inherit(pid: number, heritage: Heritage, o: Inheriting = {}): Inheritance | undefined {
  for (let attempt = 1; ; attempt++) {
    const outcome = tryToInherit(pid, heritage, o, attempt);
    if (outcome !== "leftovers") return outcome;
    cleanUp({ pid, ...o });
  }
}

/** @returns "leftovers" if what earlier runs have left is to be cleaned up first */
function tryToInherit(
  pid: number,
  heritage: Heritage,
  o: Inheriting,
  attempt: number,
): Inheritance | undefined | "leftovers" {
  using target = inspect(pid, { locked: true });
  refuseForeign(target);
  if (isSkewed(target)) return undefined;
  const shift = clockShift(pid);
  const inForce = inForceThere(target, heritage, shift);
  if (!o.fresh && !o.allowBackwardMonotonic) {
    refuseBackward(pid, NONE, appliedIn(inForce, nowIn(shift, inForce)));
  }
  refuseUnstoppable(target);
  return isPatchable(target, attempt) ? patch(target, inForce, heritage.waits, o) : "leftovers";
}

function patch(
  target: Inspection,
  { settings, before }: InForce,
  translatesWaits: boolean,
  { fresh, stopTimeoutMs }: Inheriting,
): Inheritance {
  const { process, payload } = target;
  const waits = waitsOf(target, settings.mask, translatesWaits);
  const pages = findPages(target);
  // Nothing has to be seen to later where all system calls are made by the vDSO.
  const gate = fresh && translatesWaits && !callsByVdso(target.vdso) ? gateOf(process) : undefined;
  const wanted = { settings, begins: "known", startIn: 0n, ...(gate && { gate }) } as const;
  const plan = injectionOf(target, wanted, waits, pages);
  refuseStarved(target, plan);
  const { report, output } = execute(plan, process, stopTimeoutMs);
  outcomeOf(target, output);
  if (before.mask !== 0n) {
    const params = address(pages + BigInt(payload.codeSize));
    writeLive(process, planFill(params, 1, { ...before, generation: nextGeneration(2n) }));
  }
  return {
    pid: process.pid,
    command: process.command,
    pauseNs: report.pauseNs,
    waits: waits && coverageOf(waits, plan.calls),
    gate: gate && gatePc(pages, payload),
  };
}

/** The settings with their beginnings by the clocks of this target. */
function inForceThere(
  { process: { pid, command } }: Inspection,
  { settings, before, shift: from }: Heritage,
  to: ClockShift | "unknown",
): InForce {
  if (to !== "unknown") {
    const by = { monotonic: to.monotonic - from.monotonic, boottime: to.boottime - from.boottime };
    return { settings: shifted(settings, by), before: shifted(before, by) };
  }
  if (![settings, before].some(beginsSinceBoot)) return { settings, before };
  throw new TimeskewError(
    "E_UNSUPPORTED",
    `pid ${pid} (${command}) is in a time namespace whose offsets the kernel does not tell: it would not know when the skew began`,
    { pid },
  );
}

/** Whether there is a beginning by a clock that time namespaces shift. */
function beginsSinceBoot({ mask, profile }: NewSettings): boolean {
  return profile !== undefined && familiesOf(mask).some((each) => each !== "realtime" && each !== "tai");
}

function shifted(settings: NewSettings, by: ClockShift): NewSettings {
  const { profile } = settings;
  if (profile === undefined) return settings;
  const { start } = profile;
  const there = {
    ...start,
    monotonic: start.monotonic + by.monotonic,
    raw: start.raw + by.monotonic,
    boottime: start.boottime + by.boottime,
  };
  return { ...settings, profile: { ...profile, start: there } };
}
