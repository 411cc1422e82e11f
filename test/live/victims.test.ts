/** The instruments themselves: untouched victims tell the truth, and what judges them can say no. */
import { describe, expect, test } from "vitest";
import { needPrograms } from "../support/needs.ts";
import { realtimeSkews } from "../support/readings.ts";
import { GLIBC, GLIBC_STATIC, MUSL_STATIC } from "../support/recipes.ts";
import { edges, startClocks, startHammer } from "../support/victims.ts";

describe.for([GLIBC, GLIBC_STATIC, MUSL_STATIC])("clocks.c, $title", (variant) => {
  test("reads the true time with every clock and function", async (context) => {
    needPrograms(context, variant.compiler);
    await using victim = await startClocks(variant);
    expect(await victim.complaints({})).toEqual([]);
    expect(victim.readable).toEqual(
      expect.arrayContaining(["CLOCK_REALTIME", "CLOCK_MONOTONIC", "CLOCK_TAI"]),
    );
  });

  test("a skew that is not there is missed, be it one nanosecond", async (context) => {
    needPrograms(context, variant.compiler);
    await using victim = await startClocks(variant);
    const skews = realtimeSkews(-600_000_000_000n);
    const readable = Object.keys(skews).filter((name) => !name.endsWith("_ALARM"));
    expect((await victim.complaints(skews)).length).toBeGreaterThanOrEqual(readable.length);
    expect(await victim.complaints({ CLOCK_REALTIME_COARSE: 1n })).toEqual([
      "CLOCK_REALTIME_COARSE is -1 ns off (expected a skew of 1)",
    ]);
  });

  test("the odd calls end in all the ways there are, and in the same way each time", async (context) => {
    needPrograms(context, variant.compiler);
    await using victim = await startClocks(variant);
    const outcomes = await edges(victim);
    expect(await edges(victim)).toEqual(outcomes);
    expect(outcomes["__vdso_clock_gettime(0, NULL)"]).toMatch(/^signal 11, code 1, at NULL; wrote$/);
    expect(outcomes["__vdso_clock_gettime(2, NULL)"]).toBe("returned -14, errno 0; wrote");
    expect(outcomes["clock_gettime(10, NULL)"]).toBe("returned -1, errno 22; wrote");
    expect(outcomes["__vdso_gettimeofday(NULL, arena+1024)"]).toBe("returned 0, errno 0; wrote 1024 1028");
    expect(outcomes["__vdso_time(NULL)"]).toBe("returned a time; wrote");
    expect(Object.keys(outcomes).length).toBeGreaterThan(800);
  });
});

test("hammer.c finds nothing wrong with an untouched clock", async (context) => {
  needPrograms(context, "gcc");
  await using hammer = await startHammer(8, -600_000_000_000n);
  const { threads, violations, seen } = await hammer.settle();
  expect({ threads, violations }).toEqual({ threads: 8, violations: 0 });
  expect(seen).toEqual({ "0": expect.toSatisfy((count: number) => count > 0), "-600000000000": 0 });
});
