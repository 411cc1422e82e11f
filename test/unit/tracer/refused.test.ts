/** Why the kernel does not let us attach. */
import { describe, expect, it } from "vitest";
import {
  EPERM,
  type Expected,
  expectTold,
  files,
  ids,
  NAME,
  ordinary,
  privileged,
  processOf,
  root,
  SUDO,
  statusFile,
  told,
  YAMA,
} from "./diagnosis.ts";

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
