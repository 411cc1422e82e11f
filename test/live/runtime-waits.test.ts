/**
 * Programs of other languages wait as long as they asked to, whatever their clocks say: a second of fake time is a
 * second of true time. The machine's clocks are never touched; each program is skewed, then told to wait.
 */
import { describe, expect, test } from "vitest";
import * as cli from "../support/cli.ts";
import { needTracing } from "../support/needs.ts";
import * as library from "../support/patient.ts";
import { startWaiter, WAITING_RUNTIMES, type WaitingRuntime } from "../support/waiting-runtimes.ts";

const { jvm, python, rust, go, node } = WAITING_RUNTIMES;

const SKEWS = {
  "R−600": { clocks: ["CLOCK_REALTIME"], offset: "-600s" },
  "R+600": { clocks: ["CLOCK_REALTIME"], offset: "600s" },
  "M−600": { clocks: ["CLOCK_MONOTONIC"], offset: "-600s" },
  "M+600": { clocks: ["CLOCK_MONOTONIC"], offset: "600s" },
};

type Skew = keyof typeof SKEWS;

function inject(pid: number, skew: Skew, ...flags: string[]) {
  const { clocks, offset } = SKEWS[skew];
  const clock = clocks.flatMap((name) => ["--clock", name]);
  return cli.inject(pid, ...clock, "--offset", offset, "--allow-backward-monotonic", ...flags);
}

function cells(runtimes: readonly WaitingRuntime[], ...skews: readonly Skew[]) {
  return runtimes.flatMap((runtime) => skews.map((skew) => ({ title: runtime.title, runtime, skew })));
}

describe("a second is a second", () => {
  const CELLS = [
    ...cells([jvm, python, rust], "R−600", "R+600", "M−600", "M+600"),
    // These order their timers by CLOCK_MONOTONIC, so a step back makes them wait until it has caught up.
    ...cells([go, node], "R−600", "R+600", "M+600"),
  ];

  test.concurrent.for(CELLS)("$title at $skew", async ({ runtime, skew }, context) => {
    needTracing(context);
    await using waiter = await startWaiter(runtime, context);
    expect(waiter.waits).toEqual(runtime.waits);
    await inject(waiter.pid, skew);
    expect(await waiter.complaints()).toEqual({});
  });
});

/** It ends when it would have ended. (What a program does then, if its own clock has stepped back, is its own affair.) */
describe("a wait that is under way", () => {
  test.for(cells([jvm, python, rust], "R+600", "M+600"))(
    "$title, injected: $skew",
    async ({ runtime, skew }, context) => {
      needTracing(context);
      await using waiter = await startWaiter(runtime, context);
      const { pid } = waiter;
      expect(await waiter.complaints(() => library.inject({ pid, ...SKEWS[skew] }))).toEqual({});
    },
  );

  test.for(cells([jvm, python, rust], "R−600", "M−600"))(
    "$title, recovered: $skew",
    async ({ runtime, skew }, context) => {
      needTracing(context);
      await using waiter = await startWaiter(runtime, context);
      const { pid } = waiter;
      await inject(pid, skew);
      expect(await waiter.complaints(() => library.recover({ pid }))).toEqual({});
    },
  );
});

test.for(cells([go, node], "M−600"))("$title lives on at $skew", async ({ runtime, skew }, context) => {
  needTracing(context);
  await using waiter = await startWaiter(runtime, context);
  await inject(waiter.pid, skew);
  expect(await waiter.isThere()).toBe(true);
});

/** Who waits for the interpreter's lock asks for it when a few milliseconds of CLOCK_MONOTONIC have passed. */
test("Python's threads take turns at M+600", async (context) => {
  needTracing(context);
  await using waiter = await startWaiter(python, context);
  await inject(waiter.pid, "M+600");
  expect(await waiter.isThere("spin")).toBe(true);
  expect(await waiter.isThere()).toBe(true);
});

describe("the instrument notices that deadlines are not translated", () => {
  const EARLY = expect.stringMatching(/^took 0\.[0-8]/);
  const NEVER = "not over after 5 s";
  const MONOTONIC = ["time.sleep", "Lock.acquire", "Condition.wait", "Event.wait"];
  const all = (names: readonly string[], words: unknown) => Object.fromEntries(names.map((n) => [n, words]));
  const WRONG: { skew: Skew; wrong: Record<string, unknown> }[] = [
    { skew: "R−600", wrong: all(["multiprocessing.Semaphore.acquire"], EARLY) },
    { skew: "R+600", wrong: all(["multiprocessing.Semaphore.acquire"], NEVER) },
    // get() has a loop around its wait: it takes the second, and all of a processor.
    { skew: "M−600", wrong: { ...all(MONOTONIC, EARLY), CPU: expect.any(String) } },
    { skew: "M+600", wrong: all([...MONOTONIC, "queue.get"], NEVER) },
  ];

  test.concurrent.for(WRONG)("Python at $skew", async ({ skew, wrong }, context) => {
    needTracing(context);
    await using waiter = await startWaiter(python, context);
    await inject(waiter.pid, skew, "--no-waits");
    expect(await waiter.complaints()).toEqual(wrong);
  });
});
