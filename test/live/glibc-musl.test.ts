/** C programs: every clock and every function, exact to the nanosecond, with each libc and way of linking. */
import { describe, expect, test } from "vitest";
import { inject, recover } from "../support/cli.ts";
import { MINUTE, SECOND } from "../support/clock.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { uptime } from "../support/proc.ts";
import { exactSkews, monotonicSkews, realtimeSkews } from "../support/readings.ts";
import { GLIBC, GLIBC_STATIC, MUSL_STATIC } from "../support/recipes.ts";
import { startClocks } from "../support/victims.ts";

/** Written as a user writes them, and in ns. */
const OFFSETS: [text: string, ns: bigint][] = [
  ["1ns", 1n],
  ["-1ns", -1n],
  ["999999999ns", SECOND - 1n],
  ["-999999999ns", 1n - SECOND],
  ["600s", 10n * MINUTE],
  ["-600s", -10n * MINUTE],
  ["-10m100ns", -10n * MINUTE - 100n],
  ["43800h", 43_800n * 60n * MINUTE],
];

const CLOCKS = [
  "CLOCK_REALTIME",
  "CLOCK_MONOTONIC",
  "CLOCK_PROCESS_CPUTIME_ID",
  "CLOCK_THREAD_CPUTIME_ID",
  "CLOCK_MONOTONIC_RAW",
  "CLOCK_REALTIME_COARSE",
  "CLOCK_MONOTONIC_COARSE",
  "CLOCK_BOOTTIME",
  "CLOCK_REALTIME_ALARM",
  "CLOCK_BOOTTIME_ALARM",
  "CLOCK_TAI",
];

describe.for([GLIBC, GLIBC_STATIC, MUSL_STATIC])("$title", (variant) => {
  test.for(OFFSETS)("the wall clock %s and back", async ([text, offset], context) => {
    needPrograms(context, variant.compiler);
    needTracing(context, { permitted: true });
    await using victim = await startClocks(variant);

    const { skew } = await inject(victim.pid, "--offset", text);
    expect(skew.offset).toBe(String(offset));
    expect(await victim.complaints(realtimeSkews(offset))).toEqual([]);

    expect(await recover(victim.pid)).toMatchObject({ action: "recovered" });
    expect(await victim.complaints({})).toEqual([]);
  });

  test("--exact: CLOCK_REALTIME and nothing that belongs to it", async (context) => {
    needPrograms(context, variant.compiler);
    needTracing(context, { permitted: true });
    await using victim = await startClocks(variant);
    await inject(victim.pid, "--offset", "-600s", "--clock", "CLOCK_REALTIME", "--exact");
    expect(await victim.complaints(exactSkews("CLOCK_REALTIME", -10n * MINUTE, variant))).toEqual([]);
  });

  test("CLOCK_MONOTONIC back, with permission, and forward again", async (context) => {
    needPrograms(context, variant.compiler);
    needTracing(context, { permitted: true });
    await using victim = await startClocks(variant);
    // No further back than to the start of a machine that may just have started.
    const seconds = Math.ceil(uptime() / 2);
    const flags = ["--clock", "CLOCK_MONOTONIC", "--allow-backward-monotonic"];
    await inject(victim.pid, "--offset", `-${seconds}s`, ...flags);
    expect(await victim.complaints(monotonicSkews(BigInt(-seconds) * SECOND))).toEqual([]);
    await recover(victim.pid);
    expect(await victim.complaints({})).toEqual([]);
  });
});

describe("one clock at a time, with --exact", () => {
  test.for(CLOCKS)("%s", async (clock, context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using victim = await startClocks(GLIBC);
    if (!victim.readable.includes(clock)) context.skip(`needs ${clock}: this machine has no real-time clock`);
    await inject(victim.pid, "--offset", "7s", "--exact", "--clock", clock);
    expect(await victim.complaints(exactSkews(clock, 7n * SECOND, GLIBC))).toEqual([]);
    await recover(victim.pid, "--allow-backward-monotonic");
    expect(await victim.complaints({})).toEqual([]);
  });
});

test("several clocks, in a list and by repetition", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using victim = await startClocks(GLIBC);
  const clocks = ["--clock", "CLOCK_REALTIME,CLOCK_MONOTONIC", "--clock", "CLOCK_MONOTONIC_RAW"];
  await inject(victim.pid, "--offset", "1h", ...clocks);
  const hour = 60n * MINUTE;
  expect(
    await victim.complaints({
      ...realtimeSkews(hour),
      ...monotonicSkews(hour),
      CLOCK_MONOTONIC_RAW: hour,
    }),
  ).toEqual([]);
});
