/** Several processes: one table, one undo, and whoever comes or goes meanwhile. */
import { describe, expect, it } from "vitest";
import type { Engine } from "../../../src/cli/engine.ts";
import { TimeskewError } from "../../../src/errors.ts";
import type { Selector } from "../../../src/target/select.ts";
import type { InjectResult } from "../../../src/types.ts";
import {
  fails,
  foreground,
  injected,
  MINUTE,
  nowResult,
  profile,
  REALTIME_SKEW,
  recovered,
  row,
  run,
  runJson,
  selection,
} from "./helpers.ts";

const INJECT = "inject --offset -10m";
const WEB = `${INJECT} --container web`;

/** What the selectors of a command line are. */
async function selectors(line: string): Promise<readonly Selector[]> {
  let seen: readonly Selector[] = [];
  const select: Engine["select"] = async (given) => {
    seen = given;
    return selection([5])();
  };
  const { code, stderr } = await run(line, { select });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return seen;
}

describe("selectors", () => {
  it.each<[string, Selector[]]>([
    ["--pid 5 --tree", [{ kind: "tree", pid: 5 }]],
    ["--container web", [{ kind: "container", name: "web" }]],
    ["--container /web", [{ kind: "container", name: "web" }]],
    ["--container docker://3f2a91c07d1e", [{ kind: "container", name: "3f2a91c07d1e" }]],
    ["--pod default/web-0", [{ kind: "pod", namespace: "default", name: "web-0" }]],
    [
      "--pod-uid 8A5C6A1B-0E3F-4A6B-9C4D-000000000001",
      [{ kind: "podUid", uid: "8a5c6a1b-0e3f-4a6b-9c4d-000000000001" }],
    ],
    ["--cgroup /system.slice/", [{ kind: "cgroup", path: "/system.slice" }]],
    ["--cgroup /", [{ kind: "cgroup", path: "/" }]],
    [
      "--user www-data --user 33",
      [
        { kind: "user", user: "www-data" },
        { kind: "user", user: "33" },
      ],
    ],
    ["--comm redis-server", [{ kind: "comm", comm: "redis-server" }]],
    [
      "--pid 7,5,7",
      [
        { kind: "pid", pid: 7 },
        { kind: "pid", pid: 5 },
      ],
    ],
    [
      "--comm a --pid 5 --container b --container b --cgroup /c",
      [
        { kind: "pid", pid: 5 },
        { kind: "container", name: "b" },
        { kind: "cgroup", path: "/c" },
        { kind: "comm", comm: "a" },
      ],
    ],
  ])("%s", async (flags, expected) => {
    for (const command of [INJECT, "recover", "status", "now", "doctor", `${INJECT} --dry-run`]) {
      expect(await selectors(`${command} ${flags}`)).toEqual(expected);
    }
  });

  it.each([
    ["--tree", "--tree is for --pid: whose tree?", "for example --pid 1234 --tree"],
    ["--container web --tree", "--tree is for --pid: whose tree?", "for example --pid 1234 --tree"],
    ["--container a/b", "--container 'a/b': not the name", "--container 3f2a91c07d1e"],
    ["--container /docker/3f2a", "--container '/docker/3f2a': not the name", "--cgroup /docker/3f2a"],
    ["--pod web-0", "--pod 'web-0': not a namespace and a name", "--pod default/web-0"],
    ["--pod a/b/c", "--pod 'a/b/c'", "--pod default/web-0"],
    ["--pod-uid a/b", "--pod-uid 'a/b': not a pod's uid", "kubectl get pod"],
    ["--cgroup system.slice", "--cgroup 'system.slice': not a path", "begins with a slash"],
    ["--user a:b", "--user 'a:b': not a user", "--user www-data"],
    ["--user -1", "--user '-1': not a user", "--user www-data"],
    ["--comm redis-sentinel-2", "--comm 'redis-sentinel-2': names have 15 bytes", "'redis-sentinel-'"],
    ["--comm redis-sentinelé", "names have 15 bytes", "'redis-sentinel'"],
    ["--container --quiet", "--container needs a value", "right after --container"],
  ])("refuses %s", async (flags, message, hint) => {
    for (const command of [INJECT, "recover", "status", "now", "doctor"]) {
      const { code, stderr, calls } = await run(`${command} ${flags}`);
      expect({ code, calls }).toEqual({ code: 2, calls: [] });
      expect(stderr).toContain(message);
      expect(stderr).toContain(hint);
    }
  });

  it.each([
    ["--all --container web", "--all and --container exclude each other"],
    ["--all --skew 3f", "--all and --skew exclude each other"],
    ["--skew 3f --pid 5 --tree", "--skew and --pid exclude each other"],
    ["--skew 3f --pod-uid a", "--skew and --pod-uid exclude each other"],
    ["--skew 3g", "--skew '3g': not a skew's id"],
    ["--skew 12345678901234567", "not a skew's id"],
  ])("recover and status refuse %s", async (flags, message) => {
    for (const command of ["recover", "status"]) {
      const { code, stderr } = await run(`${command} ${flags}`);
      expect(code).toBe(2);
      expect(stderr).toContain(message);
    }
  });

  it("what they mean is the engine's to say: its errors are the command's", async () => {
    const select = fails("E_AMBIGUOUS", "container w means several", { hint: "web, worker" });
    expect(await run(WEB, { select })).toEqual({
      calls: [],
      code: 2,
      stdout: "",
      stderr: "timeskew: container w means several\n  hint: web, worker\n",
    });
  });

  it.each([INJECT, "recover", "status", "now", "doctor"])("%s of an empty set exits 3", async (command) => {
    const { code, stderr } = await run(`${command} --container web`, { select: selection([]) });
    expect(code).toBe(3);
    expect(stderr).toContain("timeskew: container web (docker 3f2a91c07d1e): there are no processes\n");
  });
});

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
      planAsJson: () => ({ sites: [] }),
    });
    expect(report).toMatchObject({ dryRun: true, targets: [{ pid: 5, plan: { sites: [] } }, { pid: 6 }] });
  });
});

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
