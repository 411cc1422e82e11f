import { describe, expect, it } from "vitest";
import { fails, MINUTE, MONOTONIC_SKEW, NOON, profile, REALTIME_SKEW, row, run, runJson } from "./helpers.ts";

describe("status", () => {
  it("prints an aligned table, and the notes beneath", async () => {
    const rows = [
      row(1234),
      row(77, {
        command: "java",
        skew: { ...MONOTONIC_SKEW, id: "00000000000000aa", since: NOON - 125n * MINUTE },
      }),
      row(8, {
        command: "sh\u0007",
        state: "foreign",
        skew: undefined,
        waitSites: undefined,
        note: "its clock_gettime jumps to 0x1",
      }),
    ];
    const { code, stdout, stderr } = await run("status", {
      status: async () => ({ rows, unreadable: [], examined: 300 }),
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.split("\n")).toEqual([
      " PID  COMMAND       STATE    OFFSET  CLOCKS     WAITS  SINCE                            SKEW ID",
      "1234  redis-server  skewed     -10m  realtime      61  2026-11-20 14:49:02 (3 min ago)  3f2a00000000c0de",
      "  77  java          skewed       2s  monotonic     61  2026-11-20 12:44:02 (2 h ago)    00000000000000aa",
      "   8  sh\\x07        foreign       -  -              -  -                                -",
      "pid 8: its clock_gettime jumps to 0x1",
      "",
    ]);
  });

  it("says in a sentence that there is nothing", async () => {
    const status = async () => ({ rows: [], unreadable: [], examined: 312 });
    expect((await run("status", { status })).stdout).toBe("No process is skewed (312 looked at).\n");
    expect((await run("status --all -q", { status })).stdout).toBe("No process is skewed (312 looked at).\n");
  });

  it("counts on stderr what could not be looked at, by reason", async () => {
    const because = (reason: string, count: number) =>
      Array.from({ length: count }, (_, i) => ({ pid: i + 1, command: "x", reason }));
    const unreadable = [...because("it ended", 1), ...because("not permitted", 11), ...because("frozen", 2)];
    const engine = { status: async () => ({ rows: [], unreadable, examined: 20 }) };
    expect((await run("status", engine, { isRoot: true })).stderr).toBe(
      "timeskew: 14 processes could not be looked at: not permitted (11), frozen (2), it ended (1)\n",
    );
    expect((await run("status -q", engine)).stderr).toBe("");
    const { report, stderr } = await runJson("status", engine);
    expect(stderr).toBe("");
    expect(report.unreadable).toHaveLength(14);
  });

  it("counts equal reasons together, though each names its process", async () => {
    const unreadable = [5, 6].map((pid) => ({
      pid,
      command: "x",
      reason: `not permitted to look at pid ${pid}`,
    }));
    const { stderr } = await run("status", { status: async () => ({ rows: [], unreadable, examined: 0 }) });
    expect(stderr).toBe(
      "timeskew: 2 processes could not be looked at: not permitted to look at it; root can look at more\n",
    );
  });

  it("names the clocks of an exact skew", async () => {
    const skew = { ...REALTIME_SKEW, clocks: ["CLOCK_REALTIME" as const], gettimeofday: false, time: false };
    const { stdout } = await run("status", {
      status: async () => ({ rows: [row(1, { skew })], unreadable: [], examined: 1 }),
    });
    expect(stdout).toContain("  realtime (exact)  ");
  });

  const drifting = row(1234, {
    skew: {
      ...REALTIME_SKEW,
      offset: -599_998_812_345n,
      profile: profile({
        text: "--offset -10m --drift 200ppm --duration 10s --every 1m",
        next: { in: 8_400_000_000n, what: "stops" },
      }),
    },
  });
  const over = row(80, {
    command: "nginx",
    state: "ended",
    skew: {
      ...REALTIME_SKEW,
      offset: 0n,
      profile: profile({ text: "--freeze --duration 2s", rate: 1, phase: "ended" }),
    },
    note: "its duration is over",
  });
  const listed = (columns?: number) =>
    run(
      "status --no-color",
      { status: async () => ({ rows: [drifting, over, row(7)], unreadable: [], examined: 3 }) },
      columns === undefined ? {} : { stdout: { isTTY: true, columns } as never },
    );

  it("shows the present offset and rate of skews that change, what comes next, and the verbs", async () => {
    expect((await listed()).stdout.split("\n")).toEqual([
      " PID  COMMAND       STATE       OFFSET     RATE  NEXT           CLOCKS    WAITS  SINCE                            SKEW ID",
      "1234  redis-server  skewed  -9m59.999s  +200ppm  stops in 8.4s  realtime     61  2026-11-20 14:49:02 (3 min ago)  3f2a00000000c0de",
      "  80  nginx         ended           0s       ×1  -              realtime     61  2026-11-20 14:49:02 (3 min ago)  3f2a00000000c0de",
      "   7  redis-server  skewed        -10m       ×1  -              realtime     61  2026-11-20 14:49:02 (3 min ago)  3f2a00000000c0de",
      "pid 1234: --offset -10m --drift 200ppm --duration 10s --every 1m",
      "pid 80: --freeze --duration 2s",
      "pid 80: its duration is over",
      "",
    ]);
  });

  it.each([
    [200, "PID COMMAND STATE OFFSET RATE NEXT CLOCKS WAITS SINCE SKEW ID"],
    [120, "PID COMMAND STATE OFFSET RATE NEXT CLOCKS WAITS SINCE"],
    [106, "PID COMMAND STATE OFFSET RATE NEXT CLOCKS SINCE"],
    [80, "PID COMMAND STATE OFFSET RATE NEXT CLOCKS"],
    [72, "PID COMMAND STATE OFFSET RATE NEXT CLOCKS"],
    [71, "PID COMMAND STATE OFFSET RATE NEXT"],
    [20, "PID COMMAND STATE OFFSET RATE NEXT"],
  ])("leaves out columns on a terminal of %i columns", async (columns, titles) => {
    const [head = "", ...rows] = (await listed(columns)).stdout.split("\n");
    expect(head.trim().split(/ +/).join(" ")).toBe(titles);
    expect(rows[0]).toContain("stops in 8.4s");
    if (columns >= 71)
      for (const line of [head, ...rows.slice(0, 3)]) expect(line.length).toBeLessThanOrEqual(columns);
  });

  it("--json lists rows, how many were looked at, and the rest", async () => {
    const { report } = await runJson("status");
    expect(report).toEqual({
      schemaVersion: 1,
      command: "status",
      ok: true,
      examined: 1,
      unreadable: [],
      targets: [
        {
          ok: true,
          pid: 1234,
          command: "redis-server",
          state: "skewed",
          note: null,
          skew: { ...REALTIME_SKEW, offset: "-600000000000", since: String(NOON), profile: null },
          waitSites: 61,
        },
      ],
    });
  });
});

describe("status --pid", () => {
  it("shows the named processes, unskewed ones too", async () => {
    const status = async ({ pids = [] as readonly number[] } = {}) => ({
      rows: pids.map((pid) => row(pid, pid === 5 ? {} : { state: "unskewed", skew: undefined })),
      unreadable: [],
      examined: pids.length,
    });
    const { stdout, calls } = await run("status --pid 5,6", { status });
    expect(calls).toEqual([
      ["status", { pids: [5] }],
      ["status", { pids: [6] }],
    ]);
    expect(stdout).toMatch(/^ *6 {2}redis-server {2}unskewed +- +-/m);
  });

  it("fails for a process that cannot be looked at", async () => {
    const status = async () => ({
      rows: [],
      unreadable: [{ pid: 5, command: "x", reason: "not permitted" }],
      examined: 0,
    });
    const { code, stderr } = await run("status --pid 5", { status });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "timeskew: pid 5 could not be looked at: not permitted\n",
    });
  });

  it("keeps the engine's exit code for a process that does not exist", async () => {
    const status = fails("E_NO_TARGET", "there is no process 5", { pid: 5 });
    expect(await run("status --pid 5", { status })).toMatchObject({ code: 3 });
  });
});
