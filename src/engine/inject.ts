/**
 * Skews one process: patches it, or changes the live settings of a process that is patched already.
 */
import { DEADLINE_CALLS, DURATION_CALLS } from "../calls/table.ts";
import { TimeskewError } from "../errors.ts";
import { address } from "../machine/address.ts";
import { planInjection as planPatch, planUpdate, QUICK_CLOCKS } from "../patch/inject.ts";
import { decodeProbe, decodeSlot, PARAMS, RATE_ONE, SLOT_BYTES, slotOffset } from "../patch/params.ts";
import type { PatchPlan } from "../patch/plan.ts";
import { readable } from "../patch/vdso.ts";
import { hasSeccomp } from "../target/process.ts";
import { clockShift } from "../target/timens.ts";
import { execute, writeLive } from "../tracer/execute.ts";
import { hostClock, loadPayload, readMemory } from "../tracer/native.ts";
import type { DryRunResult, InjectResult, SessionSettings, SkewSettings } from "../types.ts";
import { findPages, type Inspection, inspect, windowReader } from "./inspect.ts";
import { refuseBackward } from "./monotonic.ts";
import { compare, predict, readHostClocks } from "./readings.ts";
import { cleanUp } from "./recover.ts";
import { refuseForeign, refuseUnstoppable } from "./refuse.ts";
import {
  appliedIn,
  parseRequest,
  type RateSetting,
  type Request,
  settingsOf,
  skewIn,
  skewOf,
} from "./skew.ts";
import { refuseStarved } from "./starved.ts";
import { coverageOf, findWaits, type WaitSites } from "./waits.ts";

const BOOTTIME = 7;

type Injection = { pid: number } & SkewSettings & RateSetting & SessionSettings;
type SkewedTarget = Inspection & { found: { state: "skewed" } };

/**
 * Gives a process a wrong clock. On a process that has one, it changes the settings without stopping it.
 *
 * @throws TimeskewError; `targetState` says what became of the process
 */
export async function inject(o: Injection): Promise<InjectResult> {
  refuseSelf(o.pid);
  const request = parseRequest(o, clockShift(o.pid));
  for (let attempt = 1; ; attempt++) {
    const result = tryToInject(o, request, attempt);
    if (result !== undefined) return result;
    cleanUp(o);
  }
}

/** @returns undefined if what earlier runs have left is to be cleaned up first */
function tryToInject(o: Injection, request: Request, attempt: number): InjectResult | undefined {
  using target = inspectFor(o, request);
  if (isSkewed(target)) return update(target, request);
  refuseUnstoppable(target);
  return isPatchable(target, attempt) ? patch(target, request, o) : undefined;
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

function inspectFor(o: { pid: number } & SkewSettings, request: Request, locked = true): Inspection {
  const target = inspect(o.pid, { locked });
  try {
    refuseForeign(target);
    const { selection, offset } = request;
    if (!o.allowBackwardMonotonic)
      refuseBackward(o.pid, appliedIn(target.found), { mask: selection.mask, offset });
    return target;
  } catch (error) {
    target[Symbol.dispose]();
    throw error;
  }
}

/** What `inject` would do. Reads, changes nothing. */
export async function planInjection(o: { pid: number } & SkewSettings): Promise<DryRunResult> {
  refuseSelf(o.pid);
  const request = parseRequest(o, clockShift(o.pid));
  using target = inspectFor(o, request, false);
  const settings = settingsOf(request);
  const result = { pid: o.pid, command: target.process.command, skew: skewOf(settings)! };
  if (isSkewed(target)) return { ...result, action: "update", plan: undefined, waits: undefined };
  const waits = waitsOf(target, request, o.waits);
  const plan = injectionOf(target, settings, waits);
  return { ...result, action: "inject", plan, waits: waits && coverageOf(waits, plan.calls) };
}

type WantedSkew = ReturnType<typeof settingsOf>;

function injectionOf(target: Inspection, settings: WantedSkew, waits: WaitSites | undefined): PatchPlan {
  const { process, vdso, pristineTail } = target;
  return planPatch({
    pid: process.pid,
    vdso,
    payload: loadPayload(),
    pages: findPages(target),
    settings,
    pristineTail,
    ...(waits && {
      calls: {
        sites: waits.sites,
        maps: process.maps,
        read: windowReader(process),
        filtered: hasSeccomp(process),
      },
    }),
  });
}

const TIMED_CALLS: ReadonlySet<number> = new Set([...DEADLINE_CALLS, ...DURATION_CALLS]);

/** Undefined if they are to be left alone. How long relative waits take is nobody's business but a rate's. */
function waitsOf(
  { process }: Inspection,
  { rate }: Request,
  wanted: boolean | undefined,
): WaitSites | undefined {
  if (wanted === false) return undefined;
  return findWaits(process, rate === RATE_ONE ? DEADLINE_CALLS : TIMED_CALLS);
}

function patch(target: Inspection, request: Request, o: Injection): InjectResult {
  const { pid, command } = target.process;
  const waits = waitsOf(target, request, o.waits);
  const settings = settingsOf(request);
  const plan = injectionOf(target, settings, waits);
  refuseStarved(target, plan);
  const shift = clockShift(pid);
  const before = readHostClocks(shift);
  const { report, output } = execute(plan, target.process, o.stopTimeoutMs);
  const after = readHostClocks(shift);
  return {
    pid,
    command,
    state: "skewed",
    action: "injected",
    skew: skewOf(settings)!,
    previous: undefined,
    pauseNs: report.pauseNs,
    threads: report.threads,
    asleepThreads: report.asleep,
    movedThreads: report.movedThreads + report.movedFrames,
    waits: waits && coverageOf(waits, plan.calls),
    readings: compare(decodeProbe(output), readable(target.vdso, QUICK_CLOCKS), before, after, settings.mask),
  };
}

/** Changes the settings of a target that runs on, and reads them back. */
function update({ process, found }: SkewedTarget, request: Request): InjectResult {
  if (!("mark" in found)) throw new TimeskewError("E_INTERNAL", "no mark");
  const { pid, command } = process;
  if (request.rate !== RATE_ONE) {
    throw new TimeskewError("E_UNSUPPORTED", `pid ${pid} (${command}) is skewed already, without a rate`, {
      pid,
      targetState: "skewed",
      hint: "recover it first",
    });
  }
  const params = found.mark.params.address;
  const settings = { ...settingsOf(request), generation: nextGeneration(found.settings.generation) };
  writeLive(process, planUpdate(params, found.index, settings));

  const readBack = (offset: number, length: number) =>
    readMemory(process.proc, process.memoryPid, address(params + BigInt(offset)), length);
  const index = readBack(PARAMS.index, 1)?.[0];
  const slot = index === undefined ? undefined : readBack(slotOffset(index), SLOT_BYTES);
  if (slot === undefined)
    throw new TimeskewError("E_GONE", `pid ${pid} (${command}) ended meanwhile`, { pid });
  const now = decodeSlot(slot);
  const fields = ["skewId", "offset", "mask", "rate"] as const;
  if (fields.some((field) => now[field] !== settings[field])) {
    throw new TimeskewError("E_STEP", `pid ${pid} (${command}): the new settings did not take effect`, {
      pid,
      targetState: "skewed",
      hint: `look with: timeskew status --pid ${pid}`,
    });
  }
  return {
    pid,
    command,
    state: "skewed",
    action: "updated",
    skew: skewOf(now)!,
    previous: skewIn(found),
    pauseNs: 0n,
    threads: 0,
    asleepThreads: 0,
    movedThreads: 0,
    waits: undefined,
    readings: predict(request.selection, now.offset, clockShift(pid)),
  };
}

/**
 * Never one that was used before, nor the number before it (an invalid slot has that), not even by a writer that died
 * before its settings came into force: a reader tells settings apart by it.
 */
function nextGeneration(last: bigint): bigint {
  const uptime = hostClock(BOOTTIME) ?? 0n;
  return uptime > last + 1n ? uptime : last + 2n;
}

function isSkewed(target: Inspection): target is SkewedTarget {
  return target.found.state === "skewed";
}

function refuseSelf(pid: number): void {
  if (pid !== process.pid) return;
  throw new TimeskewError("E_UNSUPPORTED", "a process cannot skew itself", {
    pid,
    hint: "run timeskew as a command",
  });
}
