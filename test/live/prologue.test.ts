/**
 * A thread that stands in the bytes to be rewritten. Threads that hammer the clock are hardly ever met
 * between the first instructions, so here one is led there, one step at a time, and left there, stopped.
 */
import { describe, expect, test } from "vitest";
import { inject, recover } from "../support/cli.ts";
import { MINUTE } from "../support/clock.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { state } from "../support/proc.ts";
import { startStepper } from "../support/victims.ts";

/** Instructions behind it; by the last of them it has left any jump's bytes. */
const STEPS = [0, 1, 2, 3, 4, 5, 6];
/** A jump takes at least this many bytes. */
const JUMP = 5;

describe.for(["clock_gettime", "gettimeofday", "time"])("%s", (name) => {
  test.for(STEPS)("%i instructions into it", async (steps, context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using victim = await startStepper(name, steps);
    const { movedThreads } = await inject(victim.pid, "--offset", "-600s");
    if (victim.offset === 0) expect(movedThreads).toBe(0);
    else if (victim.offset < JUMP) expect(movedThreads).toBe(1);
    expect(state(victim.pid)).toBe("T");
    // Before its first instruction it meets the jump; after that, it is on its way to the true time.
    expect(await victim.finish({ [name]: victim.offset === 0 ? -10n * MINUTE : 0n })).toEqual([]);
  });

  test.for(STEPS)("%i instructions into it, skewed and recovered meanwhile", async (steps, context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using victim = await startStepper(name, steps);
    await inject(victim.pid, "--offset", "-600s");
    expect(await recover(victim.pid)).toMatchObject({ action: "recovered" });
    expect(state(victim.pid)).toBe("T");
    expect(await victim.finish({ [name]: 0n })).toEqual([]);
  });

  test.for(STEPS)("%i instructions into it, in a signal handler above it", async (steps, context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using victim = await startStepper(name, steps, "handler");
    const { movedThreads } = await inject(victim.pid, "--offset", "-600s");
    // The handler's thread is elsewhere; it is the frame, through which it returns, that is moved.
    expect(movedThreads).toBe(victim.offset > 0 && victim.offset < JUMP ? 1 : 0);
    expect(state(victim.pid)).toBe("T");
    expect(await victim.finish({ [name]: victim.offset === 0 ? -10n * MINUTE : 0n })).toEqual([]);
  });

  test.for(STEPS)("%i instructions into it, in a handler, recovered meanwhile", async (steps, context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using victim = await startStepper(name, steps, "handler");
    await inject(victim.pid, "--offset", "-600s");
    // Our pages must stay for as long as the frame leads there.
    const lingers = victim.offset > 0 && victim.offset < JUMP;
    const recovered = await recover(victim.pid);
    expect(recovered).toMatchObject({ action: "recovered", ...(lingers ? { state: "lingering" } : {}) });
    expect(state(victim.pid)).toBe("T");
    expect(await victim.finish({ [name]: 0n })).toEqual([]);
  });
});

describe.for(["deep", "nested"] as const)("in a %s signal handler above its first instructions", (where) => {
  test("the frame is found, and keeps our pages", async (context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using victim = await startStepper("clock_gettime", 1, where);
    expect(victim.offset).toBeLessThan(JUMP);
    expect(await inject(victim.pid, "--offset", "-600s")).toMatchObject({ movedThreads: 1 });
    expect(await recover(victim.pid)).toMatchObject({ action: "recovered", state: "lingering" });
    expect(await victim.finish({ clock_gettime: 0n })).toEqual([]);
  });
});
