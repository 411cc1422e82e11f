/**
 * Programs that a timer interrupts every 50 µs, wherever they are: each injection and each recovery succeeds, every
 * reading of the clock is the true time or the whole skew, in handlers as elsewhere, and the timers go on.
 */
import { expect, test } from "vitest";
import { build } from "../support/build.ts";
import * as cli from "../support/cli.ts";
import { Dialog } from "../support/dialog.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { inject, recover } from "../support/patient.ts";
import { codeSnapshot } from "../support/proc.ts";
import { TIMERS } from "../support/recipes.ts";
import { waitFor } from "../support/wait.ts";

const INJECTIONS = 100;
const SKEW = -600_123_456_789n;

interface Report {
  interval: number;
  timer: number;
  loops: number;
  true: number;
  skewed: number;
  violations: number;
  first: string;
}

const PROGRAMS = [
  { which: "interval", stack: "plain", threads: 1 },
  { which: "interval", stack: "alternate", threads: 1 },
  { which: "timer", stack: "plain", threads: 1 },
  { which: "timer", stack: "alternate", threads: 1 },
  { which: "both", stack: "mixed", threads: 1 },
  { which: "both", stack: "mixed", threads: 4 },
] as const;

test.for(PROGRAMS)("$which, $stack stack, $threads thread(s)", async ({ which, stack, threads }, context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  const command = [await build(TIMERS), which, stack, String(threads), String(SKEW)];
  await using victim = await Dialog.greeted(command);
  const { pid } = victim;
  const report = () => victim.askJson<Report>("report");
  /** Until everything that is counted here has been counted again. */
  const goOn = async (what: (keyof Report)[]) => {
    const before = await report();
    return waitFor(`more of ${what.join()} after ${JSON.stringify(before)}`, async () => {
      const now = await report();
      expect(now).toMatchObject({ violations: 0, first: "" });
      return what.every((each) => now[each] > before[each]) && now;
    });
  };
  const ticking = [
    ...(which === "timer" ? [] : ["interval" as const]),
    ...(which === "interval" ? [] : ["timer" as const]),
    "loops" as const,
  ];
  await goOn([...ticking, "true"]);
  const untouched = codeSnapshot(pid);

  for (let i = 0; i < INJECTIONS; i++) {
    expect(await inject({ pid, offset: SKEW })).toMatchObject({ action: "injected" });
    if (i % 10 === 0) await goOn([...ticking, "skewed"]);
    expect(await recover({ pid })).toMatchObject({ action: "recovered" });
    if (i % 10 === 0) await goOn([...ticking, "true"]);
  }
  // The command line says the same, with its exit code.
  await cli.inject(pid, "--offset", `${SKEW}ns`, "--stop-timeout", "20s");
  await goOn([...ticking, "skewed"]);
  await cli.recover(pid, "--stop-timeout", "20s");
  const last = await goOn([...ticking, "true"]);
  expect((await goOn(["loops"])).skewed).toBe(last.skewed);
  await waitFor("our pages to be gone", async () => (await recover({ pid })).state === "unskewed");
  expect(codeSnapshot(pid)).toEqual(untouched);
});

test("the program notices a wrong time", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using victim = await Dialog.greeted([await build(TIMERS), "interval", "plain", "1", String(SKEW)]);
  await inject({ pid: victim.pid, offset: SKEW - 1_000_000n });
  const wrong = await waitFor("a violation", async () => {
    const now = await victim.askJson<Report>("report");
    return now.violations > 0 && now;
  });
  expect(wrong.first).toMatch(/^in (the program|SIGALRM's handler): -600124/);
});
