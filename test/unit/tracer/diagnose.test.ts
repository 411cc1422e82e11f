/**
 * From the helper's numbers to an error: its code, exit code, the target's state, and what to do next. /proc is a table
 * here, for the refusals that are explained by what stands in it.
 */
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { ErrorCode, TargetState, TimeskewError } from "../../../src/errors.ts";
import { address } from "../../../src/machine/address.ts";
import type { PatchPlan, Step } from "../../../src/patch/plan.ts";
import type { Process } from "../../../src/target/process.ts";
import { diagnose } from "../../../src/tracer/diagnose.ts";
import type { Report } from "../../../src/tracer/encode.ts";

const files = vi.hoisted(() => new Map<string, string>());
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

const EPERM = 1;
const ESRCH = 3;
const EIO = 5;
const EAGAIN = 11;
const ENOMEM = 12;
const EFAULT = 14;
const EEXIST = 17;
const EINVAL = 22;
const ETIMEDOUT = 110;
const ESTALE = 116;

const YAMA = "/proc/sys/kernel/yama/ptrace_scope";

function statusFile(fields: Record<string, string | number>): string {
  return `${Object.entries(fields)
    .map(([name, value]) => `${name}:\t${value}\n`)
    .join("")}`;
}
const ids = (id: number) => `${id}\t${id}\t${id}\t${id}`;
/** Without capabilities, as uid 1000. */
const ordinary = statusFile({ Name: "node", Uid: ids(1000), CapEff: "0000000000000000" });
const privileged = statusFile({ Name: "node", Uid: ids(0), CapEff: "0000000000080000" });
/** CAP_SYS_ADMIN as well. */
const root = statusFile({ Name: "node", Uid: ids(0), CapEff: "0000000000280000" });

/** What diagnose looks at of a process. */
function processOf(status: Partial<Process["status"]> = {}): Process {
  const uid = { real: 1000, effective: 1000, saved: 1000, filesystem: 1000 };
  return { pid: 812, command: "redis-server", status: { uid, seccomp: 0, threads: 1, ...status } } as Process;
}

const STEPS: readonly Step[] = [
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

function told(
  report: Partial<Report>,
  action: PatchPlan["action"] = "inject",
  process = processOf(),
  before?: PatchPlan["before"],
): TimeskewError {
  return diagnose({ ...OK, ...report }, planOf(action, before), process, 1500);
}

interface Expected {
  code: ErrorCode;
  exitCode: number;
  targetState: TargetState;
  message: string;
  hint?: string | undefined;
}

function expectTold(error: TimeskewError, expected: Expected): void {
  const { code, exitCode, targetState, message, hint } = error;
  expect({ code, exitCode, targetState, message, hint }).toEqual({ hint: undefined, ...expected });
  expect(error.pid).toBe(812);
}

beforeEach(() => {
  files.clear();
  files.set("/proc/self/status", ordinary);
});

const NAME = "pid 812 (redis-server)";
const AGAIN = "try again";
const SUDO = "run timeskew with sudo";

describe("there was no room for our pages", () => {
  const LIMITS = {
    "Max address space": 1_000_000,
    "Max data size": 500_000,
    "Max locked memory": "unlimited",
  };
  const USED = { Name: "redis", VmSize: "976 kB", VmData: "100 kB", VmLck: "0 kB" };

  function limits(soft: Readonly<Record<string, number | string>>): string {
    const rows = Object.entries(soft).map(
      ([name, limit]) => `${name.padEnd(26)}${String(limit).padEnd(21)}unlimited            bytes     `,
    );
    return ["Limit                     Soft Limit           Hard Limit           Units     ", ...rows].join(
      "\n",
    );
  }

  function because(error: number): { message: string; hint: string | undefined } {
    const { code, message, hint } = told({ stage: "step", step: 1, error, rollback: "done" });
    expect(code).toBe("E_STEP");
    return { message: message.replace(`${NAME} has no room for 4096 bytes: `, ""), hint };
  }

  beforeEach(() => {
    files.set("/proc/812/limits", limits(LIMITS));
    files.set("/proc/812/status", statusFile(USED));
    files.set("/proc/sys/vm/max_map_count", "3\n");
    files.set("/proc/812/maps", "a\nb\n0-1 --xp 0 00:00 0 [vsyscall]\n");
  });

  it("since the address space is limited", () => {
    expect(because(ENOMEM)).toEqual({
      message: "it has 999424 bytes of address space, and its limit is 1000000 (ulimit)",
      hint: "raise the limit, then try again: prlimit --pid 812 --as=1064960:",
    });
  });

  it("since its data are limited", () => {
    files.set(
      "/proc/812/limits",
      limits({ ...LIMITS, "Max address space": "unlimited", "Max data size": 102_400 }),
    );
    expect(because(ENOMEM).hint).toContain("--data=167936:");
  });

  it("since it locks all its memory", () => {
    files.set("/proc/812/limits", limits({ "Max locked memory": 65_536 }));
    files.set("/proc/812/status", statusFile({ ...USED, VmLck: "64 kB" }));
    expect(because(EAGAIN).message).toBe(
      "it has 65536 bytes of locked memory, and its limit is 65536 (ulimit)",
    );
  });

  it("since it has as many mappings as there may be", () => {
    files.set("/proc/812/maps", "a\nb\nc\n");
    expect(because(ENOMEM)).toEqual({
      message: "it has 3 mappings, as many as the kernel allows it",
      hint: "raise the limit, then try again: sysctl -w vm.max_map_count=6",
    });
  });

  it("for no reason that its limits tell", () => {
    files.set("/proc/812/limits", limits({ "Max locked memory": 100 }));
    expect(because(ENOMEM).message).toBe("the kernel has no memory for it");
  });
});

describe("a step failed", () => {
  const failed = (step: number, error: number, rest: Partial<Report> = {}): Partial<Report> => ({
    stage: "step",
    step,
    error,
    rollback: "done",
    ...rest,
  });

  it.each<[string, Partial<Report>, Expected]>([
    [
      "and was rolled back",
      failed(2, EIO),
      {
        code: "E_STEP",
        exitCode: 1,
        targetState: "restored",
        message: `${NAME}: step 3 of 4 (patch: a jump) failed with EIO`,
      },
    ],
    [
      "since something is mapped there",
      failed(1, EEXIST),
      {
        code: "E_BUSY",
        exitCode: 6,
        targetState: "restored",
        message: `${NAME}: step 2 of 4 (map: the payload's page) failed with EEXIST: it changed while we prepared (a new program, or new mappings)`,
        hint: AGAIN,
      },
    ],
    [
      "since the clocks read something else",
      failed(3, ESTALE),
      {
        code: "E_STEP",
        exitCode: 1,
        targetState: "restored",
        message: `${NAME}: after the patch its clock functions did not read what was asked for`,
      },
    ],
    [
      "since there is no memory",
      failed(1, ENOMEM),
      {
        code: "E_STEP",
        exitCode: 1,
        targetState: "restored",
        message: `${NAME} has no room for 4096 bytes: the kernel has no memory for it`,
        hint: "its memory may be limited by a cgroup (memory.max) or by vm.overcommit_memory",
      },
    ],
    [
      "since the target ended",
      failed(2, ESRCH),
      {
        code: "E_GONE",
        exitCode: 3,
        targetState: "restored",
        message: `${NAME} ended while we worked on it`,
      },
    ],
    [
      "and the roll back, too",
      failed(2, EIO, { rollback: "failed", rollbackError: EPERM }),
      {
        code: "E_CHANGED",
        exitCode: 8,
        targetState: "partial",
        message: `${NAME}: step 3 of 4 (patch: a jump) failed with EIO, and undoing the steps before it failed too (EPERM)`,
        hint: "look with: timeskew status --pid 812; then: timeskew recover --pid 812",
      },
    ],
  ])("of an injection, %s", (_, report, expected) => {
    expectTold(told(report), expected);
  });

  it("since the target is another program now", () => {
    // Node's own names are libuv's, which has none for ESTALE.
    expectTold(told(failed(0, ESTALE)), {
      code: "E_BUSY",
      exitCode: 6,
      targetState: "untouched",
      message: `${NAME}: step 1 of 4 (check: the vDSO is still there) failed with ESTALE: it changed while we prepared (a new program, or new mappings)`,
      hint: AGAIN,
    });
  });

  it.each(["inject", "recover"] as const)("since the memory is gone, with another program: %s", (action) => {
    expect(told(failed(0, EFAULT), action)).toMatchObject({
      code: "E_BUSY",
      targetState: "untouched",
      hint: AGAIN,
    });
  });

  it("since its own clock functions crash", () => {
    const process = processOf({ seccomp: 1 });
    const call: Step = {
      op: "call",
      address: address(0n),
      argument: address(0n),
      stack: address(0n),
      what: "a call",
    };
    const plan = { ...planOf("inject"), steps: [call] };
    const { code, targetState, hint } = diagnose({ ...OK, ...failed(0, EFAULT) }, plan, process, 1500);
    expect({ code, targetState, hint }).toEqual({
      code: "E_UNSUPPORTED",
      targetState: "restored",
      hint: expect.stringMatching(/strict mode/),
    });
  });

  it.each<[string, string, Partial<Expected>]>([
    [
      "since the thread that was to do it got no processor",
      "populated 1\nfrozen 0\n",
      {
        code: "E_STOP_TIMEOUT",
        message: `${NAME}: step 2 of 4 (map: the payload's page) failed with ETIMEDOUT: the thread that was to do it did not get that far in time`,
        hint: "try again, when it gets more processor time",
      },
    ],
    [
      "since its cgroup was frozen",
      "populated 1\nfrozen 1\n",
      {
        code: "E_FROZEN",
        message: `${NAME}: step 2 of 4 (map: the payload's page) failed with ETIMEDOUT: its cgroup was frozen meanwhile (a paused container?)`,
        hint: "thaw it, then try again",
      },
    ],
  ])("in time, %s", (_, events, expected) => {
    files.set("/proc/812/cgroup", "0::/docker/x\n");
    files.set("/sys/fs/cgroup/docker/x/cgroup.events", events);
    expect(told(failed(1, ETIMEDOUT))).toMatchObject({ exitCode: 6, targetState: "restored", ...expected });
  });

  it("with a number that has no name", () => {
    expect(told(failed(2, 512)).message).toMatch(/failed with errno 512$/);
  });

  it.each<[string, Partial<Report>, Expected]>([
    [
      "since a thread ended",
      failed(2, ESRCH),
      {
        code: "E_BUSY",
        exitCode: 6,
        targetState: "restored",
        message: `a thread of ${NAME} ended while we worked on it`,
        hint: AGAIN,
      },
    ],
    [
      "and a thread ended during the roll back",
      failed(2, EIO, { rollback: "failed", rollbackError: ESRCH }),
      {
        code: "E_CHANGED",
        exitCode: 8,
        targetState: "partial",
        message: `${NAME}: step 3 of 4 (patch: a jump) failed with EIO, and undoing the steps before it failed too (ESRCH)`,
        hint: "look with: timeskew status --pid 812; then: timeskew recover --pid 812",
      },
    ],
  ])("of a process that lives, %s", (_, report, expected) => {
    files.set("/proc/self/fd/9/task/812/stat", `812 (redis-server) S ${"0 ".repeat(48)}`);
    files.set("/proc/812/maps", "7ff000000000-7ff000002000 r-xp 00000000 00:00 0 [vdso]\n");
    const living = {
      ...processOf(),
      proc: 9,
      memoryPid: 812,
      vdso: { start: address(0x7ff000000000n) } as Process["vdso"],
    };
    expectTold(told(report, "inject", living), expected);
  });

  it("and the roll back found the target gone: nothing is left changed", () => {
    expectTold(told(failed(2, EIO, { rollback: "failed", rollbackError: ESRCH })), {
      code: "E_GONE",
      exitCode: 3,
      targetState: "restored",
      message: `${NAME} ended while we worked on it`,
    });
  });

  it("of a recovery, rolled back: skewed as before", () => {
    expect(told(failed(2, EIO), "recover")).toMatchObject({
      code: "E_STEP",
      exitCode: 1,
      targetState: "skewed",
    });
  });

  it("of a recovery, behind the point of no return: only our pages are left", () => {
    expectTold(told(failed(2, EIO, { rollback: "none" }), "recover"), {
      code: "E_CHANGED",
      exitCode: 8,
      targetState: "partial",
      message: `${NAME}: step 3 of 4 (patch: a jump) failed with EIO: its clocks are true again, but our pages are still there`,
      hint: "they do no harm; try again: timeskew recover --pid 812",
    });
  });

  it.each<[PatchPlan["action"], PatchPlan["before"], TargetState]>([
    ["inject", "untouched", "restored"],
    ["recover", "partial", "partial"],
    ["probe", "untouched", "restored"],
    ["probe", "skewed", "skewed"],
    ["probe", "partial", "partial"],
  ])("of %s on a target that was %s, rolled back: %s", (action, before, targetState) => {
    expect(told(failed(2, EIO), action, processOf(), before).targetState).toBe(targetState);
  });
});

describe("all steps are done, but the vDSO's tail could not be put back", () => {
  const report = { stage: "finish", step: STEPS.length, error: EIO } as const;

  it("of an injection: the target is skewed", () => {
    expectTold(told(report), {
      code: "E_CHANGED",
      exitCode: 8,
      targetState: "skewed",
      message: `${NAME}: all is done, but the unused end of its vDSO could not be put back (EIO)`,
      hint: "it does no harm; timeskew status --pid 812 shows the rest",
    });
  });

  it.each<[PatchPlan["action"], PatchPlan["before"]]>([
    ["recover", "skewed"],
    ["recover", "partial"],
    ["probe", "untouched"],
  ])("of %s on a target that was %s: something is left", (action, before) => {
    const error = told(report, action, processOf(), before);
    expect(error).toMatchObject({ code: "E_CHANGED", targetState: "partial" });
  });

  // A probe leaves the target as it was.
  it("of a probe of a skewed target: it is skewed still", () => {
    expect(told(report, "probe", processOf(), "skewed").targetState).toBe("skewed");
  });
});

describe("before any step", () => {
  it.each<[string, Partial<Report>, Expected]>([
    [
      "the helper refused the plan",
      { stage: "plan", error: EINVAL },
      {
        code: "E_INTERNAL",
        exitCode: 1,
        targetState: "untouched",
        message: `the helper refused the plan for ${NAME} (EINVAL)`,
      },
    ],
    [
      "the helper found no memory",
      { stage: "begin", error: ENOMEM },
      {
        code: "E_FAILED",
        exitCode: 1,
        targetState: "untouched",
        message: `timeskew itself cannot begin to work on ${NAME}: ENOMEM`,
        hint: AGAIN,
      },
    ],
    [
      "the helper may not handle its signal",
      { stage: "begin", error: EINVAL },
      {
        code: "E_FAILED",
        exitCode: 1,
        targetState: "untouched",
        message: `timeskew itself cannot begin to work on ${NAME}: EINVAL`,
        hint: AGAIN,
      },
    ],
    [
      "the target ended",
      { stage: "seize", error: ESRCH },
      {
        code: "E_GONE",
        exitCode: 3,
        targetState: "untouched",
        message: `${NAME} ended while we worked on it`,
      },
    ],
    [
      "seizing failed for no known reason",
      { stage: "seize", error: EIO },
      { code: "E_FAILED", exitCode: 1, targetState: "untouched", message: `cannot attach to ${NAME}: EIO` },
    ],
    [
      "a thread is still in a dead tool's stub",
      { stage: "stop", error: EAGAIN, culprit: 815 },
      {
        code: "E_BUSY",
        exitCode: 6,
        targetState: "untouched",
        message: `thread 815 of ${NAME} still runs for a timeskew that died`,
        hint: AGAIN,
      },
    ],
    [
      "a thread runs 32-bit code",
      { stage: "stop", error: EINVAL, culprit: 815 },
      {
        code: "E_UNSUPPORTED",
        exitCode: 5,
        targetState: "untouched",
        message: `thread 815 of ${NAME} runs 32-bit code in a 64-bit process`,
      },
    ],
    [
      "stopping failed for no known reason",
      { stage: "stop", error: EIO },
      { code: "E_FAILED", exitCode: 1, targetState: "untouched", message: `cannot stop ${NAME}: EIO` },
    ],
  ])("%s", (_, report, expected) => {
    expectTold(told(report), expected);
  });

  it("of a recovery: the target is skewed still", () => {
    expect(told({ stage: "stop", error: EIO }, "recover").targetState).toBe("skewed");
    expect(told({ stage: "stop", error: EIO }, "recover", processOf(), "partial").targetState).toBe(
      "partial",
    );
    expect(told({ stage: "seize", error: EIO }, "probe", processOf(), "skewed").targetState).toBe("skewed");
  });
});

describe("a thread did not stop in time", () => {
  const report = { stage: "stop", error: ETIMEDOUT, culprit: 815 } as const;
  const stat = (state: string) => `815 (redis-server) ${state} 1 ${"0 ".repeat(48)}0\n`;
  const timeout = (why: string): Expected => ({
    code: "E_STOP_TIMEOUT",
    exitCode: 6,
    targetState: "untouched",
    message: `thread 815 of ${NAME} did not stop within 1500 ms${why}`,
    hint: "try again, or give it longer with --stop-timeout",
  });

  it("for whatever reason", () => {
    expectTold(told(report), timeout(""));
  });

  it("since it got no processor", () => {
    files.set("/proc/812/task/815/stat", stat("R"));
    expectTold(
      told(report),
      timeout(" (it got no processor meanwhile: a busy machine, or the CPU limit of its cgroup)"),
    );
  });

  it("since it sleeps uninterruptibly", () => {
    files.set("/proc/812/task/815/stat", stat("D"));
    expectTold(told(report), timeout(" (it sleeps in the kernel and cannot be interrupted)"));
  });

  it.each([
    ["v2", "0::/docker/x\n", "/sys/fs/cgroup/docker/x/cgroup.events", "populated 1\nfrozen 1\n"],
    ["v1", "7:freezer:/docker/x\n", "/sys/fs/cgroup/freezer/docker/x/freezer.state", "FROZEN\n"],
  ])("since its cgroup is frozen, %s", (_, cgroup, file, text) => {
    files.set("/proc/812/cgroup", cgroup);
    files.set(file, text);
    expectTold(told(report), {
      code: "E_FROZEN",
      exitCode: 6,
      targetState: "untouched",
      message: `${NAME} is in a frozen cgroup (a paused container?)`,
      hint: "thaw it, then try again",
    });
  });
});

describe("the kernel refused to let us attach", () => {
  const report = { stage: "seize", error: EPERM, culprit: 815 } as const;
  const denied = (message: string, hint?: string): Expected => ({
    code: "E_PERMISSION",
    exitCode: 4,
    targetState: "untouched",
    message,
    hint,
  });

  it("since another tracer has the process", () => {
    files.set("/proc/812/status", statusFile({ Name: "redis-server", TracerPid: 99 }));
    files.set("/proc/99/status", statusFile({ Name: "gdb" }));
    expectTold(told(report), {
      code: "E_TRACED",
      exitCode: 6,
      targetState: "untouched",
      message: `${NAME} is traced by gdb (pid 99)`,
      hint: "detach it first, then try again",
    });
  });

  it("since another tracer, whose name nobody knows, has one thread", () => {
    files.set("/proc/812/status", statusFile({ Name: "redis-server", TracerPid: 0 }));
    files.set("/proc/812/task/815/status", statusFile({ Name: "bio", TracerPid: 99 }));
    expect(told(report)).toMatchObject({
      code: "E_TRACED",
      message: `${NAME} is traced by a process (pid 99)`,
    });
  });

  it.each([ordinary, privileged])("since Yama forbids it to everybody", (self) => {
    files.set("/proc/self/status", self);
    files.set(YAMA, "3\n");
    expectTold(
      told(report),
      denied(
        `${NAME} cannot be attached to: Yama forbids ptrace to everybody until the next boot (kernel.yama.ptrace_scope is 3)`,
        "set kernel.yama.ptrace_scope to 1 in /etc/sysctl.d and boot again",
      ),
    );
  });

  // What the other causes are called: test/unit/target/access.test.ts.
  it("since it belongs to somebody else", () => {
    const uid = { real: 33, effective: 33, saved: 33, filesystem: 33 };
    expectTold(
      told(report, "inject", processOf({ uid })),
      denied(`${NAME} cannot be attached to: it belongs to uid 33, and we are uid 1000`, SUDO),
    );
  });

  it("since one of its threads belongs to somebody else", () => {
    files.set("/proc/812/task/815/status", statusFile({ Name: "bio", Uid: ids(33) }));
    expect(told(report)).toMatchObject({
      code: "E_PERMISSION",
      message: `${NAME} cannot be attached to: it belongs to uid 33, and we are uid 1000`,
    });
  });

  it("since it is not dumpable", () => {
    files.set("owner of /proc/812/stat", "0");
    expectTold(
      told(report),
      denied(
        `${NAME} cannot be attached to: it is not dumpable: it has changed its user, or its file is not readable, or it asked for that (prctl)`,
        SUDO,
      ),
    );
  });

  it.each([ordinary, privileged])("since its seccomp filter may not be suspended: by whom", (self) => {
    files.set("/proc/self/status", self);
    expectTold(
      told(report, "inject", processOf({ seccomp: 2 })),
      denied(
        `${NAME} has a seccomp filter, which we may not suspend: that takes CAP_SYS_ADMIN in the host's user namespace`,
        "run timeskew as root of the host, not in a container or a user namespace",
      ),
    );
  });

  it("since its seccomp filter may not be suspended by one who has a filter himself", () => {
    files.set("/proc/self/status", `${root}Seccomp:\t2\n`);
    expectTold(
      told(report, "inject", processOf({ seccomp: 2 })),
      denied(
        `${NAME} has a seccomp filter, which we may not suspend: a process that runs under a filter itself, as timeskew does here, may not do that`,
        "run timeskew outside of the sandbox (docker run --security-opt seccomp=unconfined)",
      ),
    );
  });

  const traced = (message: string, hint: string): Expected => ({
    code: "E_TRACED",
    exitCode: 6,
    targetState: "untouched",
    message,
    hint,
  });

  it("since it is traced from outside our pid namespace", () => {
    files.set("/proc/self/status", root);
    files.set("/proc/self/ns/pid", "pid:[4026532180]");
    expectTold(
      told(report),
      traced(
        `${NAME} seems to be traced by a process outside our pid namespace, which we cannot see`,
        "detach that one first; timeskew outside of the container can name it",
      ),
    );
  });

  it.each([
    ["", ""],
    ["lockdown,capability,landlock,yama,apparmor\n", " (in force: landlock, apparmor)"],
  ])("although nothing that we know of forbids it; security modules: %j", (modules, named) => {
    files.set("/proc/self/status", root);
    files.set("/proc/self/ns/pid", "pid:[4026531836]");
    files.set("/sys/kernel/security/lsm", modules);
    expectTold(
      told(report),
      traced(
        `${NAME} could not be attached to: it was being traced (that is over now), or a security module of the kernel forbids it${named}`,
        "try again; if that does not help, look into the kernel's log: journalctl -k, ausearch -m avc",
      ),
    );
  });
});
