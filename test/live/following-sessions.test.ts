/** Processes that are followed are skewed and recovered like any others, whatever they do meanwhile, and stay followed. */
import { describe, expect, type TestContext, test } from "vitest";
import { build } from "../support/build.ts";
import { Dialog } from "../support/dialog.ts";
import { expectFree, startFollowing, tracers } from "../support/following.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { snapshot, state, threads } from "../support/proc.ts";
import { STORM, THRONG } from "../support/recipes.ts";
import { startHammer } from "../support/victims.ts";
import { waitFor } from "../support/wait.ts";

const SKEW = -600_123_456_789n;

function need(context: TestContext): void {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
}

interface Settled {
  rounds: number;
  wrong: number;
}

describe("a session on who is followed", () => {
  test.for([
    [1000, 0],
    [1000, 2],
  ])("%i threads, %i of them read the clock all the time", async ([count, hammering], context) => {
    need(context);
    await using following = await startFollowing(SKEW);
    await using throng = await Dialog.greeted([await build(THRONG), String(count), String(hammering)]);
    const { pid } = throng;
    const judge = () => throng.askJson(`judge ${SKEW}`);
    const untouched = { ...snapshot(pid), tracer: expect.anything() };
    expect(await following.add(pid)).toBe(threads(pid).length);
    for (let cycle = 0; cycle < 5; cycle++) {
      expect(await following.inject(pid)).toBe("injected");
      expect(await judge()).toMatchObject({ true: 0, skewed: count, wrong: 0 });
      expect(await following.recover(pid)).toBe("recovered");
      expect(await judge()).toMatchObject({ true: count, skewed: 0, wrong: 0 });
    }
    await waitFor("the last pages to be unmapped", async () => {
      await following.recover(pid);
      return snapshot(pid).maps.length === untouched.maps.length;
    });
    expect(snapshot(pid)).toEqual(untouched);
    expect(tracers(pid)).not.toContain("0");
    await following.end();
    await expectFree(pid);
  });

  test("without its main thread", async (context) => {
    need(context);
    await using following = await startFollowing(SKEW);
    await using throng = await Dialog.greeted([await build(THRONG), "50", "2", "leaderless"]);
    const { pid } = throng;
    await waitFor("the main thread to leave", () => state(pid) === "Z");
    expect(await following.add(pid)).toBe(51); // and the one that speaks with us
    expect(await following.inject(pid)).toBe("injected");
    expect(await throng.askJson(`judge ${SKEW}`)).toMatchObject({ true: 0, skewed: 50, wrong: 0 });
    expect(await following.recover(pid)).toBe("recovered");
    expect(await throng.askJson(`judge ${SKEW}`)).toMatchObject({ true: 50, skewed: 0, wrong: 0 });
  });

  test("hammer: nobody ever reads a time that is neither", async (context) => {
    need(context);
    await using following = await startFollowing(SKEW);
    await using hammer = await startHammer(4, SKEW);
    await following.add(hammer.pid);
    for (let i = 0; i < 10; i++) await following.hammer(hammer.pid, 10);
    expect(await hammer.settle()).toMatchObject({ violations: 0, first: [] });
    await following.end();
    await expectFree(hammer.pid);
  });

  test.for(["threads", "forks"] as const)("storm of %s", async (kind, context) => {
    need(context);
    await using following = await startFollowing(SKEW);
    await using storm = await Dialog.greeted([await build(STORM), kind, String(SKEW)]);
    await following.add(storm.pid);
    let { rounds } = await storm.askJson<Settled>("settle");
    for (let cycle = 0; cycle < 10; cycle++) {
      await following.hammer(storm.pid, 5);
      await waitFor("the storm to go on", async () => {
        const settled = await storm.askJson<Settled>("settle");
        expect(settled.wrong).toBe(0);
        return settled.rounds > rounds;
      });
      rounds = (await storm.askJson<Settled>("settle")).rounds;
    }
  });

  test.for(["exec", "exec-thread"] as const)(
    "of which it becomes another program: %s",
    async (kind, context) => {
      need(context);
      await using following = await startFollowing(SKEW);
      await using storm = await Dialog.greeted([await build(STORM), kind, String(SKEW)]);
      await following.add(storm.pid);
      const answers = new Set<string>();
      let { rounds } = await storm.askJson<Settled>("settle");
      for (let cycle = 0; cycle < 60; cycle++) {
        answers.add(await following.attempt("inject", storm.pid));
        answers.add(await following.attempt("recover", storm.pid));
        const settled = await storm.askJson<Settled>("settle");
        expect(settled.wrong).toBe(0);
        expect(settled.rounds).toBeGreaterThanOrEqual(rounds);
        rounds = settled.rounds;
      }
      expect(["injected", "recovered", "nothing", "E_BUSY", "E_GONE"]).toEqual(
        expect.arrayContaining([...answers]),
      );
      await following.policy("inject");
      await following.end();
      await expectFree(storm.pid);
    },
  );
});
