/**
 * Reads a process's clocks by its own functions, next to the host's.
 */
import { TimeskewError } from "../errors.ts";
import { decodeProbe } from "../patch/params.ts";
import { planProbe } from "../patch/probe.ts";
import { readable } from "../patch/vdso.ts";
import { clockShift } from "../target/timens.ts";
import { execute } from "../tracer/execute.ts";
import type { NowResult, SessionSettings } from "../types.ts";
import { findPages, type Inspection, inspect } from "./inspect.ts";
import { ALL_CLOCKS, compare, readHostClocks } from "./readings.ts";
import { refuseForeign, refuseUnstoppable } from "./refuse.ts";
import { inForceIn, skewIn, stateOf } from "./skew.ts";
import { refuseStarved } from "./starved.ts";

/**
 * Stops one thread of the target for the moment in which it reads every clock.
 *
 * @throws TimeskewError
 */
export async function readClocks(o: { pid: number } & SessionSettings): Promise<NowResult> {
  if (o.pid === globalThis.process.pid) {
    throw new TimeskewError("E_UNSUPPORTED", "a process cannot look at itself", { pid: o.pid });
  }
  using target = inspect(o.pid, { locked: true });
  refuseForeign(target);
  refuseUnstoppable(target);
  const { process, found, vdso, payload, pristineTail } = target;
  const plan = planProbe({
    pid: o.pid,
    vdso,
    payload,
    pages: pagesOf(target),
    wanted: ALL_CLOCKS,
    pristineTail,
  });
  const shift = clockShift(o.pid);
  const before = readHostClocks(shift);
  const { report, output } = execute(plan, process, o.stopTimeoutMs);
  const after = readHostClocks(shift);
  const skew = skewIn(found, shift);
  return {
    pid: o.pid,
    command: process.command,
    state: stateOf(found, skew),
    skew,
    readings: compare(decodeProbe(output), readable(vdso, ALL_CLOCKS), before, after, inForceIn(found)),
    timeShift: shift,
    pauseNs: report.pauseNs,
  };
}

function pagesOf(target: Inspection) {
  const { found } = target;
  if ("mark" in found && found.mark.sites.length > 0) return found;
  refuseStarved(target);
  return { free: findPages(target) };
}
