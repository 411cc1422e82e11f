/**
 * Skews one process: patches it, or changes the live settings of a process that is patched already.
 */
import { TimeskewError } from "../errors.ts";
import { address } from "../machine/address.ts";
import type { Gate } from "../patch/gate.ts";
import { planInjection as planPatch, QUICK_CLOCKS } from "../patch/inject.ts";
import { decodeProbe, decodeSlot, type FoundSettings, neutral, PROBE_BYTES } from "../patch/params.ts";
import type { PatchPlan } from "../patch/plan.ts";
import { readable } from "../patch/vdso.ts";
import { selectionFromMask } from "../skew/clock.ts";
import { anchor, jumps, shapeOf, startIn } from "../skew/verbs.ts";
import { hasSeccomp } from "../target/process.ts";
import { type ClockShift, clockShift } from "../target/timens.ts";
import { execute } from "../tracer/execute.ts";
import type { InjectResult, SessionSettings, Skew, SkewSettings } from "../types.ts";
import { awaitBegin, eachStart, type Place, readBack, seeToBegin, UNATTENDED, untilBegin } from "./begin.ts";
import { findPages, type Inspection, inspect, windowReader } from "./inspect.ts";
import type { InForce } from "./model.ts";
import { NONE, refuseBackwardShape } from "./monotonic.ts";
import { refuseRange } from "./range.ts";
import { compare, contradiction, predict, readHostClocks } from "./readings.ts";
import { cleanUp } from "./recover.ts";
import { refuseForeign, refuseUnstoppable } from "./refuse.ts";
import { type NewSettings, nowIn, parseRequest, type Request, settingsOf, skewIn, skewOf } from "./skew.ts";
import { refuseStarved } from "./starved.ts";
import { type Change, isSkewed, type SkewedTarget, update } from "./update.ts";
import { callsByVdso, waitsByVdso } from "./vsyscall.ts";
import { coverageOf, findWaits, type WaitSites } from "./waits.ts";

const CLOCK_MONOTONIC_BIT = 2n;

type Injection = { pid: number } & SkewSettings & SessionSettings;
/** What is not in the settings that are brought into force. */
type Target = { pid: number } & Pick<SkewSettings, "waits" | "allowBackwardMonotonic"> & SessionSettings;

/** What an injection does that finds the target fit for it. */
export interface Way {
  /** What a fresh injection brings into force. */
  wanted(shift: ClockShift | "unknown"): Wanted;
  /** Once a profile is in force, sees to its beginning. Without it, that comes by itself. */
  begin?(place: Place, written: Written): Begun;
  /** On a process that is skewed already. */
  change(target: SkewedTarget): InjectResult;
}

/** Settings as they were read back from the slot in use; the other one reads the true time. */
export type Written = InForce & { readonly settings: FoundSettings };

/** What is in force by then, and by how many ns it came too late. */
export interface Begun {
  readonly inForce: InForce;
  readonly late: bigint | undefined;
}

/**
 * Gives a process a wrong clock. On a process that has one, it changes the settings without stopping it.
 *
 * @throws TimeskewError; `targetState` says what became of the process
 */
export async function inject(o: Injection): Promise<InjectResult> {
  const request = parseRequest(o);
  return injectBy(o, {
    wanted: (shift) => wantedFor(o, request, shift),
    begin: (place, written) => begin(place, written, request),
    change: (target) => change(target, changeOf(request, o)),
  });
}

/** @throws TimeskewError; `targetState` says what became of the process */
export function injectBy(o: Target, way: Way): InjectResult {
  refuseSelf(o.pid);
  for (let attempt = 1; ; attempt++) {
    const result = tryToInject(o, way, attempt);
    if (result !== undefined) return result;
    cleanUp(o);
  }
}

/** @returns undefined if what earlier runs have left is to be cleaned up first */
function tryToInject(o: Target, way: Way, attempt: number): InjectResult | undefined {
  using target = inspect(o.pid, { locked: true });
  refuseForeign(target);
  if (isSkewed(target)) return way.change(target);
  const shift = clockShift(o.pid);
  const wanted = way.wanted(shift);
  refuseUnstoppable(target);
  return isPatchable(target, attempt) ? patch(target, wanted, shift, o, way) : undefined;
}

/** Stragglers of an earlier skew may keep its pages: new ones do not mind. */
export function isPatchable({ found, process: { pid, command } }: Inspection, attempt: number): boolean {
  if (found.state === "unskewed" || "stub" in found || ("blank" in found && found.blank)) return true;
  if (attempt === 1) return false;
  if (found.state === "lingering" || found.state === "unused") return true;
  throw new TimeskewError("E_BUSY", `pid ${pid} (${command}) is being changed by another timeskew`, {
    pid,
    hint: "try again in a moment",
  });
}

/** What a fresh injection brings into force. */
export interface Wanted {
  readonly settings: NewSettings;
  readonly begins: "flip" | "known";
  /** ns. */
  readonly startIn: bigint;
  /** Of a program whose dynamic linker is yet to begin. */
  readonly gate?: Gate;
}

/** @throws TimeskewError E_BACKWARD_MONOTONIC, E_RANGE, E_USAGE */
export function wantedFor(
  { pid, allowBackwardMonotonic }: { pid: number } & SkewSettings,
  { verbs, selection }: Request,
  shift: ClockShift | "unknown",
): Wanted {
  const begins = anchor(verbs);
  // Whoever injects it brings it forward, unless he dies.
  const delay = begins === "known" || startIn(verbs) > UNATTENDED ? startIn(verbs) : UNATTENDED;
  const due = eachStart(nowIn(shift), (now) => now + delay);
  const shape = shapeOf(verbs, { realtime: due.realtime, offset: 0n });
  if (!allowBackwardMonotonic) refuseBackwardShape(pid, NONE, selection.mask, shape);
  refuseRange(shape, selection, due);
  const start = begins === "known" ? due : eachStart(due, () => delay);
  return { settings: settingsOf(selection.mask, shape, start), begins, startIn: startIn(verbs) };
}

export function injectionOf(
  target: Inspection,
  wanted: Wanted,
  waits: WaitSites | undefined,
  pages = findPages(target),
): PatchPlan {
  const { process, vdso, payload, pristineTail } = target;
  return planPatch({
    pid: process.pid,
    vdso,
    payload,
    pages,
    ...wanted,
    pristineTail,
    ...(waits && {
      calls: {
        sites: waits.sites,
        maps: process.maps,
        read: windowReader(process),
        durations: hasDurations(wanted.settings.mask),
        filtered: hasSeccomp(process),
      },
    }),
  });
}

/** Relative waits are by CLOCK_MONOTONIC, and take longer or shorter when that runs at another rate. */
function hasDurations(mask: bigint): boolean {
  return (mask & CLOCK_MONOTONIC_BIT) !== 0n;
}

/** Undefined if they are to be left alone. A constant skew may become a profile later, without a stop. */
export function waitsOf(
  { process, vdso }: Inspection,
  mask: bigint,
  wanted: boolean | undefined,
): WaitSites | undefined {
  if (wanted === false) return undefined;
  if (callsByVdso(vdso)) return waitsByVdso(process);
  return findWaits(process, vdso.machine, hasDurations(mask));
}

/** A fresh injection. */
export function patch(
  target: Inspection,
  wanted: Wanted,
  shift: ClockShift | "unknown",
  o: Target,
  way: Way,
): InjectResult {
  const { pid, command } = target.process;
  const waits = waitsOf(target, wanted.settings.mask, o.waits);
  const pages = findPages(target);
  const plan = injectionOf(target, wanted, waits, pages);
  refuseStarved(target, plan);
  const before = readHostClocks(shift);
  const { report, output } = execute(plan, target.process, o.stopTimeoutMs);
  const after = readHostClocks(shift);
  const { probe, written } = outcomeOf(target, output);
  const params = address(pages + BigInt(target.payload.codeSize));
  const place = { process: target.process, params, index: 1, now: () => nowIn(shift, written) };
  const begins = wanted.settings.profile !== undefined;
  const { inForce, late } = (begins && way.begin?.(place, written)) || { inForce: written, late: undefined };
  return {
    pid,
    command,
    state: "skewed",
    action: "injected",
    skew: skewOf(inForce, nowIn(shift, inForce))!,
    previous: undefined,
    late,
    pauseNs: report.pauseNs,
    threads: report.threads,
    asleepThreads: report.asleep,
    movedThreads: report.movedThreads + report.movedFrames,
    waits: waits && coverageOf(waits, plan.calls),
    // What they read before it began is what they have always read.
    readings:
      inForce === written
        ? compare(probe, readable(target.vdso, QUICK_CLOCKS), before, after, inForce)
        : predict(selectionFromMask(wanted.settings.mask), inForce, shift),
  };
}

/**
 * What an injection's plan brought: the settings that are in force, and what the target reads by them.
 *
 * @throws TimeskewError E_CHANGED if these do not agree
 */
export function outcomeOf({ process: { pid, command }, vdso }: Inspection, output: Uint8Array) {
  const probe = decodeProbe(output.subarray(0, PROBE_BYTES));
  const written = { settings: decodeSlot(output.subarray(PROBE_BYTES)), before: neutral(1n) };
  const wrong = contradiction(probe, readable(vdso, QUICK_CLOCKS), written);
  if (wrong === undefined) return { probe, written };
  throw new TimeskewError("E_CHANGED", `pid ${pid} (${command}) is skewed, but not as asked: ${wrong}`, {
    pid,
    targetState: "skewed",
    hint: `undo it: timeskew recover --pid ${pid}`,
  });
}

/** Lets a profile begin when it was asked for, and reads back what is in force then. */
function begin(place: Place, written: Written, { verbs }: Request): Begun {
  const { settings, before } = written;
  const { profile } = settings;
  if (profile === undefined || anchor(verbs) === "known") return { inForce: written, late: undefined };
  const { begun, late, found } = afterInjection(place.process, () => {
    const { settings: begun, late } = seeToBegin(place, { ...settings, profile }, startIn(verbs));
    return { begun, late, found: readBack(place.process, place.params, begun) };
  });
  awaitBegin(untilBegin(begun, place.now()));
  return { inForce: { settings: found, before }, late };
}

/** What fails from here on finds the target skewed, as it was not before. */
function afterInjection<T>({ pid, command }: Place["process"], act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof TimeskewError) || error.targetState !== "skewed") throw error;
    throw new TimeskewError(
      "E_CHANGED",
      `pid ${pid} (${command}) is skewed, but not as asked: ${error.message}`,
      {
        pid,
        targetState: "skewed",
        hint: `undo it: timeskew recover --pid ${pid}`,
        cause: error,
      },
    );
  }
}

export function changeOf({ verbs, selection }: Request, o: SkewSettings): Change {
  return {
    mask: selection.mask,
    selection,
    shapeAt: (at) => shapeOf(verbs, at),
    jumps: jumps(verbs),
    text: verbs.text,
    startIn: startIn(verbs),
    allowBackward: o.allowBackwardMonotonic ?? false,
    translatesWaits: o.waits ?? true,
  };
}

/** Changes the settings of a target that runs on. */
export function change(target: SkewedTarget, wanted: Change): InjectResult {
  const { pid } = target.process;
  const shift = clockShift(pid);
  const previous = skewIn(target.found, shift);
  const { inForce, late } = update(target, wanted);
  return unstopped(target, "updated", { inForce, late, previous });
}

/** About a target that runs on while its settings are changed, or as they are. */
export function unstopped(
  { process: { pid, command } }: Inspection,
  action: InjectResult["action"],
  { inForce, late, previous }: Begun & { previous?: Skew | undefined },
): InjectResult {
  const shift = clockShift(pid);
  return {
    pid,
    command,
    state: "skewed",
    action,
    skew: skewOf(inForce, nowIn(shift, inForce))!,
    previous,
    late,
    pauseNs: 0n,
    threads: 0,
    asleepThreads: 0,
    movedThreads: 0,
    waits: undefined,
    readings: predict(selectionFromMask(inForce.settings.mask), inForce, shift),
  };
}

export function refuseSelf(pid: number): void {
  if (pid !== process.pid) return;
  throw new TimeskewError("E_UNSUPPORTED", "a process cannot skew itself", {
    pid,
    hint: "run timeskew as a command",
  });
}
