import { describe, expect, it } from "vitest";
import { MINUTE, NOON, nowResult, profile, REALTIME_SKEW, reading, run, runJson } from "./helpers.ts";

describe("now", () => {
  it("prints the target's clocks next to the host's", async () => {
    const readings = [
      reading("CLOCK_REALTIME", NOON, -10n * MINUTE + 17n),
      {
        ...reading("CLOCK_MONOTONIC_COARSE", 4_845_123_456_789n, 1_300_000n, false),
        uncertainty: 4_000_020n,
      },
      {
        ...reading("CLOCK_THREAD_CPUTIME_ID", 1_000n, 0n, false),
        host: undefined,
        difference: undefined,
      },
      { ...reading("CLOCK_TAI", NOON, 0n, false), target: undefined, difference: undefined },
      reading("gettimeofday", NOON, -10n * MINUTE),
      reading("time", NOON, -10n * MINUTE),
    ];
    const { code, stdout, calls } = await run("now --pid 1234 --stop-timeout 2s", {
      readClocks: async () => nowResult(1234, { readings, pauseNs: 1_234_000n }),
    });
    expect(code).toBe(0);
    expect(calls).toEqual([["readClocks", { pid: 1234, stopTimeoutMs: 2000 }]]);
    expect(stdout.split("\n")).toEqual([
      "redis-server (pid 1234): skewed, 10m behind (offset -10m)",
      "CLOCK                    TARGET                         HOST                           DIFFERENCE",
      "CLOCK_REALTIME           2026-11-20 14:39:02.123456806  2026-11-20 14:49:02.123456789  -10m ±60ns",
      "CLOCK_MONOTONIC_COARSE   01:20:45.124756789             01:20:45.123456789                0s ±6ms",
      "CLOCK_THREAD_CPUTIME_ID  00:00:00.000001000             -                                       -",
      "CLOCK_TAI                the call failed                2026-11-20 14:49:02.123456789           -",
      "gettimeofday             2026-11-20 14:39:02.123456     2026-11-20 14:49:02.123456     -10m ±40ns",
      "time                     2026-11-20 14:39:02            2026-11-20 14:49:02            -10m ±40ns",
      "one thread was stopped for 1.2 ms",
      "",
    ]);
  });

  it.each([
    [
      { monotonic: 1_000_000_000_000_000n, boottime: -5_000_000_000n },
      "in another time namespace (CLOCK_MONOTONIC +277h46m40s, CLOCK_BOOTTIME -5s): HOST is as seen from there",
    ],
    [
      "unknown" as const,
      "in another time namespace, whose offsets the kernel does not tell: these clocks have no HOST",
    ],
  ])("says that the target is in another time namespace: %#", async (timeShift, line) => {
    const { stdout } = await run("now --pid 1", { readClocks: async () => nowResult(1, { timeShift }) });
    expect(stdout.split("\n")[1]).toBe(line);
  });

  it("gives a difference as measured where it is not what the skew says", async () => {
    const readings = [
      { ...reading("CLOCK_REALTIME", NOON, -10n * MINUTE + 61n), uncertainty: 60n },
      { ...reading("CLOCK_MONOTONIC", 4_845_123_456_789n, -10n * MINUTE, false), uncertainty: 60n },
    ];
    const { stdout } = await run("now --pid 1", { readClocks: async () => nowResult(1, { readings }) });
    expect(stdout).toMatch(/^CLOCK_REALTIME .* -9m59\.9999999s ±/m);
    expect(stdout).toMatch(/^CLOCK_MONOTONIC .* -10m ±/m);
  });

  it("says of a skew that changes what it does, and what was measured", async () => {
    const skew = {
      ...REALTIME_SKEW,
      offset: -599_998_812_000n,
      profile: profile({ next: { in: 8_000_000_000n, what: "ends" } }),
    };
    const readings = [
      { ...reading("CLOCK_REALTIME", NOON, -599_998_812_345n), uncertainty: 40n },
      reading("CLOCK_MONOTONIC", 4_845_123_456_789n, 0n, false),
    ];
    const { stdout } = await run("now --pid 1", { readClocks: async () => nowResult(1, { skew, readings }) });
    expect(stdout.split("\n").slice(0, 3)).toEqual([
      "redis-server (pid 1): skewed, 9m59.999s behind, drifting by +200ppm",
      "--drift 200ppm",
      "ends in 8s",
    ]);
    expect(stdout).toMatch(/^CLOCK_REALTIME .* -9m59\.99881235s ±50ns$/m);
    expect(stdout).toMatch(/^CLOCK_MONOTONIC .* 0s ±40ns$/m);
  });

  it("is a result: -q does not drop it", async () => {
    expect((await run("now --pid 1 -q")).stdout).toContain("CLOCK_REALTIME");
  });

  it("says that a skew is over", async () => {
    const skew = { ...REALTIME_SKEW, offset: 0n, profile: profile({ rate: 1, phase: "ended" }) };
    const readClocks = async () => nowResult(1, { state: "ended", skew, readings: [] });
    expect((await run("now --pid 1", { readClocks })).stdout).toContain(
      "redis-server (pid 1): its skew is over, it reads the true time\n--drift 200ppm\n",
    );
  });

  it("names other states", async () => {
    const readClocks = async () => nowResult(1, { state: "unskewed", skew: undefined, readings: [] });
    expect((await run("now --pid 1", { readClocks })).stdout).toContain("redis-server (pid 1): not skewed\n");
  });

  it("--json has every reading", async () => {
    const { report } = await runJson("now --pid 1");
    expect(report.targets[0].readings).toHaveLength(3);
  });
});
