/**
 * Skews one process: patches it, or changes the live settings of a process that is patched already.
 */
import { TimeskewError } from "../errors.ts";
import { address } from "../machine/address.ts";
import { planInjection as planPatch, planUpdate, QUICK_CLOCKS } from "../patch/inject.ts";
import { decodeProbe, decodeSlot, PARAMS, SLOT_BYTES, slotOffset } from "../patch/params.ts";
import type { PatchPlan } from "../patch/plan.ts";
import { planRecovery } from "../patch/recover.ts";
import { readable } from "../patch/vdso.ts";
import { isFrozen } from "../target/frozen.ts";
import { clockShift } from "../target/timens.ts";
import { tracerOf } from "../tracer/diagnose.ts";
import { execute, writeLive } from "../tracer/execute.ts";
import { hostClock, loadPayload, readMemory } from "../tracer/native.ts";
import type { DryRunResult, InjectResult, SessionSettings, SkewSettings } from "../types.ts";
import { findPages, type Inspection, inspect } from "./inspect.ts";
import { refuseBackward } from "./monotonic.ts";
import { compare, predict, readHostClocks } from "./readings.ts";
import { appliedIn, parseRequest, type Request, settingsOf, skewIn, skewOf } from "./skew.ts";
import { refuseStarved } from "./starved.ts";

const BOOTTIME = 7;

type Injection = { pid: number } & SkewSettings & SessionSettings;
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
    using target = inspectFor(o, request);
    if (isSkewed(target)) return update(target, request);
    refuseUnstoppable(target);
    if (isPatchable(target, attempt)) return patch(target, request, o.stopTimeoutMs);
    // What a run that died has left is cleaned up first.
    execute(recoveryOf(target), target.process, o.stopTimeoutMs);
  }
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
  const live = isSkewed(target);
  const settings = settingsOf(request);
  return {
    pid: o.pid,
    command: target.process.command,
    action: live ? "update" : "inject",
    plan: live ? undefined : injectionOf(target, settings),
    skew: skewOf(settings)!,
  };
}

function injectionOf(target: Inspection, settings: ReturnType<typeof settingsOf>): PatchPlan {
  const { process, vdso, pristineTail } = target;
  return planPatch({
    pid: process.pid,
    vdso,
    payload: loadPayload(),
    pages: findPages(target),
    settings,
    pristineTail,
  });
}

function recoveryOf({ process, vdso, found, pristineTail }: Inspection): PatchPlan {
  if (!("mark" in found)) throw new TimeskewError("E_INTERNAL", "nothing to recover");
  return planRecovery({ pid: process.pid, vdso, found, pristineTail });
}

function patch(target: Inspection, request: Request, stopTimeoutMs: number | undefined): InjectResult {
  const { pid, command } = target.process;
  refuseStarved(target);
  const settings = settingsOf(request);
  const plan = injectionOf(target, settings);
  const shift = clockShift(pid);
  const before = readHostClocks(shift);
  const { report, output } = execute(plan, target.process, stopTimeoutMs);
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
    readings: compare(decodeProbe(output), readable(target.vdso, QUICK_CLOCKS), before, after, settings.mask),
  };
}

/** Changes the settings of a target that runs on, and reads them back. */
function update({ process, found }: SkewedTarget, request: Request): InjectResult {
  if (!("mark" in found)) throw new TimeskewError("E_INTERNAL", "no mark");
  const { pid, command } = process;
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
  if (now.skewId !== settings.skewId || now.offset !== settings.offset || now.mask !== settings.mask) {
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

export function refuseForeign({ process: { pid, command }, found }: Inspection): void {
  if (found.state !== "foreign") return;
  throw new TimeskewError("E_FOREIGN_PATCH", `pid ${pid} (${command}): ${found.note}`, { pid });
}

/** What would make the stop wait for nothing, or our calls crash in the vDSO, is told at once. */
export function refuseUnstoppable({ process: { pid, command, vdso }, found: { state } }: Inspection): void {
  const targetState = state === "unskewed" ? "untouched" : state === "skewed" ? "skewed" : "partial";
  const tracer = tracerOf(pid);
  if (tracer !== undefined) {
    throw new TimeskewError("E_TRACED", `pid ${pid} (${command}) is traced by ${tracer}`, {
      pid,
      targetState,
      hint: "detach it first, then try again",
    });
  }
  if (!/^r.x/.test(vdso.perms)) {
    throw new TimeskewError(
      "E_VDSO",
      `pid ${pid} (${command}) has made its vDSO ${vdso.perms}: no code in it can run`,
      {
        pid,
        hint: "it reads the clock by system calls, which timeskew does not change",
      },
    );
  }
  if (isFrozen(pid)) {
    throw new TimeskewError(
      "E_FROZEN",
      `pid ${pid} (${command}) is in a frozen cgroup (a paused container?)`,
      {
        pid,
        targetState,
        hint: "thaw it, then try again",
      },
    );
  }
}
