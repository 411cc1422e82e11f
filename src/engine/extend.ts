/**
 * Translates the waits of code that a skewed process has mapped since it was skewed.
 */
import { planExtension } from "../patch/extend.ts";
import { DURATIONS, LEFT_ALONE } from "../patch/params.ts";
import { hasSeccomp } from "../target/process.ts";
import { execute } from "../tracer/execute.ts";
import type { SessionSettings } from "../types.ts";
import { inspect, windowReader } from "./inspect.ts";
import { refuseUnstoppable } from "./refuse.ts";
import { refuseStarved } from "./starved.ts";
import { callsByVdso } from "./vsyscall.ts";
import { findWaits } from "./waits.ts";

/**
 * @returns how many places were added where system calls are translated: 0 for a process that is not skewed, or whose
 *   waits are left alone, or that has mapped nothing new
 * @throws TimeskewError; the process stays skewed as it was
 */
export function extendWaits(pid: number, o: SessionSettings = {}): number {
  using target = inspect(pid, { locked: true });
  const { process, found, vdso, pristineTail } = target;
  if (found.state !== "skewed" || (found.flags & LEFT_ALONE) !== 0n || callsByVdso(vdso)) return 0;
  refuseUnstoppable(target);
  const durations = (found.flags & DURATIONS) !== 0n;
  // At those that are ours already stands our jump, which is not what their file has.
  const { sites } = findWaits(process, vdso.machine, durations);
  if (sites.length === 0) return 0;
  const plan = planExtension({
    pid,
    vdso,
    found,
    pristineTail,
    calls: {
      sites,
      maps: process.maps,
      read: windowReader(process),
      durations,
      filtered: hasSeccomp(process),
    },
  });
  if (plan.calls.length === 0) return 0;
  refuseStarved(target, plan);
  execute(plan, process, o.stopTimeoutMs);
  return plan.calls.length;
}
