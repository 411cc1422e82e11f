/**
 * What the tests of diagnose() have in common: reports of the helper, what they are about, and what was told. /proc is a
 * table here, for the refusals that are explained by what stands in it.
 */
import { beforeEach, expect, vi } from "vitest";
import type { ErrorCode, TargetState, TimeskewError } from "../../../src/errors.ts";
import { address } from "../../../src/machine/address.ts";
import type { PatchPlan, Step } from "../../../src/patch/plan.ts";
import type { Process } from "../../../src/target/process.ts";
import { diagnose } from "../../../src/tracer/diagnose.ts";
import type { Report } from "../../../src/tracer/encode.ts";

/** What can be read: the text of each file, or where a link leads, by path. */
const files = vi.hoisted(() => new Map<string, string>());

export { files };

vi.mock("../../../src/target/read.ts", () => ({
  readText: (path: string) => {
    const text = files.get(path);
    if (text === undefined) throw Object.assign(new Error("ENOENT"), { code: "ENOENT" });
    return text;
  },
}));
vi.mock("node:fs", async (importOriginal) => {
  const read = (path: string) => {
    const text = files.get(path);
    if (text === undefined) throw Object.assign(new Error("ENOENT"), { code: "ENOENT" });
    return text;
  };
  const list = (path: string) => {
    const inside = [...files.keys()].filter((name) => name.startsWith(`${path}/`));
    if (inside.length === 0) throw Object.assign(new Error("ENOENT"), { code: "ENOENT" });
    return inside.map((name) => name.slice(path.length + 1).split("/")[0]);
  };
  return {
    ...(await importOriginal<typeof import("node:fs")>()),
    readFileSync: read,
    readdirSync: list,
    readlinkSync: read,
    statSync: (path: string) => ({ uid: Number(read(`owner of ${path}`)) }),
  };
});

export const EPERM = 1;
export const ESRCH = 3;
export const EIO = 5;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EFAULT = 14;
export const EEXIST = 17;
export const EINVAL = 22;
export const ETIMEDOUT = 110;
export const ESTALE = 116;

export const YAMA = "/proc/sys/kernel/yama/ptrace_scope";

export function statusFile(fields: Record<string, string | number>): string {
  return `${Object.entries(fields)
    .map(([name, value]) => `${name}:\t${value}\n`)
    .join("")}`;
}
export const ids = (id: number) => `${id}\t${id}\t${id}\t${id}`;
/** Without capabilities, as uid 1000. */
export const ordinary = statusFile({ Name: "node", Uid: ids(1000), CapEff: "0000000000000000" });
export const privileged = statusFile({ Name: "node", Uid: ids(0), CapEff: "0000000000080000" });
/** CAP_SYS_ADMIN as well. */
export const root = statusFile({ Name: "node", Uid: ids(0), CapEff: "0000000000280000" });

/** What diagnose looks at of a process. */
export function processOf(status: Partial<Process["status"]> = {}): Process {
  const uid = { real: 1000, effective: 1000, saved: 1000, filesystem: 1000 };
  return { pid: 812, command: "redis-server", status: { uid, seccomp: 0, threads: 1, ...status } } as Process;
}

export const STEPS: readonly Step[] = [
  { op: "check", address: address(0n), bytes: new Uint8Array(8), what: "the vDSO is still there" },
  { op: "map", address: address(0n), length: 4096, protection: "r-x", what: "the payload's page" },
  { op: "patch", address: address(0n), old: new Uint8Array(8), new: new Uint8Array(8), what: "a jump" },
  {
    op: "check",
    address: address(0n),
    bytes: new Uint8Array(8),
    what: "the target's clock functions read what was asked for",
  },
];

/** In which state such a plan finds its target, unless told otherwise. */
const BEFORE = { inject: "untouched", extend: "skewed", recover: "skewed", probe: "untouched" } as const;

function planOf(action: PatchPlan["action"], before: PatchPlan["before"] = BEFORE[action]): PatchPlan {
  return {
    pid: 812,
    machine: "x86_64",
    action,
    before,
    stop: "all",
    sleepers: "left",
    stub: { address: address(0n), pristine: new Uint8Array(0) },
    sites: [],
    calls: [],
    steps: STEPS,
  };
}

const OK: Report = {
  error: 0,
  stage: "done",
  step: STEPS.length,
  rollback: "none",
  rollbackError: 0,
  culprit: 0,
  threads: 1,
  movedThreads: 0,
  movedFrames: 0,
  lingering: 0,
  waiting: 0,
  restarted: 0,
  asleep: 0,
  pauseNs: 0n,
};

export function told(
  report: Partial<Report>,
  action: PatchPlan["action"] = "inject",
  process = processOf(),
  before?: PatchPlan["before"],
  steps = STEPS,
): TimeskewError {
  return diagnose({ ...OK, ...report }, { ...planOf(action, before), steps }, process, 1500);
}

export interface Expected {
  code: ErrorCode;
  exitCode: number;
  targetState: TargetState;
  message: string;
  hint?: string | undefined;
}

export function expectTold(error: TimeskewError, expected: Expected): void {
  const { code, exitCode, targetState, message, hint } = error;
  expect({ code, exitCode, targetState, message, hint }).toEqual({ hint: undefined, ...expected });
  expect(error.pid).toBe(812);
}

beforeEach(() => {
  files.clear();
  files.set("/proc/self/status", ordinary);
});

export const NAME = "pid 812 (redis-server)";
export const AGAIN = "try again";
export const SUDO = "run timeskew with sudo";
