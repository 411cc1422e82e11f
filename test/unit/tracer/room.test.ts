/** Why there was no room for our pages, as the limits of the target tell it. */
import { beforeEach, describe, expect, it } from "vitest";
import { EAGAIN, ENOMEM, files, NAME, statusFile, told } from "./diagnosis.ts";

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
