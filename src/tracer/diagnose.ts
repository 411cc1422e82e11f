/**
 * Turns the helper's numbers into words: what happened, to which process, in which state it is now, what to do next.
 * A refusal by the kernel is explained by its cause, looked up in /proc, not by its errno.
 */
import { readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { type ErrorCode, type TargetState, TimeskewError } from "../errors.ts";
import type { PatchPlan } from "../patch/plan.ts";
import { frozenReason, isFrozen } from "../target/frozen.ts";
import { findMapping, parseMaps, parseStat } from "../target/proc.ts";
import { hasEnded, hasSeccomp, type Process } from "../target/process.ts";
import type { Report } from "./encode.ts";
import { type Cause, whyNotAttached } from "./refused.ts";
import { explainNoRoom } from "./room.ts";

const { EPERM, ESRCH, EAGAIN, ENOMEM, EFAULT, EEXIST, ECANCELED, EINVAL, ETIMEDOUT, ESTALE } =
  constants.errno;

export function diagnose(
  report: Report,
  plan: PatchPlan,
  process: Process,
  stopTimeoutMs: number,
): TimeskewError {
  const name = `pid ${process.pid} (${process.command})`;
  const fate = fateOf(report, process);
  const [code, message, hint] =
    lost(fate, name) ?? changed(report, plan, name) ?? causeOf(report, plan, process, stopTimeoutMs, name);
  return new TimeskewError(code, message, {
    pid: process.pid,
    targetState: stateAfter(report, plan, code, fate),
    ...(hint === undefined ? {} : { hint }),
  });
}

/** How long a process that was killed may take to end. */
const ENDING_MS = 200;
const LOOK_EVERY_MS = 5;

type Fate = "lives" | "ended" | "replaced";

/**
 * "No such process" is said of a thread: it has exited, or another one has called execve. What became of its process
 * is looked up, not concluded.
 */
function fateOf(report: Report, process: Process): Fate {
  return report.error === ESRCH || report.rollbackError === ESRCH ? awaitFate(process) : "lives";
}

/** A process whose memory cannot be read any more is about to end, or to become another program; undefined if neither. */
export function lostTarget(process: Process): TimeskewError | undefined {
  const cause = lost(awaitFate(process), `pid ${process.pid} (${process.command})`);
  if (cause === undefined) return undefined;
  const [code, message, hint] = cause;
  return new TimeskewError(code, message, { pid: process.pid, ...(hint !== undefined && { hint }) });
}

function awaitFate(process: Process): Fate {
  for (let waited = 0; waited < ENDING_MS; waited += LOOK_EVERY_MS) {
    if (hasEnded(process)) return "ended";
    if (isReplaced(process)) return "replaced";
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_EVERY_MS);
  }
  return "lives";
}

/** Another program has its vDSO at another address; a process that is about to end has nothing mapped any more. */
function isReplaced({ pid, memoryPid, vdso }: Process): boolean {
  const maps = tryRead(memoryPid === pid ? `/proc/${pid}/maps` : `/proc/${pid}/task/${memoryPid}/maps`);
  if (maps === undefined || maps === "") return false;
  return findMapping(parseMaps(maps), "[vdso]")?.start !== vdso.start;
}

function lost(fate: Fate, name: string): Cause | undefined {
  switch (fate) {
    case "lives":
      return undefined;
    case "ended":
      return ["E_GONE", `${name} ended while we worked on it`];
    case "replaced":
      return ["E_BUSY", `${name} became another program while we worked on it`, "try again"];
  }
}

/** A roll back that failed outweighs whatever it was for. */
function changed(report: Report, plan: PatchPlan, name: string): Cause | undefined {
  if (report.stage === "finish") {
    return [
      "E_CHANGED",
      `${name}: all is done, but the unused end of its vDSO could not be put back (${errno(report.error)})`,
      `it does no harm; timeskew status --pid ${plan.pid} shows the rest`,
    ];
  }
  if (report.error === ECANCELED) {
    return [
      "E_CHANGED",
      `${name}: the process that worked on it for us was killed`,
      `look with: timeskew status --pid ${plan.pid}; then: timeskew recover --pid ${plan.pid}`,
    ];
  }
  if (isCommitted(report)) {
    return [
      "E_CHANGED",
      `${whatFailed(report, plan, name)}: its clocks are true again, but our pages are still there`,
      `they do no harm; try again: timeskew recover --pid ${plan.pid}`,
    ];
  }
  if (report.rollback !== "failed") return undefined;
  return [
    "E_CHANGED",
    `${whatFailed(report, plan, name)}, and undoing the steps before it failed too (${errno(report.rollbackError)})`,
    `look with: timeskew status --pid ${plan.pid}; then: timeskew recover --pid ${plan.pid}`,
  ];
}

/** Behind a recovery's drain nothing is rolled back: the vDSO is restored by then, only our pages are left. */
function isCommitted({ stage, rollback }: Report): boolean {
  return stage === "step" && rollback === "none";
}

function stateAfter(report: Report, plan: PatchPlan, code: ErrorCode, fate: Fate): TargetState {
  if (report.stage === "finish") return stateWhenDone(plan);
  if (code === "E_CHANGED") return "partial";
  // Of what was there before the end, or before another program took the place, nothing is left.
  if (fate !== "lives" && plan.before !== "untouched") return "untouched";
  if (report.stage !== "step") return plan.before;
  if (isNewProgram(report, plan)) return "untouched";
  return plan.before === "untouched" ? "restored" : plan.before;
}

/** All steps are done, but the vDSO's unused end is not what it was. A probe leaves what it found. */
function stateWhenDone({ action, before }: PatchPlan): TargetState {
  if (action === "inject") return "skewed";
  return action === "probe" && before === "skewed" ? "skewed" : "partial";
}

function causeOf(
  report: Report,
  plan: PatchPlan,
  process: Process,
  stopTimeoutMs: number,
  name: string,
): Cause {
  if (report.error === ESRCH)
    return ["E_BUSY", `a thread of ${name} ended while we worked on it`, "try again"];
  switch (report.stage) {
    case "seize":
      return refusedToSeize(report, process, name);
    case "stop":
      return didNotStop(report, plan, process, stopTimeoutMs, name);
    case "step":
      return stepFailed(report, plan, process, name);
    case "begin":
      return [
        "E_FAILED",
        `timeskew itself cannot begin to work on ${name}: ${errno(report.error)}`,
        "try again",
      ];
    default:
      return ["E_INTERNAL", `the helper refused the plan for ${name} (${errno(report.error)})`];
  }
}

function refusedToSeize(report: Report, process: Process, name: string): Cause {
  if (report.error === EINVAL && hasSeccomp(process)) {
    return [
      "E_UNSUPPORTED",
      `${name} has a seccomp filter, which this kernel cannot suspend`,
      "that takes a kernel with CONFIG_CHECKPOINT_RESTORE",
    ];
  }
  if (report.error !== EPERM) return ["E_FAILED", `cannot attach to ${name}: ${errno(report.error)}`];
  return whyNotAttached(process, report.culprit, name, hasSeccomp(process));
}

/** By the state of the thread. */
const WHY_NOT_STOPPED: Readonly<Record<string, string>> = {
  D: " (it sleeps in the kernel and cannot be interrupted)",
  R: " (it got no processor meanwhile: a busy machine, or the CPU limit of its cgroup)",
};

function didNotStop(
  report: Report,
  plan: PatchPlan,
  process: Process,
  stopTimeoutMs: number,
  name: string,
): Cause {
  if (report.error === EAGAIN)
    return ["E_BUSY", `thread ${report.culprit} of ${name} still runs for a timeskew that died`, "try again"];
  if (report.error === EINVAL) {
    const where =
      plan.machine === "i386" ? "64-bit code in a 32-bit process" : "32-bit code in a 64-bit process";
    return ["E_UNSUPPORTED", `thread ${report.culprit} of ${name} runs ${where}`];
  }
  if (report.error !== ETIMEDOUT) return ["E_FAILED", `cannot stop ${name}: ${errno(report.error)}`];
  if (isFrozen(process.pid)) {
    const { message, hint } = frozenReason(process.pid, name);
    return ["E_FROZEN", message, hint];
  }
  const state = threadState(process.pid, report.culprit);
  const why = WHY_NOT_STOPPED[state ?? ""] ?? "";
  return [
    "E_STOP_TIMEOUT",
    `thread ${report.culprit} of ${name} did not stop within ${stopTimeoutMs} ms${why}`,
    "try again, or give it longer with --stop-timeout",
  ];
}

function stepFailed(report: Report, plan: PatchPlan, process: Process, name: string): Cause {
  const step = plan.steps[report.step];
  const failed = whatFailed(report, plan, name);
  if (report.error === ESTALE && step?.op === "check" && step.what.includes("clock functions")) {
    return ["E_STEP", `${name}: after the patch its clock functions did not read what was asked for`];
  }
  if (report.error === ESTALE || report.error === EEXIST || isNewProgram(report, plan)) {
    return [
      "E_BUSY",
      `${failed}: it changed while we prepared (a new program, or new mappings)`,
      "try again",
    ];
  }
  // EAGAIN is what mmap answers where everything is locked (mlockall), and no more may be.
  if ((report.error === ENOMEM || report.error === EAGAIN) && step?.op === "map") {
    const { why, hint } = explainNoRoom(process.pid, step.length) ?? {
      why: "the kernel has no memory for it",
      hint: "its memory may be limited by a cgroup (memory.max) or by vm.overcommit_memory",
    };
    return ["E_STEP", `${name} has no room for ${step.length} bytes: ${why}`, hint];
  }
  if (report.error === EFAULT && step?.op === "call") {
    return [
      "E_UNSUPPORTED",
      `${name}: its own clock functions crash when they are called`,
      whyTheyCrash(process),
    ];
  }
  if (report.error === ETIMEDOUT) {
    if (isFrozen(process.pid))
      return [
        "E_FROZEN",
        `${failed}: its cgroup was frozen meanwhile (a paused container?)`,
        "thaw it, then try again",
      ];
    return [
      "E_STOP_TIMEOUT",
      `${failed}: the thread that was to do it did not get that far in time`,
      "try again, when it gets more processor time",
    ];
  }
  return ["E_STEP", failed];
}

/** The vDSO is not where it was: the process runs another program by now, in which nothing of ours ever was. */
function isNewProgram({ error, step }: Report, { steps }: PatchPlan): boolean {
  const failed = steps[step];
  return step === 0 && failed?.op === "check" && (error === EFAULT || error === ESTALE);
}

function whyTheyCrash({ status }: Process): string {
  if (status.seccomp === 1)
    return "seccomp's strict mode has taken the time stamp counter away from it, which the clocks are read from";
  return "it may have lost the time stamp counter (PR_SET_TSC), or the kernel's data behind the vDSO ([vvar])";
}

function whatFailed(report: Report, plan: PatchPlan, name: string): string {
  const step = plan.steps[report.step];
  return `${name}: step ${report.step + 1} of ${plan.steps.length} (${step?.op}: ${step?.what}) failed with ${errno(report.error)}`;
}

/** The threads of a process, with their states ("D": asleep in the kernel, uninterruptibly). */
export function threadsOf(pid: number): { tid: number; state: string | undefined }[] {
  let names: string[] = [];
  try {
    names = readdirSync(`/proc/${pid}/task`);
  } catch {
    // It has ended.
  }
  return names.map(Number).map((tid) => ({ tid, state: threadState(pid, tid) }));
}

function threadState(pid: number, thread: number): string | undefined {
  const text = tryRead(`/proc/${pid}/task/${thread}/stat`);
  return text === undefined ? undefined : parseStat(text).state;
}

function tryRead(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // gone, or not for us: then it explains nothing
  }
}

function errno(number: number): string {
  // os.constants and not getSystemErrorName: libuv has no name for ESTALE.
  return Object.entries(constants.errno).find(([, value]) => value === number)?.[0] ?? `errno ${number}`;
}
