/**
 * A program whose thread calls execve while the tool seizes its others. The kernel has that thread wait until the tool has
 * buried those whom it has seized, and the tool wait, to seize the next, for a lock that this thread holds. By a process of
 * its own, since what is in question is whether it comes to an end.
 */
import { describe, expect, type TestContext, test } from "vitest";
import { build } from "../support/build.ts";
import { Dialog } from "../support/dialog.ts";
import { expectFree, startFollowing } from "../support/following.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { inject, recover } from "../support/patient.ts";
import { field } from "../support/proc.ts";
import { FILTERED, STORM, THRONG } from "../support/recipes.ts";
import { waitFor } from "../support/wait.ts";

const SKEW = -600_123_456_789n;
const ROUNDS = 4;

function need(context: TestContext): void {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
}

/** Under a seccomp filter, since then a process holds the session, which goes on when the tool is killed. */
async function startStorm(kind: string, filtered: boolean): Promise<Dialog> {
  return Dialog.greeted([
    ...(filtered ? [await build(FILTERED)] : []),
    await build(STORM),
    kind,
    String(SKEW),
  ]);
}

async function incarnations(storm: Dialog): Promise<number> {
  return (await storm.askJson<{ rounds: number }>("settle")).rounds;
}

const KINDS = ["exec-traced", "exec-traced-thread"];

describe.for(["a thread", "a process"])("a session that %s holds", (holder) => {
  const filtered = holder === "a process";

  test.for(KINDS)("both go on: %s", async (kind, context) => {
    need(context);
    await using tool = await startFollowing(SKEW);
    await using storm = await startStorm(kind, filtered);
    // The program may not get the processor in time, and be skewed instead: then it is put back.
    while ((await incarnations(storm)) < ROUNDS) {
      for (const what of ["inject", "recover"] as const) {
        const came = await tool.attempt(what, storm.pid);
        expect(["injected", "recovered", "nothing", "E_GONE", "E_BUSY"]).toContain(came);
        await expectFree(storm.pid);
      }
    }
  });
});

test.for(KINDS)(
  "the program goes on when the tool is killed, whose session does not end: %s",
  async (kind, context) => {
    need(context);
    await using storm = await startStorm(kind, true);
    while ((await incarnations(storm)) < ROUNDS) {
      await using tool = await startFollowing(SKEW);
      await tool.attempt("recover", storm.pid); // who is skewed already needs no session
      let over = false; // before we have seen it, since the program was not in time
      const session = tool.attempt("inject", storm.pid).then(
        () => {
          over = true;
        },
        () => undefined, // it was killed
      );
      await waitFor("the session", () => over || field(storm.pid, "TracerPid") !== "0");
      process.kill(tool.pid, "SIGKILL");
      await tool.dialog.ending();
      await session;
      await expectFree(storm.pid);
    }
  },
);

test("what the tool does with signals is as it was", async (context) => {
  need(context);
  await using throng = await Dialog.greeted([await build(THRONG), "8", "2"]);
  const signals = () => ["SigBlk", "SigIgn", "SigCgt"].map((name) => field(process.pid, name));
  const before = signals();
  await inject({ pid: throng.pid, offset: SKEW });
  expect(signals()).toEqual(before);
  await recover({ pid: throng.pid });
  expect(signals()).toEqual(before);
});
