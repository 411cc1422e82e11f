/**
 * Carries out plans: one call of the helper each, in which the target is stopped, changed and let go. The result is
 * the helper's report, or a TimeskewError that says what state the target is in.
 */
import { constants } from "node:os";
import { TimeskewError } from "../errors.ts";
import type { PatchPlan } from "../patch/plan.ts";
import { hasEnded, hasSeccomp, type Process } from "../target/process.ts";
import { diagnose } from "./diagnose.ts";
import { decodeReport, encodePlan, REPORT_BYTES, type Report } from "./encode.ts";
import { loadHelper } from "./native.ts";
import { isFollowed } from "./tracer.ts";

const { EAGAIN, EPERM, EACCES } = constants.errno;
const DEFAULT_STOP_TIMEOUT_MS = 1000;
/** A thread still in the stub of a tool that died leaves it within microseconds, once it runs. */
const ATTEMPTS = 5;
const PAUSE_BETWEEN_ATTEMPTS_MS = 20;

export interface Execution {
  readonly report: Report;
  /** What the plan's reads brought, one behind the other. */
  readonly output: Uint8Array;
}

/**
 * Makes us the only timeskew at work on this process, until its descriptor is closed.
 *
 * @throws TimeskewError E_BUSY
 */
export function lockProcess({ proc, pid, command }: Process): void {
  const result = loadHelper().lock(proc);
  if (result === 0) return;
  if (result === -EAGAIN) {
    throw new TimeskewError("E_BUSY", `another timeskew is at work on pid ${pid} (${command})`, {
      pid,
      hint: "try again in a moment",
    });
  }
  throw new TimeskewError("E_FAILED", `cannot lock pid ${pid} (${command}): errno ${-result}`, { pid });
}

/** @throws TimeskewError */
export function execute(
  plan: PatchPlan,
  process: Process,
  stopTimeoutMs = DEFAULT_STOP_TIMEOUT_MS,
): Execution {
  const encoded = encodePlan(plan, {
    proc: process.proc,
    memoryPid: process.memoryPid,
    stopTimeoutNs: BigInt(Math.round(stopTimeoutMs * 1e6)),
    seccomp: hasSeccomp(process),
    // Where the main thread has exited, the helper works by the name of another, whose end is reported to no parent.
    followed: isFollowed(process.pid),
    ourChild: process.status.ppid === globalThis.process.pid && process.memoryPid === process.pid,
  });
  const output = new Uint8Array(encoded.outputSize);
  const bytes = new Uint8Array(REPORT_BYTES);
  for (let attempt = 1; ; attempt++) {
    loadHelper().run(encoded.bytes, encoded.bytes.length, output, output.length, bytes);
    const report = decodeReport(bytes);
    if (report.error === 0) return { report, output };
    if (report.error !== EAGAIN || report.stage === "step" || attempt === ATTEMPTS) {
      throw diagnose(report, plan, process, stopTimeoutMs);
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_BETWEEN_ATTEMPTS_MS);
  }
}

/**
 * Writes to a target that runs on.
 *
 * @throws TimeskewError E_GONE, E_PERMISSION, E_FAILED
 */
export function writeLive(process: Process, writes: readonly { address: bigint; bytes: Uint8Array }[]): void {
  const { proc, memoryPid, pid, command } = process;
  for (const { address, bytes } of writes) {
    const result = loadHelper().write(proc, memoryPid, address, bytes, bytes.length);
    if (result === 0) continue;
    const target = `pid ${pid} (${command})`;
    if (result === -EPERM || result === -EACCES) {
      throw new TimeskewError("E_PERMISSION", `not permitted to change the settings of ${target}`, {
        pid,
        targetState: "skewed",
        hint: "run timeskew with sudo",
      });
    }
    if (hasEnded(process))
      throw new TimeskewError("E_GONE", `${target} ended while its settings were changed`, { pid });
    throw new TimeskewError("E_FAILED", `cannot change the settings of ${target}: errno ${-result}`, {
      pid,
      targetState: "skewed",
    });
  }
}
