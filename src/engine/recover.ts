/**
 * Takes a skew back, from nothing but what is found in the target.
 */
import { TimeskewError } from "../errors.ts";
import type { Address } from "../machine/address.ts";
import type { Found } from "../patch/find.ts";
import type { PatchPlan } from "../patch/plan.ts";
import { planClearing, planRecovery } from "../patch/recover.ts";
import { clockShift } from "../target/timens.ts";
import type { Report } from "../tracer/encode.ts";
import { execute } from "../tracer/execute.ts";
import type { RecoverResult, RecoverSettings, SessionSettings, SkewState } from "../types.ts";
import { glide } from "./glide.ts";
import { type Inspection, inspect, windowReader } from "./inspect.ts";
import { NONE, refuseBackward } from "./monotonic.ts";
import { refuseForeign, refuseUnstoppable } from "./refuse.ts";
import { appliedIn, inForceIn, nowIn, skewIn } from "./skew.ts";
import { isOthers, type Whose } from "./whose.ts";

const NOBODY = { pauseNs: 0n, threads: 0, asleep: 0, lingering: 0, waiting: 0 };

type Recovery = { pid: number } & RecoverSettings & SessionSettings & Whose;

/**
 * Pages of several runs may lie in one process: of the skew in force, and of runs that died, or left pages to threads that
 * wait. More of them than this were not all made by us.
 */
const MOST_SETS = 256;

/**
 * Gives a process its true clock back. A process that is not skewed is a success, too ("nothing"), and so is one with
 * another skew than those that are meant, which is left alone.
 *
 * @throws TimeskewError; `targetState` says what became of the process
 */
export async function recover(o: Recovery): Promise<RecoverResult> {
  const gliding = o.glide === undefined ? undefined : glide({ ...o, over: o.glide });
  if (gliding !== undefined) return gliding;
  const known = new Set<Address>();
  const first = recoverOne(o, known, OURS);
  const all = [first, ...(first.action === "nothing" ? [] : leftBehind(o, first, known))];
  const count = (of: "lingeringThreads" | "waitingThreads") => all.reduce((sum, each) => sum + each[of], 0);
  const left = all.length > MOST_SETS || all.some(({ state }) => state === "lingering");
  return {
    ...first,
    state: left ? "lingering" : "unskewed",
    lingeringThreads: count("lingeringThreads"),
    waitingThreads: count("waitingThreads"),
  };
}

/** A look at what is left that fails does not undo what was done before it. */
function leftBehind(o: Recovery, { state }: RecoverResult, known: Set<Address>): RecoverResult[] {
  try {
    return cleanUp(o, MOST_SETS, known);
  } catch (error) {
    if (!(error instanceof TimeskewError) || error.targetState !== "untouched") throw error;
    const { code, message, pid, hint } = error;
    throw new TimeskewError(code, `its clocks are true again, but: ${message}`, {
      targetState: state === "unskewed" ? "restored" : "partial",
      cause: error,
      ...(pid !== undefined && { pid }),
      ...(hint !== undefined && { hint }),
    });
  }
}

/** What runs of ours have left in a process that is not skewed; `known` gathers what cannot be removed yet. */
export function cleanUp(o: Recovery, most = MOST_SETS, known = new Set<Address>()): RecoverResult[] {
  const results: RecoverResult[] = [];
  while (results.length < most) {
    const next = recoverLeftovers(o, known);
    if (next === undefined || next.action === "nothing") break;
    results.push(next);
  }
  return results;
}

const OURS: readonly SkewState[] = ["skewed", "partial", "unused", "lingering"];
const LEFTOVERS: readonly SkewState[] = ["partial", "unused", "lingering"];

/** Undefined if what is left is not ours (a forged mark had us write it). */
function recoverLeftovers(o: Recovery, known: Set<Address>): RecoverResult | undefined {
  try {
    return recoverOne(o, known, LEFTOVERS);
  } catch (error) {
    if (error instanceof TimeskewError && error.code === "E_FOREIGN_PATCH") return undefined;
    throw error;
  }
}

function recoverOne(o: Recovery, known: Set<Address>, states: readonly SkewState[]): RecoverResult {
  using target = inspect(o.pid, { locked: true, known });
  const { process, found } = target;
  refuseForeign(target);
  if (!states.includes(found.state) || isOthers(target, o)) return resultOf(target, "nothing", NOBODY);
  if (!o.allowBackwardMonotonic) refuseStepBack(target);
  refuseUnstoppable(target);
  const { report } = execute(recoveryOf(target), process, o.stopTimeoutMs);
  if (report.lingering > 0 && "mark" in found) known.add(found.mark.code.address);
  return resultOf(target, actionOf(found), report);
}

function refuseStepBack({ process: { pid }, found }: Inspection): void {
  const inForce = inForceIn(found);
  const now = nowIn(clockShift(pid), inForce);
  refuseBackward(
    pid,
    appliedIn(inForce, now),
    NONE,
    "use --glide, which slows it until the true clock has caught up",
  );
}

/** What takes back whatever was found in a target. */
function recoveryOf({ process, found, vdso, pristineTail }: Inspection): PatchPlan {
  const input = { pid: process.pid, vdso, pristineTail };
  return "mark" in found
    ? planRecovery({ ...input, found, read: windowReader(process) })
    : planClearing(input);
}

function actionOf(found: Found): "recovered" | "cleaned" {
  return found.state === "skewed" ? "recovered" : "cleaned";
}

function resultOf(
  { process: { pid, command }, found }: Inspection,
  action: RecoverResult["action"],
  report: Pick<Report, "pauseNs" | "threads" | "asleep" | "lingering" | "waiting">,
): RecoverResult {
  return {
    pid,
    command,
    state: report.lingering > 0 ? "lingering" : "unskewed",
    action,
    skew: skewIn(found, clockShift(pid)),
    pauseNs: report.pauseNs,
    threads: report.threads,
    asleepThreads: report.asleep,
    lingeringThreads: report.lingering,
    waitingThreads: report.waiting,
  };
}
