/** Several processes: one table, one undo, and whoever comes or goes meanwhile. */
import { describe, expect, it } from "vitest";
import type { Engine } from "../../../src/cli/engine.ts";
import { TimeskewError } from "../../../src/errors.ts";
import type { InjectResult } from "../../../src/types.ts";
import { injected, MINUTE, profile, REALTIME_SKEW, run, runJson, selection } from "./helpers.ts";

const INJECT = "inject --offset -10m";
const WEB = `${INJECT} --container web`;

describe("inject: a set", () => {
  it("is one table, the longest stop, and one undo", async () => {
    const inject: Engine["inject"] = async ({ pid }) =>
      injected(pid, pid === 6 ? { command: "redis", pauseNs: 312_000n, threads: 12 } : {});
    const { code, stdout, stderr } = await run(WEB, { inject, select: selection([1234, 6]) });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.split("\n")).toEqual([
      "✔ container web (docker 3f2a91c07d1e): 2 processes are now 10m behind",
      "  CLOCK_REALTIME  2026-11-20 14:39:02.123  true 14:49:02.123  -10m",
      "  with it: CLOCK_REALTIME_COARSE, CLOCK_REALTIME_ALARM, CLOCK_TAI, gettimeofday, time",
      "   PID  COMMAND       DONE    STOPPED  THREADS  WAITS",
      "  1234  redis-server  skewed   143 µs        5     61",
      "     6  redis         skewed   312 µs       12     61",
      "  not covered: rdtsc, times of files",
      "  stopped for 312 µs at the most",
      "  undo: timeskew recover --container web",
      "",
    ]);
  });

  it("of which one process is there reads like any other one, but for the undo", async () => {
    const { stdout } = await run(WEB, { select: selection([1234]) });
    expect(stdout).toContain("1 process is now 10m behind\n");
    expect(stdout).toContain("undo: timeskew recover --container web\n");
  });

  it("tells what was changed in place, and how far each is off if that differs", async () => {
    const previous = { ...REALTIME_SKEW, offset: MINUTE };
    const inject: Engine["inject"] = async ({ pid }) =>
      pid === 5
        ? injected(5, { action: "updated", previous, pauseNs: 0n, threads: 0, waits: undefined })
        : injected(pid, { skew: { ...REALTIME_SKEW, offset: 0n } });
    const { stdout } = await run(WEB, { inject, select: selection([5, 6]) });
    expect(stdout).toContain("2 processes are skewed now\n");
    expect(stdout).toContain("    5  redis-server  changed        -        -      -  -10m, was 1m ahead\n");
    expect(stdout).toContain("    6  redis-server  skewed    143 µs        5     61  0s\n");
    expect(stdout).toContain("stopped for 143 µs at the most; 1 changed in place\n");
  });

  it("is injected as one skew; forks of members are done already", async () => {
    const lists = [[5], [5, 6], [5, 6, 7], [5, 6, 7, 8]];
    const asked: number[] = [];
    let begins = 0;
    const joint: Engine["joint"] = (o) => {
      expect(o).toEqual({ offset: "-10m" });
      return {
        id: "00000000000000aa",
        inject: async (pid) => {
          asked.push(pid);
          return injected(pid, pid > 6 ? { action: "inherited", pauseNs: 0n, threads: 0 } : {});
        },
        begin: async (meanwhile) => {
          begins++;
          await meanwhile?.();
          return [];
        },
      };
    };
    const select = selection(() => lists.shift() ?? [5, 6, 7, 8, 9]);
    const { report } = await runJson(WEB, { joint, select });
    // 7 needed nothing, so nobody is looked for behind him; when all begin, it is looked once more.
    expect([asked, begins]).toEqual([[5, 6, 7, 8], 1]);
    expect(report).toMatchObject({
      ok: true,
      skewId: "00000000000000aa",
      longestPauseNs: "143211",
      selection: [{ kind: "container", runtime: "docker", id: "3f2a91c07d1e", name: "web" }],
      undo: "timeskew recover --container web",
      targets: [{ pid: 5 }, { pid: 6 }, { pid: 7, action: "inherited" }, { pid: 8 }],
    });
  });

  it("says at last what its members read once they have begun", async () => {
    const skew = { ...REALTIME_SKEW, profile: profile({ text: "--drift 200ppm" }) };
    const joint: Engine["joint"] = () => ({
      id: skew.id,
      inject: async (pid) =>
        injected(pid, { skew: { ...skew, profile: profile({ text: "--drift 200ppm", phase: "waiting" }) } }),
      begin: async () => [
        { pid: 5, result: injected(5, { skew, late: 3_000_000n }) },
        { pid: 6, error: new TimeskewError("E_STEP", "pid 6 (redis): it did not take", { pid: 6 }) },
      ],
    });
    const { code, stdout, stderr } = await run("inject --container web --drift 200ppm", {
      joint,
      select: selection([5, 6]),
    });
    expect(code).toBe(7);
    expect(stdout).toContain("1 process is now 10m behind, drifting by +200ppm\n  --drift 200ppm\n");
    expect(stdout).toContain("    6  redis         failed: step\n");
    expect(stderr).toContain("timeskew: the change came late in 1 of them (pid 5), by 3 ms at the most;");
  });

  it("goes on listing for a hundred rounds, and says that this was not enough", async () => {
    let last = 0;
    const { code, stdout, stderr } = await run(WEB, {
      select: selection(() => Array.from({ length: ++last }, (_, i) => i + 1)),
    });
    expect(code).toBe(0);
    // One list to see that it is not empty, a hundred, and a hundred when all begin.
    expect(last).toBe(201);
    expect(stdout).toContain("201 processes are now 10m behind\n");
    expect(stderr).toBe("timeskew: new processes kept appearing for 100 rounds; some may have been missed\n");
  });
});

describe("inject: a set of which not all can be skewed", () => {
  const traced = (pid: number) =>
    new TimeskewError("E_TRACED", `pid ${pid} (gdb-${pid}) is traced by gdb (pid 812)`, {
      pid,
      hint: "detach it first",
    });
  const failing =
    (...pids: number[]): Engine["inject"] =>
    async ({ pid }) => {
      if (pids.includes(pid)) throw traced(pid);
      return injected(pid);
    };

  it("exits 7, with a row for each, and each reason once", async () => {
    const { code, stdout, stderr } = await run(WEB, {
      inject: failing(6, 7),
      select: selection([5, 6, 7]),
    });
    expect(code).toBe(7);
    expect(stdout).toContain("    6  gdb-6         failed: traced\n    7  gdb-7         failed: traced\n");
    expect(stderr).toBe(
      "timeskew: pid 6 (gdb-6) is traced by gdb (pid 812)\n" +
        "  nothing was changed\n" +
        "  hint: detach it first\n" +
        "  the same: pid 7\n" +
        "timeskew: 2 of 3 targets failed: pid 6, 7\n",
    );
  });

  it("of none: no table, and the exit code that they have in common", async () => {
    const pids = Array.from({ length: 30 }, (_, i) => i + 1);
    const { code, stdout, stderr } = await run(WEB, { inject: failing(...pids), select: selection(pids) });
    expect({ code, stdout }).toEqual({ code: 6, stdout: "" });
    expect(stderr).toContain("  the same: pid 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 19 more\n");
    expect(stderr).toContain(
      "timeskew: all 30 targets failed: pid 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 20 more\n",
    );
  });

  it("-q leaves the errors", async () => {
    const { stdout, stderr } = await run(`${WEB} -q`, { inject: failing(6), select: selection([5, 6]) });
    expect(stdout).toBe("");
    expect(stderr).toContain("timeskew: 1 of 2 targets failed: pid 6\n");
  });

  const gone = (pid: number) => new TimeskewError("E_GONE", `pid ${pid} ended`, { pid });

  it("who has ended meanwhile is no failure, if nobody has named him", async () => {
    const lists = [
      [5, 6, 7],
      [5, 6, 7],
      [5, 7],
      [5, 7],
    ];
    const inject: Engine["inject"] = async ({ pid }) => {
      if (pid === 6) throw gone(6);
      return injected(pid);
    };
    const { code, stdout, stderr } = await run(WEB, {
      inject,
      select: selection(() => lists.shift() ?? [5, 7]),
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("2 processes are now 10m behind\n");
    expect(stdout).toContain("stopped for 143 µs at the most; 1 ended meanwhile\n");
    const named = await run(`${INJECT} --pid 5,6`, { inject });
    expect(named.code).toBe(7);
  });

  it("who has become another program is tried again", async () => {
    let tries = 0;
    const inject: Engine["inject"] = async ({ pid }) => {
      if (pid === 6 && tries++ < 2) throw gone(6);
      return injected(pid);
    };
    const { code, stdout } = await run(WEB, { inject, select: selection([5, 6]) });
    expect([code, tries]).toEqual([0, 3]);
    expect(stdout).toContain("2 processes are now 10m behind\n");
  });

  it("who is busy for ever has failed", async () => {
    let tries = 0;
    const inject: Engine["inject"] = async ({ pid }) => {
      if (pid !== 6) return injected(pid);
      tries++;
      throw new TimeskewError("E_BUSY", "another timeskew is at work on pid 6 (sh)", { pid });
    };
    const { code, stdout } = await run(WEB, { inject, select: selection([5, 6]) });
    expect([code, tries]).toEqual([7, 3]);
    expect(stdout).toContain("    6  sh            failed: busy\n");
  });
});

describe("inject --dry-run of a set", () => {
  it("is a table, and nothing is changed", async () => {
    const { code, stdout, calls } = await run(`${WEB} --dry-run`, { select: selection([5, 6]) });
    expect(code).toBe(0);
    expect(calls.map(([name]) => name)).toEqual(["planInjection", "planInjection"]);
    expect(stdout.split("\n")).toEqual([
      "container web (docker 3f2a91c07d1e): 2 processes would run 10m behind",
      "  PID  COMMAND       WOULD BE",
      "    5  redis-server  patched",
      "    6  redis-server  patched",
      "  dry run: nothing was changed; with one --pid it shows every byte",
      "",
    ]);
  });

  it("--json has the plans", async () => {
    const { report } = await runJson(`${WEB} --dry-run`, {
      select: selection([5, 6]),
      planInjection: async ({ pid }) => ({
        pid,
        command: "redis",
        action: "inject",
        plan: {} as never,
        skew: REALTIME_SKEW,
        waits: undefined,
      }),
    });
    expect(report).toMatchObject({ dryRun: true, targets: [{ pid: 5, plan: { calls: [] } }, { pid: 6 }] });
  });
});

describe("a set on a narrow terminal", () => {
  const lines = async (columns: number) => {
    const inject: Engine["inject"] = async ({ pid }): Promise<InjectResult> =>
      injected(pid, { previous: { ...REALTIME_SKEW, offset: MINUTE } });
    const stdout = { isTTY: true, columns } as never;
    const result = await run(`${WEB} --no-color`, { inject, select: selection([5, 6]) }, { stdout });
    return result.stdout.split("\n").filter((line) => /^ +(PID|\d)/.test(line));
  };

  it("leaves out what can be done without", async () => {
    expect((await lines(120))[0]).toContain("THREADS  WAITS  NOTE");
    expect((await lines(62))[0]).toBe("  PID  COMMAND       DONE    STOPPED  WAITS  NOTE");
    expect((await lines(48))[0]).toBe("  PID  COMMAND       DONE    STOPPED");
    for (const columns of [120, 62, 48]) {
      for (const line of await lines(columns)) expect(line.length).toBeLessThanOrEqual(columns);
    }
  });
});
