/**
 * Why the kernel keeps us from a process: the conditions of ptrace(2), "Ptrace access mode checking", one by one, with
 * what /proc says about each. The kernel itself only ever answers EPERM.
 */
import { readFileSync, readlinkSync, statSync } from "node:fs";
import { CAP_SYS_ADMIN, CAP_SYS_PTRACE, capabilityNames, hasCapability } from "./capabilities.ts";
import { type Ids, type ProcessStatus, parseStatus } from "./proc.ts";

/** As one clause, and what to do about it. */
export interface Reason {
  readonly reason: string;
  readonly remedy: string;
}

export type Credentials = Pick<
  ProcessStatus,
  "uid" | "gid" | "effectiveCapabilities" | "permittedCapabilities" | "seccomp"
>;

/** Everything that the answer depends on. */
export interface AccessFacts {
  readonly own: Credentials;
  readonly its: Credentials;
  /** Who owns the process's files in /proc: its user, or root if it is not dumpable. */
  readonly filesOwner: number | undefined;
  /** kernel.yama.ptrace_scope; undefined where Yama is not built in. */
  readonly yama: number | undefined;
  /** Whether we are in another user namespace than the host's. */
  readonly inUserNamespace: boolean;
  /** The security modules in force, as far as the kernel tells us. */
  readonly securityModules: readonly string[];
}

/** "look": what /proc shows of a process. "attach": its memory and ptrace, over which Yama has a say as well. */
export type Access = "look" | "attach";

const SUDO = "run timeskew with sudo";
const HOST_ROOT = "run timeskew as root of the host, not in a container or a user namespace";

/** Why this access is refused; undefined if nothing that we know of stands in its way. */
export function whyRefused(facts: AccessFacts, access: Access): Reason | undefined {
  const { own, inUserNamespace, yama } = facts;
  if (access === "attach" && yama === 3) {
    return {
      reason: "Yama forbids ptrace to everybody until the next boot (kernel.yama.ptrace_scope is 3)",
      remedy: "set kernel.yama.ptrace_scope to 1 in /etc/sysctl.d and boot again",
    };
  }
  if (hasCapability(own.effectiveCapabilities, CAP_SYS_PTRACE)) {
    if (!inUserNamespace) return undefined;
    return {
      reason: "it lives outside our user namespace, where our CAP_SYS_PTRACE does not count",
      remedy: HOST_ROOT,
    };
  }
  return (
    yamaReason(facts, access, 2) ??
    ownerReason(facts) ??
    dumpableReason(facts) ??
    capabilityReason(facts, access) ??
    (inUserNamespace
      ? { reason: "it lives in another user namespace", remedy: HOST_ROOT }
      : yamaReason(facts, access, 1))
  );
}

/** What to say when nothing that we know of stands in the way. */
export function securityModuleReason({ securityModules }: AccessFacts): Reason {
  const which = securityModules.length > 0 ? ` (in force: ${securityModules.join(", ")})` : "";
  return {
    reason: `a security module of the kernel forbids it${which}`,
    remedy: "look for the refusal in the kernel's log: journalctl -k, ausearch -m avc",
  };
}

/** Why a seccomp filter of a target cannot be suspended while it is stopped; undefined if it can. */
export function whyNotSuspended({
  own,
  inUserNamespace,
}: Pick<AccessFacts, "own" | "inUserNamespace">): Reason | undefined {
  if (!hasCapability(own.effectiveCapabilities, CAP_SYS_ADMIN) || inUserNamespace) {
    return {
      reason: "that takes CAP_SYS_ADMIN in the host's user namespace",
      remedy: HOST_ROOT,
    };
  }
  if (!own.seccomp) return undefined;
  return {
    reason: "a process that runs under a filter itself, as timeskew does here, may not do that",
    remedy: "run timeskew outside of the sandbox (docker run --security-opt seccomp=unconfined)",
  };
}

/** Root without the capability lives in a container, or was left without it by setpriv and the like. */
function withMorePower(own: Credentials): string {
  return own.uid?.effective === 0
    ? "give timeskew CAP_SYS_PTRACE, which root lacks here (docker run --cap-add SYS_PTRACE)"
    : SUDO;
}

function yamaReason({ yama, own }: AccessFacts, access: Access, scope: number): Reason | undefined {
  if (access !== "attach" || yama !== scope) return undefined;
  return {
    reason:
      scope === 2
        ? "Yama lets only CAP_SYS_PTRACE use ptrace (kernel.yama.ptrace_scope is 2)"
        : "it is not our child, and Yama lets an ordinary user trace only children (kernel.yama.ptrace_scope is 1)",
    remedy: withMorePower(own),
  };
}

/** All three ids of the target must be ours: a program that has put privileges aside is protected, too. */
function ownerReason({ own, its }: AccessFacts): Reason | undefined {
  const remedy = withMorePower(own);
  for (const [kind, ours, theirs] of [
    ["uid", own.uid, its.uid],
    ["gid", own.gid, its.gid],
  ] as const) {
    if (ours === undefined || theirs === undefined || isOurs(ours, theirs)) continue;
    const reason =
      theirs.real === ours.real
        ? `it is privileged: its ${kind} is ours, ${ours.real}, but it runs, or has run, as ${other(ours, theirs)}`
        : `it belongs to ${kind} ${theirs.effective}, and we are ${kind} ${ours.effective}`;
    return { reason, remedy };
  }
  return undefined;
}

function isOurs(ours: Ids, theirs: Ids): boolean {
  return [theirs.real, theirs.effective, theirs.saved].every((id) => id === ours.effective);
}

function other(ours: Ids, { effective, saved }: Ids): string {
  return `${effective !== ours.effective ? effective : saved}`;
}

function dumpableReason({ own, its, filesOwner }: AccessFacts): Reason | undefined {
  if (filesOwner === undefined || its.uid === undefined || filesOwner === its.uid.effective) return undefined;
  return {
    reason:
      "it is not dumpable: it has changed its user, or its file is not readable, or it asked for that (prctl)",
    remedy: withMorePower(own),
  };
}

function capabilityReason({ own, its, inUserNamespace }: AccessFacts, access: Access): Reason | undefined {
  const ours = (access === "look" ? own.effectiveCapabilities : own.permittedCapabilities) ?? 0n;
  const lacking = (its.permittedCapabilities ?? 0n) & ~ours;
  if (lacking === 0n) return undefined;
  const names = capabilityNames(lacking);
  const listed =
    names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");
  const reason = `it has capabilities that we lack: ${listed}`;
  if (!inUserNamespace) return { reason, remedy: withMorePower(own) };
  // Those of a process outside do not count here, and not even its user need be one of ours.
  return { reason: `${reason}; or it lives outside our user namespace`, remedy: HOST_ROOT };
}

/* ---- looking them up ------------------------------------------------------------------------------------------ */

/** What is not known (the process has ended, or /proc hides it) is undefined, and explains nothing. */
export function accessFacts(pid: number, its: Credentials = readCredentials(`${pid}`)): AccessFacts {
  return {
    own: readCredentials("self"),
    its,
    filesOwner: attempt(() => statSync(`/proc/${pid}/stat`).uid),
    yama: yamaScope(),
    inUserNamespace: inUserNamespace(),
    securityModules: securityModules(),
  };
}

function readCredentials(process: string): Credentials {
  const text = attempt(() => readFileSync(`/proc/${process}/status`, "utf8"));
  return parseStatus(text ?? "");
}

/** kernel.yama.ptrace_scope; undefined where Yama is not built in. */
export function yamaScope(): number | undefined {
  const text = attempt(() => readFileSync("/proc/sys/kernel/yama/ptrace_scope", "utf8"));
  return text === undefined ? undefined : Number(text);
}

/** The first namespaces of a kernel have fixed numbers (include/linux/proc_ns.h). */
const HOST_USER_NAMESPACE = "user:[4026531837]";
const HOST_PID_NAMESPACE = "pid:[4026531836]";

/** Whether we are in another user namespace than the host's: root there is not root. */
export function inUserNamespace(): boolean {
  return (attempt(() => readlinkSync("/proc/self/ns/user")) ?? HOST_USER_NAMESPACE) !== HOST_USER_NAMESPACE;
}

/** Whether there are processes that we cannot see. */
export function inPidNamespace(): boolean {
  return (attempt(() => readlinkSync("/proc/self/ns/pid")) ?? HOST_PID_NAMESPACE) !== HOST_PID_NAMESPACE;
}

/** Those that have a say in ptrace. */
const PTRACE_MODULES = ["selinux", "apparmor", "smack", "landlock", "bpf"];

function securityModules(): string[] {
  const text = attempt(() => readFileSync("/sys/kernel/security/lsm", "utf8")) ?? "";
  return text
    .trim()
    .split(",")
    .filter((name) => PTRACE_MODULES.includes(name));
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}
