/** A set that was skewed: given back, looked at, and waited with; by its selectors, or by its skew's id. */
import { describe, expect, it } from "vitest";
import type { Engine } from "../../../src/cli/engine.ts";
import { foreground, nowResult, REALTIME_SKEW, recovered, row, run, runJson, selection } from "./helpers.ts";

const WEB = "inject --offset -10m --container web";

describe("recover: a set", () => {
  it("is one table", async () => {
    const results = new Map([
      [5, recovered(5)],
      [6, recovered(6, { action: "nothing", skew: undefined, pauseNs: 0n })],
      [7, recovered(7, { state: "lingering", lingeringThreads: 2, waitingThreads: 2, pauseNs: 1_200_000n })],
    ]);
    const recover: Engine["recover"] = async ({ pid }) => results.get(pid)!;
    const { code, stdout } = await run("recover --container web", { recover, select: selection([5, 6, 7]) });
    expect(code).toBe(0);
    expect(stdout.split("\n")).toEqual([
      "✔ container web (docker 3f2a91c07d1e): 2 processes read the true time",
      "  PID  COMMAND       DONE         WAS  STOPPED  NOTE",
      "    5  redis-server  recovered   -10m    98 µs",
      "    6  redis-server  not skewed     -        -",
      "    7  redis-server  recovered   -10m   1.2 ms  pages stay for 2 threads that sleep on",
      "  stopped for 1.2 ms at the most",
      "  pages that stay are unused; another `timeskew recover` removes them later",
      "",
    ]);
  });

  it("looks again for what was forked meanwhile", async () => {
    const lists = [[5], [5], [5, 6], [5, 6, 7]];
    const recover: Engine["recover"] = async ({ pid }) =>
      recovered(pid, pid === 7 ? { action: "nothing", skew: undefined } : {});
    const { calls } = await run("recover --container web", {
      recover,
      select: selection(() => lists.shift() ?? [5, 6, 7]),
    });
    expect(calls.map(([, o]) => (o as { pid: number }).pid)).toEqual([5, 6, 7]);
  });

  it("says that there was nothing to do", async () => {
    const recover: Engine["recover"] = async ({ pid }) =>
      recovered(pid, { action: "nothing", skew: undefined });
    const { code, stdout } = await run("recover --container web", { recover, select: selection([5, 6]) });
    expect(code).toBe(0);
    expect(stdout).toBe(
      "container web (docker 3f2a91c07d1e): 2 processes, and none was skewed: nothing to do\n",
    );
  });
});

describe("--skew", () => {
  const other = { ...REALTIME_SKEW, id: "3f2b000000000000" };
  const status: Engine["status"] = async () => ({
    rows: [row(5), row(6, { skew: other }), row(7), row(8, { state: "partial", skew: undefined })],
    unreadable: [],
    examined: 30,
  });

  it("recovers those of one skew, by a beginning of its id", async () => {
    const { code, calls } = await run("recover --skew 3F2A", { status });
    expect(code).toBe(0);
    expect(calls.filter(([name]) => name === "recover").map(([, o]) => o)).toEqual([{ pid: 5 }, { pid: 7 }]);
  });

  it("lists them", async () => {
    const { stdout } = await run("status --skew 3f2b", { status });
    expect(stdout).toContain("  6  redis-server");
    expect(stdout.split("\n")).toHaveLength(3);
  });

  it("refuses a beginning of several ids, and names them", async () => {
    for (const command of ["recover", "status"]) {
      const { code, stderr } = await run(`${command} --skew 3f2`, { status });
      expect(code).toBe(2);
      expect(stderr).toBe(
        "timeskew: --skew 3f2 means 2 skews: 3f2a00000000c0de, 3f2b000000000000\n  hint: give more of its digits\n",
      );
    }
  });

  it("that nobody has: exit 3", async () => {
    const { code, stderr } = await run("recover --skew 00", { status });
    expect(code).toBe(3);
    expect(stderr).toContain("no process has a skew whose id begins with 00\n");
  });
});

describe("status and now of a set", () => {
  it("status looks at each member, unskewed ones too", async () => {
    const { stdout, calls } = await run("status --container web", {
      select: selection([5, 6]),
      status: async ({ pids = [] } = {}) => ({
        rows: pids.map((pid) => row(pid, pid === 6 ? { state: "unskewed", skew: undefined } : {})),
        unreadable: [],
        examined: 1,
      }),
    });
    expect(calls).toEqual([
      ["status", { pids: [5] }],
      ["status", { pids: [6] }],
    ]);
    expect(stdout).toMatch(/^ *5 {2}redis-server {2}skewed/m);
    expect(stdout).toMatch(/^ *6 {2}redis-server {2}unskewed/m);
  });

  it("status tells the container of each process that is in one", async () => {
    const containersOf: Engine["containersOf"] = async () =>
      new Map([
        [5, { kind: "container", words: "container web (docker 3f2a91c07d1e)", name: "web" }],
        [6, { kind: "container", words: "container 5a17", id: "5a17".repeat(16) }],
      ]);
    const status: Engine["status"] = async () => ({
      rows: [5, 6, 7].map((pid) => row(pid)),
      unreadable: [],
      examined: 30,
    });
    const { stdout } = await run("status", { status, containersOf });
    expect(stdout.split("\n").slice(0, 4)).toEqual([
      "PID  COMMAND       CONTAINER     STATE   OFFSET  CLOCKS    WAITS  SINCE                            SKEW ID",
      "  5  redis-server  web           skewed    -10m  realtime     61  2026-11-20 14:49:02 (3 min ago)  3f2a00000000c0de",
      "  6  redis-server  5a175a175a17  skewed    -10m  realtime     61  2026-11-20 14:49:02 (3 min ago)  3f2a00000000c0de",
      "  7  redis-server  -             skewed    -10m  realtime     61  2026-11-20 14:49:02 (3 min ago)  3f2a00000000c0de",
    ]);
    const { report } = await runJson("status", { status, containersOf });
    expect(report.targets[0]).toMatchObject({ pid: 5, container: { name: "web" } });
  });

  it("status --watch lists anew each time; a container may be empty for a while, a tree is over then", async () => {
    const lists = [[5], [5], [5, 6], []];
    const { world } = foreground([() => {}, () => {}, ({ interrupt }) => interrupt()]);
    const watched = await run(
      "status --watch --container web",
      { select: selection(() => lists.shift()!) },
      world,
    );
    expect(watched.code).toBe(0);
    expect(watched.stdout.match(/^ +\d redis|^ *\d {2}redis/gm)).toHaveLength(3);
    expect(watched.stdout).toContain(
      "container web (docker 3f2a91c07d1e): there are no processes any more\n",
    );
    const tree = [[5], [5], []];
    const ended = await run(
      "status --watch --pid 5 --tree",
      { select: selection(() => tree.shift()!, { lasts: false }) },
      foreground([() => {}]).world,
    );
    expect(ended.code).toBe(3);
  });

  it("now shows each one's wall clock next to the host's", async () => {
    const { code, stdout, report } = await (async () => {
      const engine = {
        select: selection([5, 1234]),
        readClocks: (async ({ pid }) => nowResult(pid)) satisfies Engine["readClocks"],
      };
      return {
        ...(await run("now --container web", engine)),
        ...(await runJson("now --container web", engine)),
        ...(await run("now --container web", engine)),
      };
    })();
    expect(code).toBe(0);
    expect(report).toMatchObject({ longestPauseNs: "143211", targets: [{ pid: 5 }, { pid: 1234 }] });
    expect(stdout.split("\n")).toEqual([
      " PID  COMMAND       STATE   CLOCK_REALTIME           HOST                     DIFFERENCE  MONOTONIC",
      "   5  redis-server  skewed  2026-11-20 14:39:02.123  2026-11-20 14:49:02.123  -10m ±40ns   0s ±40ns",
      "1234  redis-server  skewed  2026-11-20 14:39:02.123  2026-11-20 14:49:02.123  -10m ±40ns   0s ±40ns",
      "one thread of each was stopped, for 143 µs at the most",
      "",
    ]);
  });
});

describe("inject --wait of a set", () => {
  const many = Array.from({ length: 30 }, (_, i) => i + 1);
  const skewed: Engine["status"] = async ({ pids = [] } = {}) => ({
    rows: pids.map((pid) =>
      row(pid, pid === 9 ? { skew: { ...REALTIME_SKEW, id: "00000000000000bb" } } : {}),
    ),
    unreadable: [],
    examined: 1,
  });

  it("sums up many processes in one line for each skew", async () => {
    const { world } = foreground([({ interrupt }) => interrupt()]);
    const stderr = { isTTY: true, columns: 100, rows: 24 } as never;
    const { stderr: drawn } = await run(
      `${WEB} --wait --no-color`,
      { select: selection(many), status: skewed },
      { ...world, stderr },
    );
    expect(drawn).toContain(
      "true 14:52:02  29 processes          14:42:02  -10m\n" +
        "               redis-server (pid 9)  14:42:02  -10m\nCtrl-C gives the true time back",
    );
  });

  it("gives those back that have its skew, newcomers too, and nobody else's", async () => {
    const lists = [
      [5, 9],
      [5, 9],
      [5, 9],
      [5, 9],
      [5, 9, 12],
      [5, 9, 12],
    ];
    const { world } = foreground([({ interrupt }) => interrupt()]);
    const { code, stdout, calls } = await run(
      `${WEB} --wait`,
      { select: selection(() => lists.shift() ?? [5, 9, 12]), status: skewed },
      world,
    );
    expect(code).toBe(0);
    const given = calls.filter(([name]) => name === "recover").map(([, o]) => (o as { pid: number }).pid);
    expect(given).toEqual([5, 12]);
    expect(stdout).toContain("✔ container web (docker 3f2a91c07d1e): 2 processes read the true time\n");
  });
});
