import { describe, expect, it } from "vitest";
import type { InjectResult } from "../../../src/types.ts";
import {
  injected,
  MINUTE,
  MONOTONIC_SKEW,
  NOON,
  profile,
  REALTIME_SKEW,
  reading,
  run,
  runJson,
} from "./helpers.ts";

const LINE = "inject --pid 1234 --offset -10m";

describe("inject: what it asks of the engine", () => {
  const asked = async (line: string) => (await run(line)).calls;

  it("passes the target, and the offset as it was typed", async () => {
    expect(await asked(LINE)).toEqual([["inject", { pid: 1234, offset: "-10m" }]]);
  });

  it.each([
    ["--offset -600s", "-600s"],
    ["--offset=-600s", "-600s"],
    ["--offset -10m100ns", "-10m100ns"],
    ["--offset=-10m100ns", "-10m100ns"],
    ["-o -1.5h", "-1.5h"],
    ["-o-5s", "-5s"],
    ["--offset +1ns", "+1ns"],
    ["--offset 0", "0"],
  ])("reads %s, though it begins with a dash", async (words, offset) => {
    expect(await asked(`inject --pid 1 ${words}`)).toEqual([["inject", { pid: 1, offset }]]);
  });

  it("passes every other flag", async () => {
    const line = `${LINE} --clock realtime,CLOCK_TAI -c monotonic --exact --allow-backward-monotonic --stop-timeout 1.5s`;
    expect(await asked(line)).toEqual([
      [
        "inject",
        {
          pid: 1234,
          offset: "-10m",
          clocks: ["CLOCK_REALTIME", "CLOCK_TAI", "CLOCK_MONOTONIC"],
          exact: true,
          allowBackwardMonotonic: true,
          stopTimeoutMs: 1500,
        },
      ],
    ]);
  });

  it("takes several targets, each once and in order", async () => {
    const calls = await asked("inject --pid 7,5 -p 6 --pid=5 --offset 1s");
    expect(calls.map(([, o]) => (o as { pid: number }).pid)).toEqual([7, 5, 6]);
  });
});

describe("inject: text", () => {
  it("says what the target reads now, what it took and how to undo it", async () => {
    const { code, stdout, stderr } = await run(LINE);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.split("\n")).toEqual([
      "✔ redis-server (pid 1234) is now 10m behind",
      "  CLOCK_REALTIME  2026-11-20 14:39:02.123  true 14:49:02.123  -10m",
      "  with it: CLOCK_REALTIME_COARSE, CLOCK_REALTIME_ALARM, CLOCK_TAI, gettimeofday, time",
      "  deadlines and clock system calls translated at 61 places",
      "  not covered: rdtsc, times of files",
      "  stopped for 143 µs (5 threads)",
      "  undo: timeskew recover --pid 1234",
      "",
    ]);
  });

  it("names what is not covered: a few places, or how many", async () => {
    const place = (name: string | undefined) => ({
      image: "/opt/lib/libodd.so.1",
      at: "0x1234",
      function: name,
      call: name && "futex",
      why: "no function bounds",
    });
    const waits = {
      sites: 1,
      unproved: [place("odd_wait"), place(undefined)],
      unsearched: [{ image: "/opt/\u001bbin/odd", why: "is for aarch64" }],
      generatedCode: 3,
    };
    const few = await run(LINE, { inject: async () => injected(1234, { waits }) });
    expect(few.stdout).toContain("  deadlines and clock system calls translated at 1 place\n");
    expect(few.stdout).toContain(
      "  not covered: futex in odd_wait of libodd.so.1 (no function bounds); " +
        "system calls chosen at run time, 1 place in libodd.so.1; " +
        "odd (is for aarch64); code generated at run time; rdtsc, times of files\n",
    );
    const unproved = ["one", "two", "three"].map(place);
    const many = await run(LINE, { inject: async () => injected(1234, { waits: { ...waits, unproved } }) });
    expect(many.stdout).toContain("  not covered: 3 places in libodd.so.1; odd");
  });

  it("leaves waits alone with --no-waits, and says so", async () => {
    const asked: unknown[] = [];
    const inject = async (o: { waits?: boolean }) => {
      asked.push(o.waits);
      return injected(1234, { waits: undefined });
    };
    const { stdout } = await run(`${LINE} --no-waits`, { inject });
    expect(asked).toEqual([false]);
    expect(stdout).toContain("  waits are not translated (--no-waits)\n");
    await run(LINE, { inject });
    expect(asked).toEqual([false, undefined]);
  });

  it("names what was in force before, and that nothing was stopped, when it updates", async () => {
    const previous = { ...REALTIME_SKEW, offset: 60n * MINUTE };
    const inject = async () => injected(1234, { action: "updated", previous, pauseNs: 0n, threads: 0 });
    const { stdout } = await run(LINE, { inject });
    expect(stdout).toContain("redis-server (pid 1234) is now 10m behind (was 1h ahead)\n");
    expect(stdout).toContain("  settings changed in place, without stopping it\n");
  });

  it("shows a clock that counts from boot as such, and an undo that will be allowed", async () => {
    const readings = [reading("CLOCK_MONOTONIC", 273_845_123_456_789n, 2_000_000_000n)];
    const inject = async () => injected(9, { skew: MONOTONIC_SKEW, readings, movedThreads: 2 });
    const { stdout } = await run("inject --pid 9 --offset 2s -c monotonic", { inject });
    expect(stdout).toContain("  CLOCK_MONOTONIC  3d 04:04:07.123  true 3d 04:04:05.123  2s\n");
    expect(stdout).toContain("  stopped for 143 µs (5 threads, 2 moved out of the patched bytes)\n");
    expect(stdout).toContain("  undo: timeskew recover --pid 9 --allow-backward-monotonic\n");
  });

  it.each([
    [1, 0, "(1 thread)"],
    [2, 1, "(1 of 2 threads; the other slept on)"],
    [1000, 997, "(3 of 1000 threads; the others slept on)"],
  ])("tells of %i threads, %i of them asleep", async (threads, asleepThreads, words) => {
    const { stdout } = await run(LINE, { inject: async () => injected(1234, { threads, asleepThreads }) });
    expect(stdout).toContain(`  stopped for 143 µs ${words}\n`);
  });

  it("shows the day of the true time when it is another one", async () => {
    const readings = [reading("CLOCK_REALTIME", NOON, -1440n * MINUTE)];
    const inject = async () => injected(9, { readings, skew: { ...REALTIME_SKEW, offset: -1440n * MINUTE } });
    const { stdout } = await run(LINE, { inject });
    expect(stdout).toContain(
      "  CLOCK_REALTIME  2026-11-19 14:49:02.123  true 2026-11-20 14:49:02.123  -24h\n",
    );
  });

  it.each([
    [-47n, "is now 47h behind"],
    [72n, "is now 72h (3.0 days) ahead"],
    [-8_766n, "is now 8766h (1.0 years) behind"],
    [97_836n, "is now 97836h (11.2 years) ahead"],
  ])("says of %i hours what a person can tell by", async (hours, words) => {
    const skew = { ...REALTIME_SKEW, offset: hours * 60n * MINUTE };
    const { stdout } = await run(LINE, { inject: async () => injected(9, { skew }) });
    expect(stdout).toContain(`${words}\n`);
  });

  it("undoes several targets with one command", async () => {
    const { stdout } = await run("inject --pid 5,6 --offset -10m");
    expect(stdout.match(/undo:.*/g)).toEqual(["undo: timeskew recover --pid 5,6"]);
  });

  it("-q prints nothing on success", async () => {
    expect(await run(`${LINE} -q`)).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(await run(`-q ${LINE}`)).toMatchObject({ code: 0, stdout: "", stderr: "" });
  });

  it("shows a hostile process name, and never sends it", async () => {
    const inject = async () => injected(1234, { command: "\u001b[2Jev\nil\u202e" });
    const { stdout } = await run(LINE, { inject });
    expect(stdout.split("\n")[0]).toBe("✔ \\x1b[2Jev\\nil\\u202e (pid 1234) is now 10m behind");
  });
});

describe("inject: skews that change by themselves", () => {
  const readings = [reading("CLOCK_REALTIME", NOON, 1_234_567n)];
  const lines = async (more: Partial<InjectResult>) => {
    const result = await run("inject --pid 9 --drift 200ppm", {
      inject: async () => injected(9, { readings, ...more }),
    });
    return { ...result, lines: result.stdout.split("\n") };
  };
  const drifting = {
    ...REALTIME_SKEW,
    offset: 1_234_560n,
    profile: profile({ text: "--drift 200ppm --duration 10s", next: { in: 10_000_000_000n, what: "ends" } }),
  };

  it("says what the clock does, by which verbs, and what comes next", async () => {
    expect((await lines({ skew: drifting })).lines.slice(0, 4)).toEqual([
      "✔ redis-server (pid 9) is now 1.235ms ahead, drifting by +200ppm",
      "  --drift 200ppm --duration 10s",
      "  ends in 10s",
      "  CLOCK_REALTIME  2026-11-20 14:49:02.124  true 14:49:02.123  1.235ms",
    ]);
  });

  it("says so if it has not begun yet", async () => {
    const waiting = profile({ phase: "waiting", rate: 1, next: { in: 30_000_000_000n, what: "starts" } });
    const skew = { ...REALTIME_SKEW, offset: 0n, profile: waiting };
    expect((await lines({ skew, previous: REALTIME_SKEW })).lines.slice(0, 3)).toEqual([
      "✔ redis-server (pid 9) is still on the true time",
      "  --drift 200ppm",
      "  starts in 30s",
    ]);
  });

  it("names what was done before", async () => {
    const { lines: shown } = await lines({ skew: REALTIME_SKEW, previous: drifting, action: "updated" });
    expect(shown[0]).toBe(
      "✔ redis-server (pid 9) is now 10m behind (was 1.235ms ahead, drifting by +200ppm)",
    );
  });

  it("tells of a change that came late, as an aside", async () => {
    const late = { skew: drifting, action: "updated" as const, late: 3_123_456n };
    expect((await lines(late)).stderr).toBe(
      "timeskew: redis-server (pid 9): the change came 3.1 ms late; " +
        "the clock may have jumped by what it gained or lost meanwhile\n",
    );
    expect((await lines({ skew: drifting })).stderr).toBe("");
  });

  it("--json has the profile", async () => {
    const { report } = await runJson("inject --pid 9 --drift 200ppm", {
      inject: async () => injected(9, { skew: drifting }),
    });
    expect(report.targets[0].skew.profile).toEqual({
      text: "--drift 200ppm --duration 10s",
      phase: "running",
      rate: 1.0002,
      next: { in: "10000000000", what: "ends" },
      seed: null,
    });
  });

  it("--dry-run says what it would do", async () => {
    const planInjection = async () => ({
      pid: 9,
      command: "redis-server",
      action: "update" as const,
      plan: undefined,
      skew: drifting,
      waits: undefined,
    });
    const { stdout } = await run("inject --pid 9 --drift 200ppm --dry-run", { planInjection });
    expect(stdout).toContain(
      "without stopping it, to run 1.235ms ahead, drifting by +200ppm\n  --drift 200ppm",
    );
  });
});

describe("inject --json", () => {
  it("is one object with nanoseconds as strings", async () => {
    const { code, report, stderr } = await runJson(LINE);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(report).toMatchObject({
      schemaVersion: 1,
      command: "inject",
      ok: true,
      undo: "timeskew recover --pid 1234",
      targets: [
        {
          ok: true,
          pid: 1234,
          state: "skewed",
          action: "injected",
          previous: null,
          pauseNs: "143211",
          threads: 5,
          asleepThreads: 0,
        },
      ],
    });
    expect(report.error).toBeUndefined();
    expect(report.targets[0].skew).toMatchObject({ offset: "-600000000000", since: String(NOON) });
    expect(report.targets[0].readings[0]).toEqual({
      name: "CLOCK_REALTIME",
      target: "1795185542123456789",
      host: "1795186142123456789",
      difference: "-600000000000",
      uncertainty: "40",
      selected: true,
    });
  });
});

describe("inject --dry-run", () => {
  it("prints the plan and injects nothing", async () => {
    const { code, stdout, calls } = await run(`${LINE} --dry-run`);
    expect(code).toBe(0);
    expect(calls.map(([name]) => name)).toEqual(["planInjection", "describePlan"]);
    expect(stdout.split("\n")).toEqual([
      "redis-server (pid 1234) would be patched to run 10m behind",
      "  clocks: CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_REALTIME_ALARM, CLOCK_TAI, gettimeofday, time",
      "  site 0x7ffc1000: e9 …",
      "",
      "  step 1: stop",
      "  dry run: nothing was changed",
      "",
    ]);
  });

  it("is the result, so -q does not drop it", async () => {
    expect((await run(`${LINE} --dry-run -q`)).stdout).toContain("would be patched");
  });

  it("says that only the settings would change", async () => {
    const planInjection = async () => ({
      pid: 1234,
      command: "redis-server",
      action: "update" as const,
      plan: undefined,
      skew: REALTIME_SKEW,
      waits: undefined,
    });
    const { stdout } = await run(`${LINE} --dry-run`, { planInjection });
    expect(stdout).toContain("is skewed already; its settings would be changed, without stopping it");
    const { report } = await runJson(`${LINE} --dry-run`, { planInjection });
    expect(report).toMatchObject({ dryRun: true, targets: [{ action: "update", plan: null }] });
  });

  it("names every place that would not be translated", async () => {
    const unproved = ["one", "two", "three"].map((name) => ({
      image: "/opt/lib/libodd.so.1",
      at: "0x1",
      function: name,
      call: "futex",
      why: "no function bounds",
    }));
    const planInjection = async () => ({
      pid: 1234,
      command: "redis-server",
      action: "inject" as const,
      plan: {} as never,
      skew: REALTIME_SKEW,
      waits: { sites: 3, unproved, unsearched: [], generatedCode: 0 },
    });
    const { stdout } = await run(`${LINE} --dry-run`, { planInjection });
    expect(stdout).toContain("  places that would not be translated\n    futex in one of libodd.so.1 (no");
    expect(stdout).toContain("    futex in three of libodd.so.1 (no function bounds)\n");
  });

  it("--json has the plan as data", async () => {
    const { report } = await runJson(`${LINE} --dry-run`);
    expect(report).toMatchObject({
      ok: true,
      dryRun: true,
      targets: [{ pid: 1234, plan: { sites: [{ address: "0x7ffc1000" }] } }],
    });
  });
});
