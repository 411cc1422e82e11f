/**
 * Stops and continuations: a process that is stopped stays stopped, and is skewed when it goes on; one that is stopped or
 * continued in the middle of a session ends in the state that was asked for; and its parent is told exactly what it would
 * have been told without us.
 */
import { constants } from "node:os";
import { describe, expect, test } from "vitest";
import { live, startGuardian } from "../support/guardian.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { inject, recover } from "../support/patient.ts";
import { field } from "../support/proc.ts";
import { waitFor } from "../support/wait.ts";

const SKEW = -600_123_456_789n;
const INJECTIONS = 100;
/** Signals fall without order in so many spells, with so many injections in each. */
const SPELLS = 20;
const INJECTIONS_PER_SPELL = 5;

describe.for([1, 4])("%i thread(s)", (count) => {
  test.for(["SIGSTOP", "SIGTSTP", "SIGTTIN"] as const)("stopped by %s", async (signal, context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using undisturbed = await startGuardian(count);
    await using guardian = await startGuardian(count);
    const { child } = guardian;
    const act = async (what: "inject" | "recover") => {
      await (what === "inject" ? inject({ pid: child, offset: SKEW }) : recover({ pid: child }));
      expect(field(child, "TracerPid")).toBe("0");
    };
    const expected = await live(undisturbed, signal, SKEW);
    const stopped = `stopped ${constants.signals[signal]}`;
    const told = [stopped, "continued", stopped, "continued", stopped, "killed 9"];
    expect(expected).toEqual({ waits: told, signals: told });
    expect(await live(guardian, signal, SKEW, act)).toEqual(expected);
  });

  test("stopped and continued all the time, and each time the parent hears of it", async (context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using guardian = await startGuardian(count);
    const { child, dialog } = guardian;
    await dialog.ask("march");
    for (let i = 0; i < INJECTIONS; i++) {
      await inject({ pid: child, offset: SKEW });
      await recover({ pid: child });
    }
    const { rounds, stuck } = await guardian.end("SIGCONT");
    expect({ stuck, rounds: rounds > 0 }).toEqual({ stuck: "", rounds: true });
    // The handler of SIGCONT ran once for each round, and once more for the last signal.
    await waitFor("the handler", async () => (await guardian.end("SIGWINCH")).continued > rounds);
    expect((await guardian.end("SIGWINCH")).continued).toBe(rounds + 1);
    await guardian.expectBeat(0n);
    console.log(`${count} thread(s): ${rounds} stops across ${INJECTIONS} injections`);
  });

  test("stopped and continued without order: the last signal counts", async (context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using guardian = await startGuardian(count);
    const { child, dialog } = guardian;
    for (let spell = 0; spell < SPELLS; spell++) {
      await dialog.ask("hail");
      for (let i = 0; i < INJECTIONS_PER_SPELL; i++) {
        await inject({ pid: child, offset: SKEW });
        await recover({ pid: child });
      }
      await inject({ pid: child, offset: SKEW });
      await guardian.end("SIGSTOP");
      await guardian.expectStill();
      await dialog.ask("hail");
      await recover({ pid: child });
      await inject({ pid: child, offset: SKEW });
      await guardian.end("SIGCONT");
      await guardian.expectBeat(SKEW);
      await recover({ pid: child });
      await guardian.expectBeat(0n);
    }
  });
});

test("the guardian notices a stop that it did not ask for", async (context) => {
  needPrograms(context, "gcc");
  await using guardian = await startGuardian(1, 300);
  process.kill(guardian.child, "SIGSTOP");
  await guardian.told(1);
  expect(await guardian.dialog.askJson("beat")).toEqual({ stuck: "thread 0 does not run" });
  process.kill(guardian.child, "SIGCONT");
  await guardian.told(2);
  await guardian.expectBeat(0n);
});
