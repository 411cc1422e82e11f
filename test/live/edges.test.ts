/** Odd arguments give what the untouched functions give, and a fraction of a second stays below a second. */
import { describe, expect, test } from "vitest";
import { inject, recover } from "../support/cli.ts";
import { SECOND } from "../support/clock.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { GLIBC, GLIBC_STATIC, MUSL_STATIC } from "../support/recipes.ts";
import { edges, startClocks, startHammer } from "../support/victims.ts";

/** Skews that select the clocks in question, only some of them, and none of them. */
const SKEWS = [
  ["CLOCK_REALTIME"],
  ["CLOCK_MONOTONIC"],
  ["CLOCK_REALTIME,CLOCK_MONOTONIC,CLOCK_MONOTONIC_RAW,CLOCK_PROCESS_CPUTIME_ID,CLOCK_THREAD_CPUTIME_ID"],
  ["CLOCK_BOOTTIME", "--exact"],
];

describe.for([GLIBC, GLIBC_STATIC, MUSL_STATIC])("$title", (variant) => {
  test.for(SKEWS)("every odd call ends as before: %s", async ([clocks = "", ...flags], context) => {
    needPrograms(context, variant.compiler);
    needTracing(context, { permitted: true });
    await using victim = await startClocks(variant);
    const untouched = await edges(victim);
    await inject(victim.pid, "--offset", "10m100ns", "--clock", clocks, ...flags);
    expect(await edges(victim)).toEqual(untouched);
    await recover(victim.pid, "--allow-backward-monotonic");
    expect(await edges(victim)).toEqual(untouched);
  });
});

test.for([1n, -1n, SECOND - 1n, 1n - SECOND])(
  "the carry into the seconds: %i ns",
  async (offset, context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using hammer = await startHammer(2, offset);
    await inject(hammer.pid, "--offset", `${offset}ns`);
    // Several batches of some thousand readings each: every nanosecond value is as likely as any other.
    for (let i = 0; i < 20; i++) {
      expect(await hammer.settle()).toMatchObject({ violations: 0, first: [] });
    }
  },
);
