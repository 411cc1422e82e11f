import { describe, expect, it } from "vitest";
import type { Check } from "../../../src/types.ts";
import { fails, HEALTHY, run, runJson, selection } from "./helpers.ts";

const CHECKS: Check[] = [
  { name: "helper", verdict: "ok", detail: "loaded", remedy: undefined },
  { name: "yama", verdict: "warning", detail: "ptrace_scope is 1", remedy: "run as root" },
  { name: "tracer", verdict: "blocked", detail: "traced by gdb (pid 812)", remedy: "detach it first" },
];

describe("doctor", () => {
  it("says that all is well", async () => {
    const { code, stdout, calls } = await run("doctor");
    expect(code).toBe(0);
    expect(calls).toEqual([["doctor", undefined]]);
    expect(stdout).toBe("✔ ok       ptrace  running as root\nNothing stands in the way of an injection.\n");
  });

  it("prints one line per check with its remedy, and fails if one is blocked", async () => {
    const { code, stdout, stderr } = await run("doctor", {
      doctor: async () => ({ pid: undefined, checks: CHECKS }),
    });
    expect({ code, stderr }).toEqual({ code: 1, stderr: "timeskew: an injection would fail here: tracer\n" });
    expect(stdout.split("\n")).toEqual([
      "✔ ok       helper  loaded",
      "! warning  yama    ptrace_scope is 1",
      "                   → run as root",
      "✘ blocked  tracer  traced by gdb (pid 812)",
      "                   → detach it first",
      "",
    ]);
  });

  it("asks about the machine once, and about each process of a set", async () => {
    const doctor = async ({ pid }: { pid?: number } = {}) =>
      pid === undefined
        ? HEALTHY
        : { pid, command: "nginx", checks: pid === 6 ? CHECKS : pid === 7 ? CHECKS.slice(0, 2) : [] };
    const { code, stdout, stderr, calls } = await run("doctor --container web", {
      doctor,
      select: selection([5, 6, 7]),
    });
    expect(calls.map(([, o]) => o)).toEqual([
      undefined,
      { pid: 5, machine: false },
      { pid: 6, machine: false },
      { pid: 7, machine: false },
    ]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "timeskew: an injection would fail here: tracer\n" });
    expect(stdout.split("\n")).toEqual([
      "✔ ok       ptrace  running as root",
      "",
      "container web (docker 3f2a91c07d1e): 2 of 3 processes can be skewed",
      "PID  COMMAND  CAN BE SKEWED",
      "  5  nginx    yes",
      "  6  nginx    no             tracer: traced by gdb (pid 812)",
      "  7  nginx    yes, but       yama: ptrace_scope is 1",
      "→ detach it first",
      "→ run as root",
      "",
    ]);
  });

  it("keeps the exit code of a target that is not there", async () => {
    const doctor = fails("E_NO_TARGET", "there is no process 5");
    expect(await run("doctor --pid 5", { doctor })).toMatchObject({ code: 3 });
  });

  it("--json has the checks, for the machine or per target", async () => {
    const doctor = async ({ pid }: { pid?: number } = {}) => ({ pid, checks: CHECKS });
    const machine = await runJson("doctor", { doctor });
    expect(machine.code).toBe(1);
    expect(machine.report).toMatchObject({
      ok: false,
      error: { code: "E_FAILED", hint: "detach it first", targetState: "untouched" },
      checks: [{ name: "helper", verdict: "ok", detail: "loaded", remedy: null }, {}, {}],
      targets: [],
    });
    const { report } = await runJson("doctor --pid 5", { doctor });
    expect(report.targets).toMatchObject([{ pid: 5, checks: [{}, {}, {}] }]);
  });
});
