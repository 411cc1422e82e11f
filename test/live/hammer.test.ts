/** Many cycles on programs whose threads do nothing but read the clock, by the library. */
import { describe, expect, test } from "vitest";
import { needPrograms, needTracing } from "../support/needs.ts";
import { inject, recover } from "../support/patient.ts";
import { maps, threads, vdso } from "../support/proc.ts";
import { type Hammer, startHammer } from "../support/victims.ts";
import { waitFor } from "../support/wait.ts";

/** `npm run soak` does 10,000. */
const CYCLES = 200;
/** Not whole seconds: a reading whose seconds are skewed and whose nanoseconds are not must stand out. */
const SKEW = -600_123_456_789n;

/**
 * On two cores 64 spinning threads take turns, and until each has had one, a tenth of a second passes: they
 * are waited for in every tenth cycle, and in the others they are met wherever they are.
 */
const LOADS = [
  { count: 64, cycles: 40, settleEvery: 10 },
  { count: 8, cycles: CYCLES, settleEvery: 1 },
];

/** Skewed, every thread reads the skewed time and nothing else; unskewed, the true time. */
async function expectReadings(hammer: Hammer, seen: "skewed" | "true"): Promise<void> {
  const absent = seen === "skewed" ? "0" : String(SKEW);
  expect(await hammer.settle()).toMatchObject({ violations: 0, first: [], seen: { [absent]: 0 } });
}

describe.for(LOADS)("$count threads", ({ count, cycles, settleEvery }) => {
  test(`${cycles} cycles leave no trace`, { timeout: 300_000 }, async (context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using hammer = await startHammer(count, SKEW);
    const { pid } = hammer;
    const untouched = vdso(pid);
    const mappings = maps(pid).length;
    const tids = threads(pid);
    expect(tids).toHaveLength(count + 1);

    for (let cycle = 1; cycle <= cycles; cycle++) {
      const settles = cycle % settleEvery === 0;
      const injected = await inject({ pid, offset: SKEW, clocks: ["CLOCK_REALTIME"] });
      expect(injected).toMatchObject({ state: "skewed", action: "injected", threads: count + 1 });
      if (settles) await expectReadings(hammer, "skewed");

      const recovered = await recover({ pid });
      expect(recovered).toMatchObject({ action: "recovered" });
      expect(vdso(pid).equals(untouched)).toBe(true);
      if (recovered.state === "unskewed") expect(maps(pid)).toHaveLength(mappings);
      if (settles) await expectReadings(hammer, "true");
    }

    await waitFor("the last pages to be unmapped", async () => {
      const { state } = await recover({ pid });
      return state === "unskewed";
    });
    expect(maps(pid)).toHaveLength(mappings);
    expect(threads(pid)).toEqual(tids);
  });
});

test("settings changed under load: each thread reads the old offset or the new one", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  const other = 86_400_987_654_321n;
  await using hammer = await startHammer(8, SKEW, other);
  const { pid } = hammer;
  await inject({ pid, offset: SKEW });
  for (const offset of Array.from({ length: CYCLES }, (_, i) => (i % 2 === 0 ? other : SKEW))) {
    expect(await inject({ pid, offset })).toMatchObject({ action: "updated", threads: 0, pauseNs: 0n });
    const { seen, ...rest } = await hammer.settle();
    expect(rest).toMatchObject({ violations: 0, first: [] });
    const seenOffsets = Object.keys(seen).filter((key) => seen[key]! > 0);
    expect(seenOffsets).toEqual([String(offset)]);
  }
});

test("the hammer does notice a wrong time", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using hammer = await startHammer(2, SKEW);
  await inject({ pid: hammer.pid, offset: SKEW - 1_000_000n });
  const { violations, first } = await hammer.settle();
  expect(violations).toBeGreaterThan(0);
  expect(first[0]).toMatch(/is no permitted time|ahead of the end/);
});
