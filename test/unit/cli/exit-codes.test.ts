import { describe, expect, it } from "vitest";
import { EXIT_CODES, TimeskewError } from "../../../src/errors.ts";
import { fails, injected, run, runJson } from "./helpers.ts";

/** An engine that does pid N what `outcomes[N]` says: undefined is a success. */
const perPid = (outcomes: Record<number, TimeskewError | undefined>) => ({
  inject: async ({ pid }: { pid: number }) => {
    const error = outcomes[pid];
    if (error) throw error;
    return injected(pid);
  },
});

const traced = new TimeskewError("E_TRACED", "pid 5 is traced by gdb (pid 812)", {
  pid: 5,
  hint: "detach it first",
});
const frozen = new TimeskewError("E_FROZEN", "pid 6 is frozen", { pid: 6 });
const gone = new TimeskewError("E_GONE", "pid 7 ended meanwhile", { pid: 7 });
const changed = new TimeskewError("E_CHANGED", "pid 8 could not be put back", {
  pid: 8,
  targetState: "partial",
});

describe("one target", () => {
  it.each(Object.entries(EXIT_CODES) as [TimeskewError["code"], number][])(
    "%s exits %i",
    async (code, exit) => {
      const inject = fails(code, "pid 5: it went wrong", { pid: 5 });
      const { code: actual, stdout, stderr } = await run("inject --pid 5 --offset 1s", { inject });
      expect({ actual, stdout }).toEqual({ actual: exit, stdout: "" });
      expect(stderr).toMatch(/^timeskew: pid 5: it went wrong\n/);
      expect((await runJson("inject --pid 5 --offset 1s", { inject })).code).toBe(exit);
    },
  );

  it("says what happened, how the target is left, and what to do", async () => {
    const { stderr } = await run("inject --pid 5 --offset 1s", perPid({ 5: traced }));
    expect(stderr).toBe(
      "timeskew: pid 5 is traced by gdb (pid 812)\n  nothing was changed\n  hint: detach it first\n",
    );
  });

  it.each([
    ["untouched", "nothing was changed"],
    ["restored", "the target is as it was before"],
    ["skewed", "the target is skewed"],
    ["partial", "the target may be left changed"],
  ] as const)("says in words that the target is left %s", async (targetState, words) => {
    const recover = fails("E_FAILED", "it went wrong", { targetState });
    expect((await run("recover --pid 5", { recover })).stderr).toBe(`timeskew: it went wrong\n  ${words}\n`);
  });

  it("does not assure that a command which only looks changed nothing", async () => {
    const engine = { readClocks: fails("E_TRACED", "pid 5 is traced") };
    expect((await run("now --pid 5", engine)).stderr).toBe("timeskew: pid 5 is traced\n");
  });

  it("-q never drops an error", async () => {
    const { stderr } = await run("inject --pid 5 --offset 1s -q", perPid({ 5: traced }));
    expect(stderr).toContain("traced by gdb");
  });

  it("--json has the error at the top and at the target", async () => {
    const { report, stderr } = await runJson("inject --pid 5 --offset 1s", perPid({ 5: traced }));
    const error = {
      code: "E_TRACED",
      message: "pid 5 is traced by gdb (pid 812)",
      hint: "detach it first",
      targetState: "untouched",
      pid: 5,
    };
    expect(stderr).toBe("");
    expect(report).toEqual({
      schemaVersion: 1,
      command: "inject",
      ok: false,
      error,
      targets: [{ pid: 5, ok: false, error }],
    });
  });
});

describe("several targets", () => {
  const LINE = "inject --offset -10m --pid";

  it("exits 7 when some are done, and says which are not", async () => {
    const engine = perPid({ 5: traced });
    const { code, stdout, stderr } = await run(`${LINE} 1,5,2`, engine);
    expect(code).toBe(7);
    expect(stdout).toMatch(/^✔ 2 processes are now 10m behind\n/);
    expect(stdout.match(/^ {4}\d {2}.*/gm)).toEqual([
      "    1  redis-server  skewed           143 µs        5     61",
      "    5  -             failed: traced",
      "    2  redis-server  skewed           143 µs        5     61",
    ]);
    expect(stdout).toContain("undo: timeskew recover --pid 1,2\n");
    expect(stderr).toContain("timeskew: pid 5 is traced by gdb (pid 812)\n");
    expect(stderr).toMatch(/timeskew: 1 of 3 targets failed: pid 5\n$/);
    const { report } = await runJson(`${LINE} 1,5,2`, engine);
    expect(report.error).toMatchObject({ code: "E_SOME_FAILED", message: "1 of 3 targets failed: pid 5" });
    expect(report.targets).toMatchObject([
      { pid: 1, ok: true },
      { pid: 5, ok: false, error: { code: "E_TRACED" } },
      { pid: 2, ok: true },
    ]);
  });

  it.each([
    ["5,6", 6, "E_TRACED", "untouched"],
    ["5,7", 1, "E_FAILED", "untouched"],
    ["5,7,8", 8, "E_CHANGED", "partial"],
    ["1,8", 7, "E_SOME_FAILED", "partial"],
  ])("%s exits %i", async (pids, code, errorCode, targetState) => {
    const engine = perPid({ 5: traced, 6: frozen, 7: gone, 8: changed });
    const result = await runJson(`${LINE} ${pids}`, engine);
    expect(result.code).toBe(code);
    expect(result.report.error).toMatchObject({ code: errorCode, targetState });
  });

  it("an error in the command line, found at the first target, is said once", async () => {
    const inject = fails("E_RANGE", "that would be before 1970");
    const { code, stderr, calls } = await run("inject --pid 1,2,3 --offset -100000h", { inject });
    expect({ code, stderr }).toEqual({ code: 2, stderr: "timeskew: that would be before 1970\n" });
    expect(calls).toHaveLength(1);
  });

  it("a refusal of one target is no reason to leave the others out", async () => {
    const backward = new TimeskewError("E_BACKWARD_MONOTONIC", "pid 1 would step back", { pid: 1 });
    const { code, stderr } = await run(`${LINE} 1,2`, perPid({ 1: backward }));
    expect(code).toBe(7);
    expect(stderr).toContain("timeskew: pid 1 would step back\n  nothing was changed\n");
  });

  it("gives an error without a pid that of its target", async () => {
    const { report } = await runJson("recover --pid 5", { recover: fails("E_FAILED", "no") });
    expect(report.error.pid).toBe(5);
  });
});

describe("defects", () => {
  const boom = async () => {
    throw new TypeError("x is not a function");
  };

  it("exit 1 with a request to report them, without a stack", async () => {
    expect(await run("status", { status: boom })).toMatchObject({
      code: 1,
      stdout: "",
      stderr:
        "timeskew: internal error: x is not a function\n" +
        "  hint: this is a defect in timeskew: please report it, with what TIMESKEW_DEBUG=1 prints\n",
    });
    expect((await runJson("status", { status: boom })).report.error.code).toBe("E_INTERNAL");
    expect(await run("now --pid 5", { readClocks: boom })).toMatchObject({ code: 1 });
  });

  it("do not claim that a target at work on is untouched", async () => {
    const { code, report } = await runJson("inject --pid 5 --offset 1s", { inject: boom });
    expect(code).toBe(8);
    expect(report.error).toMatchObject({
      code: "E_CHANGED",
      message: "pid 5: internal error: x is not a function",
      targetState: "partial",
      pid: 5,
    });
  });

  it("in the report of a success count as one failure, not as both", async () => {
    const inject = async () => ({ ...injected(5), readings: undefined as never });
    const { code, report } = await runJson("inject --pid 5 --offset 1s", { inject });
    expect(code).toBe(8);
    expect(report.targets).toMatchObject([{ pid: 5, ok: false }]);
    expect(report.undo).toBeUndefined();
  });

  it("show the stack and the cause under TIMESKEW_DEBUG=1", async () => {
    const world = { env: { TIMESKEW_DEBUG: "1" } };
    const { stderr } = await run("status", { status: boom }, world);
    expect(stderr).toContain("caused by:");
    expect(stderr).toMatch(/TypeError: x is not a function\n +at /);
    const json = await run("status --json", { status: boom }, world);
    expect(json.stdout).toMatch(/^\{.*\}\n$/);
    expect(json.stderr).toContain("caused by:");
  });
});
