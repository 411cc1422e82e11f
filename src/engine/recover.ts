/**
 * Takes a skew back, from nothing but what is found in the target.
 */
import { TimeskewError } from "../errors.ts";
import type { Found } from "../patch/find.ts";
import { planClearing, planRecovery } from "../patch/recover.ts";
import { execute } from "../tracer/execute.ts";
import type { RecoverResult, SessionSettings } from "../types.ts";
import { refuseForeign, refuseUnstoppable } from "./inject.ts";
import { type Inspection, inspect } from "./inspect.ts";
import { refuseBackward } from "./monotonic.ts";
import { appliedIn, skewIn } from "./skew.ts";

const NONE = { mask: 0n, offset: 0n };

type Recovery = { pid: number; allowBackwardMonotonic?: boolean } & SessionSettings;

/** Pages of several runs may lie in one process: of the skew in force, and of runs that died or left stragglers. */
const MOST_PAGES = 8;

/**
 * Gives a process its true clock back. A process that is not skewed is a success, too ("nothing").
 *
 * @throws TimeskewError; `targetState` says what became of the process
 */
export async function recover(o: Recovery): Promise<RecoverResult> {
  const first = recoverOne(o);
  for (
    let last = first, i = 1;
    last.action !== "nothing" && last.state !== "lingering" && i < MOST_PAGES;
    i++
  ) {
    const next = recoverNext(o);
    if (next === undefined) break;
    last = next;
    if (last.state === "lingering")
      return { ...first, state: last.state, lingeringThreads: last.lingeringThreads };
  }
  return first;
}

/** After a recovery: undefined if what is left is not ours (a forged mark had us write it). */
function recoverNext(o: Recovery): RecoverResult | undefined {
  try {
    return recoverOne(o);
  } catch (error) {
    if (error instanceof TimeskewError && error.code === "E_FOREIGN_PATCH") return undefined;
    throw error;
  }
}

function recoverOne(o: Recovery): RecoverResult {
  using target = inspect(o.pid, { locked: true });
  const { process, found, vdso, pristineTail } = target;
  refuseForeign(target);
  if (found.state === "unskewed")
    return resultOf(target, "nothing", { pauseNs: 0n, threads: 0, asleep: 0, lingering: 0 });
  if (!o.allowBackwardMonotonic) refuseBackward(o.pid, appliedIn(found), NONE);
  refuseUnstoppable(target);
  const input = { pid: o.pid, vdso, pristineTail };
  const plan = "mark" in found ? planRecovery({ ...input, found }) : planClearing(input);
  const { report } = execute(plan, process, o.stopTimeoutMs);
  return resultOf(target, actionOf(found), report);
}

function actionOf(found: Found): "recovered" | "cleaned" {
  return found.state === "skewed" ? "recovered" : "cleaned";
}

function resultOf(
  { process: { pid, command }, found }: Inspection,
  action: RecoverResult["action"],
  report: { pauseNs: bigint; threads: number; asleep: number; lingering: number },
): RecoverResult {
  return {
    pid,
    command,
    state: report.lingering > 0 ? "lingering" : "unskewed",
    action,
    skew: skewIn(found),
    pauseNs: report.pauseNs,
    threads: report.threads,
    asleepThreads: report.asleep,
    lingeringThreads: report.lingering,
  };
}
