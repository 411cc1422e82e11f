/**
 * Carries out plans: one call of the helper each, in which the target is stopped, changed and let go. The result is
 * the helper's report, or a TimeskewError that says what state the target is in.
 */
import { constants } from "node:os";
import { TimeskewError } from "../errors.ts";
import type { PatchPlan } from "../patch/plan.ts";
import { hasSeccomp, type Process } from "../target/process.ts";
import { diagnose } from "./diagnose.ts";
import { decodeReport, encodePlan, REPORT_BYTES, type Report } from "./encode.ts";
import { loadHelper } from "./native.ts";

/** "Not now", from the helper. */
const { EAGAIN } = constants.errno;
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
 * @throws TimeskewError E_GONE, E_PERMISSION
 */
export function writeLive(process: Process, writes: readonly { address: bigint; bytes: Uint8Array }[]): void {
  const { proc, memoryPid, pid, command } = process;
  for (const { address, bytes } of writes) {
    const result = loadHelper().write(proc, memoryPid, address, bytes, bytes.length);
    if (result === 0) continue;
    const permission = result === -1 || result === -13;
    throw new TimeskewError(
      permission ? "E_PERMISSION" : "E_GONE",
      permission
        ? `not permitted to change the settings of pid ${pid} (${command})`
        : `pid ${pid} (${command}) ended while its settings were changed`,
      { pid, targetState: "skewed", ...(permission ? { hint: "run timeskew with sudo" } : {}) },
    );
  }
}
