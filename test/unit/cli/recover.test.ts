import { describe, expect, it } from "vitest";
import { recovered, row, run, runJson } from "./helpers.ts";

describe("recover", () => {
  it("says what the target reads and what it took", async () => {
    const { code, stdout, stderr, calls } = await run("recover --pid 1234");
    expect(calls).toEqual([["recover", { pid: 1234 }]]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.split("\n")).toEqual([
      "✔ redis-server (pid 1234) reads the true time again (was 10m behind)",
      "  stopped for 98 µs (1 thread)",
      "",
    ]);
  });

  it("passes its flags", async () => {
    const { calls } = await run("recover --pid 5 --allow-backward-monotonic --stop-timeout 20ms");
    expect(calls).toEqual([["recover", { pid: 5, allowBackwardMonotonic: true, stopTimeoutMs: 20 }]]);
  });

  it("is a success on a process that is not skewed, and says so", async () => {
    const recover = async () => recovered(5, { action: "nothing", skew: undefined, threads: 0 });
    const { code, stdout } = await run("recover --pid 5", { recover });
    expect(code).toBe(0);
    expect(stdout).toBe("redis-server (pid 5) was not skewed: nothing to do\n");
  });

  it("tells leftovers from a skew", async () => {
    const recover = async () => recovered(5, { action: "cleaned", skew: undefined });
    const { stdout } = await run("recover --pid 5", { recover });
    expect(stdout).toContain("reads the true time; what an earlier run left in it was removed\n");
  });

  it("says why pages stay, and how they go", async () => {
    const recover = async () => recovered(5, { state: "lingering", lingeringThreads: 1 });
    const { stdout } = await run("recover --pid 5", { recover });
    expect(stdout).toContain("because 1 thread may still be inside them;\n");
    expect(stdout).toContain("`timeskew recover --pid 5` removes them later\n");
  });

  it("says who waits, if that is all", async () => {
    const recover = async () => recovered(5, { state: "lingering", lingeringThreads: 2, waitingThreads: 2 });
    const { stdout } = await run("recover --pid 5", { recover });
    expect(stdout).toContain("because 2 threads sleep on in a wait that was translated;\n");
  });

  it("--json has the state", async () => {
    const { report } = await runJson("recover --pid 5");
    expect(report).toMatchObject({ ok: true, targets: [{ pid: 5, state: "unskewed", action: "recovered" }] });
  });
});

describe("recover --all", () => {
  const found = (...rows: ReturnType<typeof row>[]) => ({
    status: async () => ({
      rows,
      unreadable: [{ pid: 2, command: "x", reason: "not permitted" }],
      examined: 9,
    }),
  });

  it("recovers what timeskew skewed, and leaves a foreign patch alone", async () => {
    const engine = found(
      row(5),
      row(6, { state: "foreign", skew: undefined }),
      row(7, { state: "partial", skew: undefined }),
      row(8, { state: "unskewed", skew: undefined }),
    );
    const { code, calls, stderr } = await run("recover --all", engine);
    expect(code).toBe(0);
    expect(calls.slice(1)).toEqual([
      ["recover", { pid: 5 }],
      ["recover", { pid: 7 }],
      // They may have forked meanwhile.
      ["status", undefined],
    ]);
    expect(stderr).toBe("timeskew: 1 process could not be looked at: not permitted; root can look at more\n");
  });

  it("is a success if there is nothing to recover", async () => {
    expect(await run("recover --all -q", found())).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect((await run("recover --all", found())).stdout).toBe("No process is skewed (9 looked at).\n");
    expect((await runJson("recover --all", found())).report).toMatchObject({ ok: true, targets: [] });
  });
});
