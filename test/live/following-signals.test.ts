/**
 * Processes that are followed go on to hear what they would have heard: each signal once, each stop and continuation, and
 * so do their parents; also when the follower is killed.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, type TestContext, test } from "vitest";
import { build } from "../support/build.ts";
import { Dialog } from "../support/dialog.ts";
import { expectFree, startFollowing } from "../support/following.ts";
import { live, startGuardian } from "../support/guardian.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { recover } from "../support/patient.ts";
import { field, state } from "../support/proc.ts";
import { IGNORER } from "../support/recipes.ts";
import { startCorrespondence } from "../support/signals.ts";
import { waitFor } from "../support/wait.ts";

const SKEW = -600_123_456_789n;
const SIGNALS = 100_000;
/** Lives of a follower that is killed. */
const KILLS = 12;
const MARCHES = 30;
/** How often a signal is sent that is ignored. */
const TIMES = 20;

function need(context: TestContext): void {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
}

describe("signals", () => {
  test.for(["threads", "single"] as const)(`none of ${SIGNALS} is lost: %s`, async (shape, context) => {
    need(context);
    await using correspondence = await startCorrespondence(shape);
    await using following = await startFollowing(SKEW);
    const { pid } = correspondence;
    await following.add(pid);
    await correspondence.start();
    for (let sent = 0; sent < SIGNALS; sent = await correspondence.sent()) await following.hammer(pid, 5);
    expect(await correspondence.settle()).toEqual([]);
  });

  test.for(["threads", "single"] as const)(
    "none is lost when the follower is killed: %s",
    async (shape, context) => {
      need(context);
      await using correspondence = await startCorrespondence(shape);
      const { pid } = correspondence;
      await correspondence.start();
      for (let life = 0; life < KILLS; life++) {
        await using following = await startFollowing(SKEW);
        await following.add(pid);
        following.dialog.tell(JSON.stringify({ do: "hammer", pid, times: 1_000_000 }));
        await sleep(Math.random() * 50);
        process.kill(following.pid, "SIGKILL");
        expect(await following.dialog.ending()).toEqual({ code: null, signal: "SIGKILL" });
        await expectFree(pid);
      }
      expect(await correspondence.settle()).toEqual([]);
      await recover({ pid });
    },
  );
});

interface Ignored {
  interrupted: number[];
  handled: number[];
}

describe("a signal that is ignored", () => {
  test.for(["SIGUSR1", "SIGTSTP", "SIGCHLD", "SIGWINCH", "SIGURG", "SIGCONT"] as const)(
    "interrupts no system call: %s",
    async (signal, context) => {
      need(context);
      await using victims = await Dialog.start([await build(IGNORER)]);
      const { waiting } = JSON.parse(await victims.line()) as { waiting: { pid: number; call: string }[] };
      await using following = await startFollowing(SKEW);
      for (const { pid } of waiting) await following.add(pid);
      const quiet = waiting.map(() => 0);
      for (let i = 0; i < TIMES; i++) {
        for (const { pid } of waiting) process.kill(pid, signal);
        for (const { pid } of waiting)
          await waitFor(
            "the signal to be taken",
            () => /^0+$/.test(field(pid, "ShdPnd")) && state(pid) === "S",
          );
      }
      expect(await victims.askJson<Ignored>("")).toEqual({ interrupted: quiet, handled: quiet });
      for (const { pid } of waiting) await following.hammer(pid, 2);
      expect(await victims.askJson<Ignored>("")).toEqual({ interrupted: quiet, handled: quiet });
      for (const { pid } of waiting) process.kill(pid, "SIGUSR2");
      const once = waiting.map(() => 1);
      await waitFor("the handlers", async () => {
        const { interrupted } = await victims.askJson<Ignored>("");
        return interrupted.every((times) => times > 0);
      });
      expect(await victims.askJson<Ignored>("")).toEqual({ interrupted: once, handled: once });
    },
  );
});

describe.for([1, 4])("job control, %i thread(s)", (count) => {
  test.for(["SIGSTOP", "SIGTSTP", "SIGTTIN"] as const)("stopped by %s", async (signal, context) => {
    need(context);
    await using undisturbed = await startGuardian(count);
    await using guardian = await startGuardian(count);
    await using following = await startFollowing(SKEW);
    await following.add(guardian.child);
    const expected = await live(undisturbed, signal, SKEW);
    const act = (what: "inject" | "recover") => following[what](guardian.child);
    expect(await live(guardian, signal, SKEW, act)).toEqual(expected);
  });

  test("stopped and continued all the time, and each time the parent hears of it", async (context) => {
    need(context);
    await using guardian = await startGuardian(count);
    await using following = await startFollowing(SKEW);
    const { child, dialog } = guardian;
    await dialog.ask("march");
    await following.add(child);
    await following.hammer(child, MARCHES);
    await following.end();
    const { rounds, stuck } = await guardian.end("SIGCONT");
    expect({ stuck, rounds: rounds > 0 }).toEqual({ stuck: "", rounds: true });
    await waitFor("the handler", async () => (await guardian.end("SIGWINCH")).continued > rounds);
    expect((await guardian.end("SIGWINCH")).continued).toBe(rounds + 1);
    await guardian.expectBeat(0n);
  });

  test("stopped and continued without order, and the follower killed: the last signal counts", async (context) => {
    need(context);
    await using guardian = await startGuardian(count);
    const { child, dialog } = guardian;
    for (let life = 0; life < KILLS; life++) {
      await using following = await startFollowing(SKEW);
      await following.add(child);
      await dialog.ask("hail");
      following.dialog.tell(JSON.stringify({ do: "hammer", pid: child, times: 1_000_000 }));
      await sleep(Math.random() * 50);
      const last = life % 2 ? "SIGCONT" : "SIGSTOP";
      if (life % 4 < 2) await guardian.end(last);
      process.kill(following.pid, "SIGKILL");
      await following.dialog.ending();
      if (life % 4 >= 2) await guardian.end(last);
      if (last === "SIGSTOP") await guardian.expectStill();
      else await guardian.expectRun();
      expect(field(child, "TracerPid")).toBe("0");
    }
    process.kill(child, "SIGCONT");
    await recover({ pid: child });
    await guardian.expectBeat(0n);
  });
});
