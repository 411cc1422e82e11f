/**
 * Looks for whatever would stop an injection here and now, and says what to do about it.
 */
import { TimeskewError } from "../errors.ts";
import { address } from "../machine/address.ts";
import type { Payload } from "../patch/payload.ts";
import { planRewrites } from "../patch/trampoline.ts";
import type { Vdso } from "../patch/vdso.ts";
import { formatDuration } from "../skew/duration.ts";
import { accessFacts, inUserNamespace, whyNotSuspended, yamaScope } from "../target/access.ts";
import { CAP_SYS_PTRACE, hasCapability } from "../target/capabilities.ts";
import { containerOf, unpauseCommand } from "../target/container/of.ts";
import { isFrozen } from "../target/frozen.ts";
import { hasSeccomp, type Process, refuseForeignProc } from "../target/process.ts";
import { clockShift } from "../target/timens.ts";
import { threadsOf } from "../tracer/diagnose.ts";
import { loadHelper, loadPayload } from "../tracer/native.ts";
import { tracerOf } from "../tracer/tracer.ts";
import type { Check, DoctorResult } from "../types.ts";
import { findPages, type Inspection, inspect } from "./inspect.ts";
import { starvation, starvedWords } from "./starved.ts";
import { callsByVdso, waitsByVdso } from "./vsyscall.ts";
import { findWaits } from "./waits.ts";

/**
 * With a pid: what would stop an injection into that process. Without: into any process of this machine.
 *
 * @param o `machine: false` leaves out what concerns every process alike
 */
export async function doctor(o: { pid?: number; machine?: boolean } = {}): Promise<DoctorResult> {
  const { pid, machine = true } = o;
  const general = machine ? [helperCheck(), privilegeCheck(), yamaCheck(), procCheck(), kernelCheck()] : [];
  if (pid === undefined) return { pid, checks: general };
  const { command, checks } = targetChecks(pid);
  return { pid, ...(command !== undefined && { command }), checks: [...general, ...checks] };
}

function ok(name: string, detail: string): Check {
  return { name, verdict: "ok", detail, remedy: undefined };
}

/** A check that fails by throwing. */
function attempt(name: string, act: () => string): Check {
  try {
    return ok(name, act());
  } catch (error) {
    const remedy = error instanceof TimeskewError ? error.hint : undefined;
    return {
      name,
      verdict: "blocked",
      detail: error instanceof Error ? error.message : String(error),
      remedy,
    };
  }
}

function helperCheck(): Check {
  return attempt("helper", () => {
    loadHelper();
    const { bytes } = loadPayload();
    return `loaded, payload of ${bytes.length} bytes`;
  });
}

function mayTraceAll(): boolean {
  return hasCapability(accessFacts(process.pid).own.effectiveCapabilities, CAP_SYS_PTRACE);
}

function privilegeCheck(): Check {
  if (!mayTraceAll()) {
    return {
      name: "privileges",
      verdict: "warning",
      detail: "no CAP_SYS_PTRACE: only processes of your own",
      remedy: "run timeskew with sudo to skew other users' processes",
    };
  }
  if (inUserNamespace()) {
    return {
      name: "privileges",
      verdict: "warning",
      detail: "CAP_SYS_PTRACE in a user namespace: only processes of this namespace",
      remedy: "run timeskew as root of the host to skew processes outside of it",
    };
  }
  return ok("privileges", "CAP_SYS_PTRACE: processes of every user");
}

function procCheck(): Check {
  return attempt("proc", () => {
    refuseForeignProc();
    return "/proc is that of our pid namespace";
  });
}

function yamaCheck(): Check {
  const scope = yamaScope();
  switch (scope) {
    case undefined:
      return ok("yama", "not in this kernel");
    case 0:
      return ok("yama", "ptrace_scope 0: does not restrict ptrace");
    case 3:
      return {
        name: "yama",
        verdict: "blocked",
        detail: "ptrace_scope 3: nobody may use ptrace until the next boot",
        remedy: "set kernel.yama.ptrace_scope in /etc/sysctl.d and boot again",
      };
    default:
      if (mayTraceAll()) return ok("yama", `ptrace_scope ${scope}: does not restrict us`);
      return {
        name: "yama",
        verdict: scope === 1 ? "warning" : "blocked",
        detail: scope === 1 ? "ptrace_scope 1: only children of the tool" : "ptrace_scope 2: only root",
        remedy: "run timeskew with sudo",
      };
  }
}

/** Every process of this kernel has the same vDSO: what can be planned for our own can be planned for all. */
function kernelCheck(): Check {
  return attempt("kernel", () => {
    using self = inspect(process.pid);
    if (self.found.state === "foreign") throw new Error(`timeskew's own vDSO: ${self.found.note}`);
    return `this kernel's ${patchable(self.vdso, self.payload)}`;
  });
}

function targetChecks(pid: number): { command?: string; checks: Check[] } {
  let target: Inspection;
  try {
    target = inspect(pid);
  } catch (error) {
    const check = attempt(`pid ${pid}`, () => {
      throw error;
    });
    return { checks: [check] };
  }
  using _ = target;
  const { process, found, vdso } = target;
  // A live change of the settings stops nobody.
  const verdict = found.state === "skewed" ? "warning" : "blocked";
  const checks = [
    ok(
      `pid ${pid}`,
      `${process.command}: a ${vdso.machine.bits}-bit process with ${process.status.threads ?? "?"} threads`,
    ),
    ...imageCheck(target),
    stateCheck(found),
    tracerCheck(pid, verdict),
    frozenCheck(pid, verdict),
    ...sleepCheck(pid),
    seccompCheck(pid, hasSeccomp(process), verdict),
    ...timeCheck(pid),
    ...("mark" in found
      ? []
      : [
          memoryCheck(pid),
          attempt("address", () => `pages free at 0x${findPages(target).toString(16)}`),
          waitsCheck(target),
        ]),
  ];
  return { command: process.command, checks };
}

/** A 32-bit program has another vDSO than we have, which kernelCheck has looked at. */
function imageCheck({ vdso, payload, found }: Inspection): Check[] {
  if (vdso.machine.bits === 64 || "mark" in found || found.state === "foreign") return [];
  return [attempt("vdso", () => `its ${patchable(vdso, payload)}`)];
}

/** @throws TimeskewError E_VDSO */
function patchable(vdso: Vdso, payload: Payload): string {
  const rewrites = planRewrites(vdso, payload, address(vdso.end + 4096n));
  return `vDSO can be patched: ${rewrites.map(({ function: fn }) => fn.name).join(", ")}`;
}

function stateCheck(found: Inspection["found"]): Check {
  switch (found.state) {
    case "unskewed":
      return ok("skew", "none");
    case "skewed":
      return ok("skew", "skewed already: inject changes its settings without a stop");
    case "foreign":
      return { name: "skew", verdict: "blocked", detail: found.note, remedy: undefined };
    default:
      return {
        name: "skew",
        verdict: "warning",
        detail: found.note ?? found.state,
        remedy: "timeskew recover, or inject, which recovers first",
      };
  }
}

/** What stops a first injection, or a recovery. */
type Obstacle = "warning" | "blocked";

function tracerCheck(pid: number, verdict: Obstacle): Check {
  for (const thread of [0, ...threadsOf(pid).map(({ tid }) => tid)]) {
    const tracer = tracerOf(pid, thread);
    if (tracer !== undefined) return { name: "tracer", verdict, detail: tracer.what, remedy: tracer.remedy };
  }
  return ok("tracer", "nobody traces it");
}

function frozenCheck(pid: number, verdict: Obstacle): Check {
  if (!isFrozen(pid)) return ok("freezer", "not frozen");
  const container = containerOf(pid);
  const paused = container === undefined ? "" : `: ${container.words} is paused`;
  const remedy = (container && unpauseCommand(container)) ?? "thaw it (docker unpause, …)";
  return { name: "freezer", verdict, detail: `in a frozen cgroup${paused}`, remedy };
}

/** It may be over in a moment. */
function sleepCheck(pid: number): Check[] {
  const sleeper = threadsOf(pid).find(({ state }) => state === "D");
  if (sleeper === undefined) return [];
  return [
    {
      name: "threads",
      verdict: "warning",
      detail: `thread ${sleeper.tid} sleeps in the kernel and cannot be stopped meanwhile`,
      remedy: "wait until that is over, or give it longer with --stop-timeout",
    },
  ];
}

function seccompCheck(pid: number, filtered: boolean, verdict: Obstacle): Check {
  if (!filtered) return ok("seccomp", "no filter");
  const refused = whyNotSuspended(accessFacts(pid));
  if (refused === undefined) return ok("seccomp", "has a filter, which we may suspend while it is stopped");
  return {
    name: "seccomp",
    verdict,
    detail: `has a filter, which we may not suspend: ${refused.reason}`,
    remedy: refused.remedy,
  };
}

function timeCheck(pid: number): Check[] {
  const shift = clockShift(pid);
  if (shift === "unknown")
    return [ok("time", "in another time namespace, whose offsets the kernel does not tell")];
  const { monotonic, boottime } = shift;
  if (monotonic === 0n && boottime === 0n) return [];
  const [m, b] = [monotonic, boottime].map(formatDuration);
  return [
    ok("time", `in another time namespace (CLOCK_MONOTONIC ${m}, CLOCK_BOOTTIME ${b}): a skew comes on top`),
  ];
}

/** What is not covered keeps nobody from injecting. */
function waitsCheck({ process, vdso }: Inspection): Check {
  if (callsByVdso(vdso)) return vsyscallCheck(process);
  const { coverage } = findWaits(process, vdso.machine, false);
  const { sites, unproved, unsearched, generatedCode } = coverage;
  const translated = `deadlines are translated at ${sites} places`;
  // Where the call is chosen at run time, it hardly ever is one with a time: glibc has two such places.
  const known = unproved.filter(({ call }) => call !== undefined);
  const missing = [
    ...(known.length > 0 ? [`${known.length} other places cannot be proved safe`] : []),
    ...unsearched.map(({ image, why }) => `${image} ${why}`),
    ...(generatedCode > 0 ? ["code that is generated at run time is not searched"] : []),
  ];
  if (missing.length === 0) return ok("waits", translated);
  return {
    name: "waits",
    verdict: "warning",
    detail: `${translated}; ${missing.join("; ")}`,
    remedy: `timeskew inject --dry-run --json names them`,
  };
}

function vsyscallCheck(process: Process): Check {
  const { unproved } = waitsByVdso(process).coverage;
  const translated = "deadlines are translated in all system calls that are made by the vDSO";
  if (unproved.length === 0) return ok("waits", translated);
  const images = new Set(unproved.map(({ image }) => image));
  return {
    name: "waits",
    verdict: "warning",
    detail: `${translated}; not those by int 0x80, in ${[...images].join(", ")}`,
    remedy: "timeskew inject --dry-run --json names them",
  };
}

function memoryCheck(pid: number): Check {
  const left = starvation(pid);
  if (left === undefined) return ok("memory", "its cgroup has room for our pages");
  return {
    name: "memory",
    verdict: "blocked",
    detail: starvedWords(left),
    remedy: "raise the cgroup's memory limit",
  };
}
