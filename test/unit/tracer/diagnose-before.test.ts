/** The same where no step was begun, since the target could not be seized, or not be stopped in time. */
import { describe, expect, it } from "vitest";
import type { Report } from "../../../src/tracer/encode.ts";
import {
  AGAIN,
  EAGAIN,
  EINVAL,
  EIO,
  ENOMEM,
  ESRCH,
  ETIMEDOUT,
  type Expected,
  expectTold,
  files,
  NAME,
  processOf,
  told,
} from "./diagnosis.ts";

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
