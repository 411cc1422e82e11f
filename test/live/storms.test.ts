/**
 * Targets that are never the same for long: threads that come and go, programs that start others in their place, children
 * that are forked all the time. By the library, which gets at them more often than a command would.
 */
import { describe, expect, type TestContext, test } from "vitest";
import { inject, recover, status } from "../../src/engine/index.ts";
import { type ErrorCode, TimeskewError } from "../../src/errors.ts";
import { build } from "../support/build.ts";
import { Dialog } from "../support/dialog.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { snapshot, state, statusOf } from "../support/proc.ts";
import { STORM } from "../support/recipes.ts";
import { waitFor } from "../support/wait.ts";

const SKEW = -600_123_456_789n;
/** The machine may be busy; otherwise the default of a second is far more than is needed. */
const PATIENT = { stopTimeoutMs: 20_000 };
const OFFSET = { offset: SKEW, ...PATIENT };

interface Settled {
  /** Threads, incarnations or children so far. */
  rounds: number;
  wrong: number;
  kept?: [pid: number, wrong: number, skewed: number][];
}

function need(context: TestContext): void {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
}

async function startStorm(kind: string, ...rest: (string | bigint)[]): Promise<Dialog> {
  return Dialog.greeted([await build(STORM), kind, ...[SKEW, ...rest].map(String)]);
}

function settle(storm: Dialog): Promise<Settled> {
  return storm.askJson<Settled>("settle");
}

/** What came of an operation: "done", or the code of an error that left nothing behind. */
async function outcome(work: Promise<unknown>): Promise<ErrorCode | "done"> {
  try {
    await work;
    return "done";
  } catch (error) {
    if (!(error instanceof TimeskewError)) throw error;
    expect(["untouched", "restored"], error.message).toContain(error.targetState);
    return error.code;
  }
}

/** Not stopped, and not traced. A main thread may have ended for a moment, while another starts a new program. */
async function expectFree(pid: number): Promise<void> {
  await waitFor("the process to be free", () => {
    return !/[tTZX]/.test(state(pid)) && statusOf(String(pid)).get("TracerPid") === "0";
  });
}

test("threads that are created and exit as fast as they can", async (context) => {
  need(context);
  await using storm = await startStorm("threads");
  const { vdso } = snapshot(storm.pid);
  let { rounds } = await settle(storm);
  for (let cycle = 0; cycle < 50; cycle++) {
    expect(await inject({ pid: storm.pid, ...OFFSET })).toMatchObject({ state: "skewed" });
    await waitFor("new threads", async () => (await settle(storm)).rounds > rounds);
    await recover({ pid: storm.pid, ...PATIENT });
    const settled = await settle(storm);
    expect(settled).toMatchObject({ wrong: 0 });
    rounds = settled.rounds;
    await expectFree(storm.pid);
  }
  await waitFor("the last pages to be unmapped", async () => {
    return (await recover({ pid: storm.pid, ...PATIENT })).state === "unskewed";
  });
  expect(snapshot(storm.pid).vdso).toBe(vdso);
});

describe.for(["exec", "exec-thread"])("%s: a program that starts itself anew all the time", (kind) => {
  test("is skewed for as long as it is the same, or says what happened", async (context) => {
    need(context);
    await using storm = await startStorm(kind);
    const seen = new Map<string, number>();
    let { rounds } = await settle(storm);
    for (let attempt = 0; attempt < 60; attempt++) {
      const injected = await outcome(inject({ pid: storm.pid, ...OFFSET }));
      const recovered = await outcome(recover({ pid: storm.pid, ...PATIENT }));
      for (const code of [injected, recovered]) seen.set(code, (seen.get(code) ?? 0) + 1);
      await expectFree(storm.pid);
      const settled = await settle(storm);
      expect(settled.wrong).toBe(0);
      expect(settled.rounds).toBeGreaterThanOrEqual(rounds);
      rounds = settled.rounds;
    }
    // Or it changed under our hands: nothing else may be said.
    expect(["done", "E_GONE", "E_BUSY"]).toEqual(expect.arrayContaining([...seen.keys()]));
    expect(seen.get("done")).toBeGreaterThan(0);
  });
});

describe.for(["main", "thread"])("a program that ends meanwhile, by its %s thread", (thread) => {
  test("ends as it would have", async (context) => {
    need(context);
    const seen = new Set<string>();
    for (let delay = 0; delay < 4000; delay += 100) {
      await using storm = await startStorm(`exit-${thread}`, String(delay));
      storm.tell("exit");
      seen.add(await outcome(inject({ pid: storm.pid, ...OFFSET })));
      expect(await storm.ending()).toEqual({ code: 42, signal: null });
    }
    expect(["done", "E_GONE", "E_ZOMBIE", "E_NO_TARGET"]).toEqual(expect.arrayContaining([...seen]));
  });
});

test("children that are forked all the time inherit all or nothing", async (context) => {
  need(context);
  await using storm = await startStorm("forks");
  for (let cycle = 0; cycle < 6; cycle++) {
    // The next child is forked before, while or after the parent is skewed.
    storm.tell("keep");
    expect(await inject({ pid: storm.pid, ...OFFSET })).toMatchObject({ state: "skewed" });
    storm.tell("keep");
    await recover({ pid: storm.pid, ...PATIENT });
    expect(await settle(storm)).toMatchObject({ wrong: 0 });
    await expectFree(storm.pid);
  }
  const { kept } = await waitFor("all children", async () => {
    const settled = await settle(storm);
    return settled.kept!.length === 12 && settled;
  });
  for (const [pid, wrong] of kept!) {
    expect(wrong).toBe(0);
    const [row] = (await status({ pids: [pid] })).rows;
    const readsSkewed = row!.state === "skewed" ? 1 : 0;
    await waitFor("a reading as status says", async () => {
      const again = (await settle(storm)).kept!.find(([child]) => child === pid);
      return again?.[2] === readsSkewed;
    });
    await waitFor("nothing to be left in the child", async () => {
      return (await recover({ pid, ...PATIENT })).state === "unskewed";
    });
    await expectFree(pid);
    expect((await status({ pids: [pid] })).rows).toMatchObject([{ state: "unskewed" }]);
  }
  expect((await settle(storm)).kept!.every(([, wrong]) => wrong === 0)).toBe(true);
});
