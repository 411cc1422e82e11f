/** From the number of a step that failed to an error: its code, exit code, the target's state, and what to do next. */
import { describe, expect, it } from "vitest";
import type { TargetState } from "../../../src/errors.ts";
import { address } from "../../../src/machine/address.ts";
import type { PatchPlan, Step } from "../../../src/patch/plan.ts";
import type { Process } from "../../../src/target/process.ts";
import type { Report } from "../../../src/tracer/encode.ts";
import {
  AGAIN,
  EEXIST,
  EFAULT,
  EIO,
  ENOMEM,
  EPERM,
  ESRCH,
  ESTALE,
  ETIMEDOUT,
  type Expected,
  expectTold,
  files,
  NAME,
  processOf,
  STEPS,
  told,
} from "./diagnosis.ts";

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
    const { code, targetState, hint } = told(failed(0, EFAULT), "inject", process, undefined, [call]);
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
