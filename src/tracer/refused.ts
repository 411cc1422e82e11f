/** Why the kernel has answered EPERM to PTRACE_SEIZE, looked up in /proc. */
import { readFileSync } from "node:fs";
import type { ErrorCode } from "../errors.ts";
import {
  accessFacts,
  inPidNamespace,
  securityModuleReason,
  whyNotSuspended,
  whyRefused,
} from "../target/access.ts";
import { type ProcessStatus, parseStatus } from "../target/proc-status.ts";
import { tracerOf } from "./tracer.ts";

export type Cause = readonly [code: ErrorCode, message: string, hint?: string];

/**
 * Its memory was read before, which takes the same right. So what is left is a tracer, the suspension of a seccomp
 * filter, or a thread that is not like its process.
 *
 * @param thread the one that it is about, or 0
 * @param name as in "pid 812 (redis)"
 * @param filtered whether a filter was to be suspended
 */
export function whyNotAttached(
  { pid, status }: { readonly pid: number; readonly status: ProcessStatus },
  thread: number,
  name: string,
  filtered: boolean,
): Cause {
  const tracer = tracerOf(pid, thread);
  if (tracer !== undefined) return ["E_TRACED", `${name} is ${tracer.what}`, tracer.remedy];
  const facts = accessFacts(pid, threadStatus(pid, thread) ?? status);
  const refused = whyRefused(facts, "attach");
  if (refused !== undefined)
    return ["E_PERMISSION", `${name} cannot be attached to: ${refused.reason}`, refused.remedy];
  const suspended = filtered ? whyNotSuspended(facts) : undefined;
  if (suspended !== undefined) {
    return [
      "E_PERMISSION",
      `${name} has a seccomp filter, which we may not suspend: ${suspended.reason}`,
      suspended.remedy,
    ];
  }
  if (inPidNamespace()) {
    return [
      "E_TRACED",
      `${name} seems to be traced by a process outside our pid namespace, which we cannot see`,
      "detach that one first; timeskew outside of the container can name it",
    ];
  }
  return [
    "E_TRACED",
    `${name} could not be attached to: it was being traced (that is over now), or ${securityModuleReason(facts).reason}`,
    "try again; if that does not help, look into the kernel's log: journalctl -k, ausearch -m avc",
  ];
}

function threadStatus(pid: number, thread: number): ProcessStatus | undefined {
  if (thread === 0) return undefined;
  try {
    return parseStatus(readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8"));
  } catch {
    return undefined; // it has exited
  }
}
