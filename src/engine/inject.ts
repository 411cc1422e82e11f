/**
 * Skews one process: patches it, or changes the live settings of a process that is patched already.
 */
import { DEADLINE_CALLS, DURATION_CALLS } from "../calls/table.ts";
import { TimeskewError } from "../errors.ts";
import { type Address, address } from "../machine/address.ts";
import { planInjection as planPatch, QUICK_CLOCKS } from "../patch/inject.ts";
import { decodeProbe, decodeSlot, type FoundSettings, neutral, PROBE_BYTES } from "../patch/params.ts";
import type { PatchPlan } from "../patch/plan.ts";
import { readable } from "../patch/vdso.ts";
import { selectionFromMask, type TrueReadings } from "../skew/clock.ts";
import { anchor, jumps, shapeOf, startIn } from "../skew/verbs.ts";
import { hasSeccomp } from "../target/process.ts";
import { type ClockShift, clockShift } from "../target/timens.ts";
import { execute } from "../tracer/execute.ts";
import { loadPayload } from "../tracer/native.ts";
import type { DryRunResult, InjectResult, SessionSettings, SkewSettings } from "../types.ts";
import { awaitBegin, eachStart, readBack, seeToBegin, UNATTENDED, untilBegin } from "./begin.ts";
import { findPages, type Inspection, inspect, windowReader } from "./inspect.ts";
import type { InForce } from "./model.ts";
import { NONE, refuseBackwardShape } from "./monotonic.ts";
import { refuseRange } from "./range.ts";
import { compare, contradiction, predict, readHostClocks } from "./readings.ts";
import { cleanUp } from "./recover.ts";
import { refuseForeign, refuseUnstoppable } from "./refuse.ts";
import { type NewSettings, nowIn, parseRequest, type Request, settingsOf, skewIn, skewOf } from "./skew.ts";
import { refuseStarved } from "./starved.ts";
import { type Change, isSkewed, planChange, type SkewedTarget, update } from "./update.ts";
import { coverageOf, findWaits, type WaitSites } from "./waits.ts";

const CLOCK_MONOTONIC_BIT = 2n;

type Injection = { pid: number } & SkewSettings & SessionSettings;

/**
 * Gives a process a wrong clock. On a process that has one, it changes the settings without stopping it.
 *
 * @throws TimeskewError; `targetState` says what became of the process
 */
export async function inject(o: Injection): Promise<InjectResult> {
  refuseSelf(o.pid);
  const request = parseRequest(o);
  for (let attempt = 1; ; attempt++) {
    const result = tryToInject(o, request, attempt);
    if (result !== undefined) return result;
    cleanUp(o);
  }
}

/** @returns undefined if what earlier runs have left is to be cleaned up first */
function tryToInject(o: Injection, request: Request, attempt: number): InjectResult | undefined {
  using target = inspect(o.pid, { locked: true });
  refuseForeign(target);
  if (isSkewed(target)) return change(target, request, o);
  const shift = clockShift(o.pid);
  const wanted = wantedFor(o, request, shift);
  refuseUnstoppable(target);
  return isPatchable(target, attempt) ? patch(target, wanted, shift, o) : undefined;
}

/** Stragglers of an earlier skew may keep its pages: new ones do not mind. */
function isPatchable({ found, process: { pid, command } }: Inspection, attempt: number): boolean {
  if (found.state === "unskewed" || "stub" in found || ("blank" in found && found.blank)) return true;
  if (attempt === 1) return false;
  if (found.state === "lingering" || found.state === "unused") return true;
  throw new TimeskewError("E_BUSY", `pid ${pid} (${command}) is being changed by another timeskew`, {
    pid,
    hint: "try again in a moment",
  });
}

/** What a fresh injection brings into force. */
interface Wanted {
  readonly settings: NewSettings;
  readonly begins: "flip" | "known";
  /** ns. */
  readonly startIn: bigint;
}

/** @throws TimeskewError E_BACKWARD_MONOTONIC, E_RANGE, E_USAGE */
function wantedFor(
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

/** What `inject` would do. Reads, changes nothing. */
export async function planInjection(o: { pid: number } & SkewSettings): Promise<DryRunResult> {
  refuseSelf(o.pid);
  const request = parseRequest(o);
  using target = inspect(o.pid);
  refuseForeign(target);
  const { pid, command } = target.process;
  if (isSkewed(target)) {
    const { inForce, now } = planChange(target, changeOf(request, o));
    const skew = skewOf(inForce, now)!;
    return { pid, command, action: "update", skew, plan: undefined, waits: undefined };
  }
  const shift = clockShift(pid);
  const wanted = wantedFor(o, request, shift);
  const waits = waitsOf(target, request.selection.mask, o.waits);
  const plan = injectionOf(target, wanted, waits);
  const skew = skewOf(begun(wanted, nowIn(shift)), nowIn(shift))!;
  return { pid, command, action: "inject", skew, plan, waits: waits && coverageOf(waits, plan.calls) };
}

/** As if it was brought into force at that time. */
function begun({ settings, begins, startIn }: Wanted, now: TrueReadings): InForce {
  const { profile } = settings;
  if (profile === undefined || begins === "known") return { settings, before: neutral(1n) };
  const start = eachStart(now, (time) => time + startIn);
  return { settings: { ...settings, profile: { ...profile, start } }, before: neutral(1n) };
}

function injectionOf(
  target: Inspection,
  wanted: Wanted,
  waits: WaitSites | undefined,
  pages = findPages(target),
): PatchPlan {
  const { process, vdso, pristineTail } = target;
  return planPatch({
    pid: process.pid,
    vdso,
    payload: loadPayload(),
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

const TIMED_CALLS: ReadonlySet<number> = new Set([...DEADLINE_CALLS, ...DURATION_CALLS]);

/** Relative waits are by CLOCK_MONOTONIC, and take longer or shorter when that runs at another rate. */
function hasDurations(mask: bigint): boolean {
  return (mask & CLOCK_MONOTONIC_BIT) !== 0n;
}

/** Undefined if they are to be left alone. A constant skew may become a profile later, without a stop. */
function waitsOf({ process }: Inspection, mask: bigint, wanted: boolean | undefined): WaitSites | undefined {
  if (wanted === false) return undefined;
  return findWaits(process, hasDurations(mask) ? TIMED_CALLS : DEADLINE_CALLS);
}

function patch(
  target: Inspection,
  wanted: Wanted,
  shift: ClockShift | "unknown",
  o: Injection,
): InjectResult {
  const { pid, command } = target.process;
  const waits = waitsOf(target, wanted.settings.mask, o.waits);
  const pages = findPages(target);
  const plan = injectionOf(target, wanted, waits, pages);
  refuseStarved(target, plan);
  const before = readHostClocks(shift);
  const { report, output } = execute(plan, target.process, o.stopTimeoutMs);
  const after = readHostClocks(shift);
  const probe = decodeProbe(output.subarray(0, PROBE_BYTES));
  const written = { settings: decodeSlot(output.subarray(PROBE_BYTES)), before: neutral(1n) };
  const wrong = contradiction(probe, readable(target.vdso, QUICK_CLOCKS), written);
  if (wrong !== undefined) {
    throw new TimeskewError("E_CHANGED", `pid ${pid} (${command}) is skewed, but not as asked: ${wrong}`, {
      pid,
      targetState: "skewed",
      hint: `undo it: timeskew recover --pid ${pid}`,
    });
  }
  const { inForce, late } =
    wanted.begins === "flip"
      ? begin(target, pages, written, shift, wanted.startIn)
      : { inForce: written, late: undefined };
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

/** Lets a profile begin when it was asked for, and reads back what is in force then. */
function begin(
  { process }: Inspection,
  pages: Address,
  written: InForce & { settings: FoundSettings },
  shift: ClockShift | "unknown",
  delay: bigint,
): { inForce: InForce; late: bigint | undefined } {
  const { settings, before } = written;
  const { profile } = settings;
  if (profile === undefined) return { inForce: written, late: undefined };
  const now = () => nowIn(shift, written);
  const params = address(pages + BigInt(loadPayload().codeSize));
  const place = { process, params, index: 1, now };
  const { settings: begun, late } = seeToBegin(place, { ...settings, profile }, delay);
  const found = readBack(process, params, begun);
  awaitBegin(untilBegin(begun, now()));
  return { inForce: { settings: found, before }, late };
}

function changeOf({ verbs, selection }: Request, o: SkewSettings): Change {
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
function change(target: SkewedTarget, request: Request, o: SkewSettings): InjectResult {
  const { pid, command } = target.process;
  const shift = clockShift(pid);
  const previous = skewIn(target.found, shift);
  const { inForce, late } = update(target, changeOf(request, o));
  return {
    pid,
    command,
    state: "skewed",
    action: "updated",
    skew: skewOf(inForce, nowIn(shift, inForce))!,
    previous,
    late,
    pauseNs: 0n,
    threads: 0,
    asleepThreads: 0,
    movedThreads: 0,
    waits: undefined,
    readings: predict(request.selection, inForce, shift),
  };
}

function refuseSelf(pid: number): void {
  if (pid !== process.pid) return;
  throw new TimeskewError("E_UNSUPPORTED", "a process cannot skew itself", {
    pid,
    hint: "run timeskew as a command",
  });
}
