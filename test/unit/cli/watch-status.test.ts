import { describe, expect, it } from "vitest";
import type { Engine } from "../../../src/cli/engine.ts";
import { TimeskewError } from "../../../src/errors.ts";
import { foreground, MINUTE, NOON, REALTIME_SKEW, row, run } from "./helpers.ts";

const found = (...rows: ReturnType<typeof row>[]): Partial<Engine> => ({
  status: async () => ({ rows, unreadable: [], examined: 9 }),
});
const ended = (pid: number) => new TimeskewError("E_NO_TARGET", `there is no process ${pid}`, { pid });
const twice = () => foreground([() => {}, ({ interrupt }) => interrupt()]);

describe("status --watch", () => {
  it("appends a table at each interval, until Ctrl-C, which is a success", async () => {
    let now = NOON;
    const { world, slept, listeners } = foreground([() => (now += MINUTE), ({ interrupt }) => interrupt()]);
    const { code, stdout, stderr } = await run("status --watch", found(row(5)), { ...world, now: () => now });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect([slept, listeners.size]).toEqual([[1000, 1000], 0]);
    expect(stdout.split("\n").map((line) => line.trim().split("  ")[0])).toEqual([
      "2026-11-20 14:49:02",
      "PID",
      "5",
      "",
      "2026-11-20 14:50:02",
      "PID",
      "5",
      "",
      "",
    ]);
  });

  it("looks as often as it is told to", async () => {
    const { world, slept } = twice();
    await run("status --watch --interval 200ms", found(row(5)), world);
    expect(slept).toEqual([200, 200]);
  });

  it("draws the table anew on a terminal, and leaves the last one there", async () => {
    const stdout = { isTTY: true, columns: 80, rows: 24 } as never;
    const result = await run("status --watch --no-color", found(row(5)), { ...twice().world, stdout });
    const [before, first, last, ...more] = result.stdout.split("\u001b[?7l");
    expect([before, more]).toEqual(["", []]);
    expect(first).toContain("\n  5  redis-server  skewed    -10m  realtime");
    expect(first).toContain("\r\u001b[2A\u001b[J");
    expect(last).toMatch(/\n$/);
    expect(last).not.toContain("\u001b[J");
  });

  it("shows no more than the terminal has room for", async () => {
    const rows = Array.from({ length: 30 }, (_, i) => row(100 + i));
    const stdout = { isTTY: true, columns: 80, rows: 10 } as never;
    const result = await run("status --watch --no-color", found(...rows), { ...twice().world, stdout });
    const [, first] = result.stdout.split("\u001b[?7l");
    const lines = first!.split("\u001b[?7h")[0]!.split("\n");
    expect(lines).toHaveLength(9);
    expect(lines.at(-1)).toBe("… and 24 more lines");
  });

  it("goes on if no process is skewed: one may be, soon", async () => {
    const { code, stdout } = await run("status --watch", found(), twice().world);
    expect(code).toBe(0);
    expect(stdout.match(/No process is skewed \(9 looked at\)\./g)).toHaveLength(2);
  });

  it("tells what could not be looked at", async () => {
    const unreadable = [{ pid: 1, command: "init", reason: "not permitted" }];
    const status = async () => ({ rows: [row(5)], unreadable, examined: 9 });
    const { stdout } = await run("status --watch", { status }, twice().world);
    expect(stdout).toContain(
      "timeskew: 1 process could not be looked at: not permitted; root can look at more\n",
    );
  });

  it("is a result: -q does not drop it", async () => {
    expect((await run("status --watch -q", found(row(5)), twice().world)).stdout).toContain("redis-server");
  });
});

describe("status --watch --pid", () => {
  it("goes on with those that are there, and ends when none is", async () => {
    const gone = new Set<number>();
    const status: Engine["status"] = async ({ pids: [pid] = [] }: { pids?: readonly number[] } = {}) => {
      if (pid === undefined || gone.has(pid)) throw ended(pid ?? 0);
      return { rows: [row(pid)], unreadable: [], examined: 1 };
    };
    const { world, left } = foreground([() => gone.add(5), () => gone.add(6)]);
    const { code, stdout, stderr } = await run("status --watch --pid 5,6", { status }, world);
    expect({ code, left }).toEqual({ code: 3, left: [] });
    expect(stdout).toContain("\n  6  redis-server  skewed    -10m");
    expect(stdout).toContain("\nthere is no process 5\n");
    expect(stderr).toContain("timeskew: all 2 targets failed: pid 5, 6\n");
  });

  it("keeps the exit code of a process that is not there at all", async () => {
    const status = async () => {
      throw ended(5);
    };
    const { code, stdout, stderr } = await run("status --watch --pid 5", { status }, foreground([]).world);
    expect({ code, stdout, stderr }).toEqual({
      code: 3,
      stdout: "",
      stderr: "timeskew: there is no process 5\n",
    });
  });

  it("shows a process that is not skewed", async () => {
    const engine = found(row(5, { state: "unskewed", skew: undefined }));
    expect((await run("status --watch --pid 5", engine, twice().world)).stdout).toContain(
      "redis-server  unskewed",
    );
  });
});

describe("status --watch: how it may be asked", () => {
  it.each([
    ["status --interval 2s", "--interval is for --watch"],
    ["status --watch --interval 99ms", "--interval 99ms: out of range"],
    ["status --watch --interval 61m", "--interval 1h1m: out of range"],
    ["status --watch --interval 2", 'duration "2" has no unit'],
    ["status --watch --interval", "--interval needs a value"],
    ["status --watch --all --pid 5", "--all and --pid exclude each other"],
  ])("%s", async (line, message) => {
    const { code, stderr, calls } = await run(line);
    expect({ code, calls }).toEqual({ code: 2, calls: [] });
    expect(stderr).toContain(`timeskew: ${message}`);
  });

  it("prints no JSON, of which there is one object only", async () => {
    const { code, stdout } = await run("status --watch --json");
    expect(code).toBe(2);
    expect(JSON.parse(stdout).error).toMatchObject({ code: "E_USAGE", message: "--watch prints no JSON" });
  });
});

describe("status of skews that stand still", () => {
  it("has no columns for what does not happen", async () => {
    const { stdout } = await run("status", found(row(5, { skew: REALTIME_SKEW })));
    expect(stdout.split("\n")[0]).not.toMatch(/RATE|NEXT/);
  });
});
