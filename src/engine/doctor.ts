/**
 * Looks for whatever would stop an injection here and now, and says what to do about it.
 */
import { TimeskewError } from "../errors.ts";
import { address } from "../machine/address.ts";
import { planRewrites } from "../patch/trampoline.ts";
import { isFrozen } from "../target/frozen.ts";
import { hasSeccomp } from "../target/process.ts";
import { readStatus, tracerOf, yamaScope } from "../tracer/diagnose.ts";
import { loadHelper, loadPayload } from "../tracer/native.ts";
import type { Check, DoctorResult } from "../types.ts";
import { findPages, type Inspection, inspect } from "./inspect.ts";

const CAP_SYS_PTRACE = 19n;
const CAP_SYS_ADMIN = 21n;

/** With a pid: what would stop an injection into that process. Without: into any process of this machine. */
export async function doctor(o: { pid?: number } = {}): Promise<DoctorResult> {
  const checks = [helperCheck(), privilegeCheck(), yamaCheck(), kernelCheck()];
  if (o.pid !== undefined) checks.push(...targetChecks(o.pid));
  return { pid: o.pid, checks };
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

function has(capability: bigint): boolean {
  return (((readStatus("self")?.effectiveCapabilities ?? 0n) >> capability) & 1n) !== 0n;
}

function privilegeCheck(): Check {
  if (has(CAP_SYS_PTRACE)) return ok("privileges", "CAP_SYS_PTRACE: processes of every user");
  return {
    name: "privileges",
    verdict: "warning",
    detail: "no CAP_SYS_PTRACE: only processes of your own",
    remedy: "run timeskew with sudo to skew other users' processes",
  };
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
      if (has(CAP_SYS_PTRACE)) return ok("yama", `ptrace_scope ${scope}: does not restrict us`);
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
    const rewrites = planRewrites(self.vdso, loadPayload(), address(self.vdso.end + 4096n));
    return `this kernel's vDSO can be patched: ${rewrites.map(({ function: fn }) => fn.name).join(", ")}`;
  });
}

function targetChecks(pid: number): Check[] {
  let target: Inspection;
  try {
    target = inspect(pid);
  } catch (error) {
    return [
      attempt(`pid ${pid}`, () => {
        throw error;
      }),
    ];
  }
  using _ = target;
  const { process, found } = target;
  return [
    ok(`pid ${pid}`, `${process.command}: a 64-bit process with ${process.status.threads ?? "?"} threads`),
    stateCheck(found),
    tracerCheck(pid),
    frozenCheck(pid),
    seccompCheck(hasSeccomp(process)),
    ...("mark" in found
      ? []
      : [attempt("address", () => `pages free at 0x${findPages(target).toString(16)}`)]),
  ];
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

function tracerCheck(pid: number): Check {
  const tracer = tracerOf(pid);
  if (tracer === undefined) return ok("tracer", "nobody traces it");
  return { name: "tracer", verdict: "blocked", detail: `traced by ${tracer}`, remedy: "detach it first" };
}

function frozenCheck(pid: number): Check {
  if (!isFrozen(pid)) return ok("freezer", "not frozen");
  return {
    name: "freezer",
    verdict: "blocked",
    detail: "in a frozen cgroup",
    remedy: "thaw it (docker unpause, …)",
  };
}

function seccompCheck(filtered: boolean): Check {
  if (!filtered) return ok("seccomp", "no filter");
  if (has(CAP_SYS_ADMIN)) return ok("seccomp", "has a filter, which we may suspend while it is stopped");
  return {
    name: "seccomp",
    verdict: "blocked",
    detail: "has a filter, which only CAP_SYS_ADMIN may suspend while it is stopped",
    remedy: "run timeskew as root of the host",
  };
}
