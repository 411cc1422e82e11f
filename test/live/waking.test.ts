/**
 * Threads that are asleep when a session begins are not stopped. Here they wake up all the time in the middle of the
 * bytes that are being rewritten, and the session is stretched so that many do: between the last look at them and the
 * writing of the jumps, and between that and the next look.
 */
import { expect, test } from "vitest";
import { recover } from "../../src/engine/index.ts";
import { findPages, inspect } from "../../src/engine/inspect.ts";
import { planInjection } from "../../src/patch/inject.ts";
import type { PatchPlan, Step } from "../../src/patch/plan.ts";
import { planRewrites } from "../../src/patch/trampoline.ts";
import { expandClocks } from "../../src/skew/clock.ts";
import { execute } from "../../src/tracer/execute.ts";
import { loadPayload } from "../../src/tracer/native.ts";
import { build } from "../support/build.ts";
import { Dialog } from "../support/dialog.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { snapshot } from "../support/proc.ts";
import { WAKER } from "../support/recipes.ts";
import { waitFor } from "../support/wait.ts";

const THREADS = 24;
const OFFSET = -600_000_000_000n;
const ROUNDS = 15;
/** Checks of unchanging bytes, which take some milliseconds together. */
const STRETCH = 600;

interface Tally {
  readings: number;
  skewed: number;
  violations: number;
}

async function startWaker(): Promise<Dialog> {
  return Dialog.greeted([await build(WAKER), String(THREADS), String(OFFSET)]);
}

/** The plan of an injection that dawdles before and behind each write of a jump. */
function stretched(
  pid: number,
  trapping: boolean,
): { plan: PatchPlan; inspection: ReturnType<typeof inspect> } {
  const inspection = inspect(pid, { locked: true });
  const { vdso, pristineTail } = inspection;
  const pages = findPages(inspection);
  const payload = loadPayload();
  const { mask } = expandClocks(["CLOCK_REALTIME"], { exact: false });
  const settings = { mask, offset: OFFSET, skewId: 1n, since: 0n };
  const plan = planInjection({ pid, vdso, payload, pages, settings, pristineTail });
  expect(plan.sleepers).toBe("left");
  const dawdle: Step[] = new Array(STRETCH).fill({
    op: "check",
    address: vdso.start,
    bytes: vdso.bytes.slice(0, 1024),
    what: "time passes",
  });
  // Jumps to the payload's functions themselves: what lies inside them does not trap.
  const plain = new Map(planRewrites(vdso, payload, pages).map(({ site }) => [site.function, site.patched]));
  const steps = plan.steps.flatMap((step): Step[] => {
    if (step.op !== "patch") return [step];
    const site = plan.sites.find(({ address }) => address === step.address)!;
    const bytes = trapping ? step.new : plain.get(site.function)!;
    const patch = { ...step, new: bytes };
    return site.function === "clock_gettime" ? [...dawdle, patch, ...dawdle] : [patch];
  });
  return { plan: { ...plan, steps }, inspection };
}

function injectSlowly(pid: number, trapping: boolean): number {
  const { plan, inspection } = stretched(pid, trapping);
  using target = inspection;
  const { report } = execute(plan, target.process);
  expect(report.asleep).toBeGreaterThan(0);
  return report.movedThreads + report.movedFrames;
}

test("threads that wake up inside a prologue while it is rewritten", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using victim = await startWaker();
  await victim.askJson<Tally>("tally"); // the thread that answers has its own heap by then
  const untouched = snapshot(victim.pid);
  let moved = 0;
  for (let round = 0; round < ROUNDS; round++) {
    moved += injectSlowly(victim.pid, true);
    const before = await victim.askJson<Tally>("tally");
    expect(before.violations).toBe(0);
    await recover({ pid: victim.pid });
  }
  const { readings, skewed, violations } = await victim.askJson<Tally>("tally");
  expect(violations).toBe(0);
  expect(readings).toBeGreaterThan(0);
  expect(skewed).toBeGreaterThan(0);
  expect(moved).toBeGreaterThan(ROUNDS);
  // In a handler a thread's stack holds remains of earlier calls, which count as if they were of use.
  await victim.askJson<Tally>("rest");
  await waitFor("nothing to be left", async () => (await recover({ pid: victim.pid })).action === "nothing");
  expect(snapshot(victim.pid)).toEqual(untouched);
});

test("would die of it if the jumps' bytes did not trap", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using victim = await startWaker();
  const dies = async () => {
    for (let round = 0; round < 10 * ROUNDS; round++) {
      injectSlowly(victim.pid, false);
      if ((await victim.askJson<Tally>("tally")).violations > 0) throw new Error("wrong readings");
      await recover({ pid: victim.pid });
    }
  };
  await expect(dies()).rejects.toThrow();
});
