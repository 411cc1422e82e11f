/**
 * Stops and continuations: a process that is stopped stays stopped, and is skewed when it goes on; one that is stopped or
 * continued in the middle of a session ends in the state that was asked for; and its parent is told exactly what it would
 * have been told without us.
 */
import { constants } from "node:os";
import { describe, expect, test } from "vitest";
import { build } from "../support/build.ts";
import { distance } from "../support/clock.ts";
import { Dialog } from "../support/dialog.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { inject, recover } from "../support/patient.ts";
import { field, state, threads } from "../support/proc.ts";
import { GUARDIAN } from "../support/recipes.ts";
import { waitFor } from "../support/wait.ts";

const SKEW = -600_123_456_789n;
const INJECTIONS = 100;
/** Signals fall without order in so many spells, with so many injections in each. */
const SPELLS = 20;
const INJECTIONS_PER_SPELL = 5;

/** How long the parent waits for its child: less than the test waits for the parent. */
const PATIENCE_MS = 20_000;

interface Log {
  waits: string[];
  signals: string[];
}

interface Beat {
  differences?: [string, string][];
  stuck?: string;
}

interface Spell {
  rounds: number;
  continued: number;
  stuck: string;
}

/** A victim and its parent, who keeps a log. */
async function startGuardian(count: number, patienceMs = PATIENCE_MS) {
  const dialog = await Dialog.start([await build(GUARDIAN), String(count), String(patienceMs)]);
  const { child } = JSON.parse(await dialog.line()) as { child: number };
  const log = () => dialog.askJson<Log>("log");
  return {
    dialog,
    child,
    log,
    /** Waits until the parent has been told of so many changes, in both ways. */
    told: (changes: number) =>
      waitFor(`${changes} changes in the parent's log`, async () => {
        const { waits, signals } = await log();
        return waits.length >= changes && signals.length >= changes;
      }),
    /** Every thread runs, and reads a clock that is wrong by so much. */
    async expectBeat(skew: bigint) {
      const { differences = [], stuck } = await dialog.askJson<Beat>("beat");
      expect(stuck).toBeUndefined();
      const spans = differences.map(([from, to]) => ({ from: BigInt(from), to: BigInt(to) }));
      expect(spans.map((span) => distance(span, skew))).toEqual(spans.map(() => 0n));
      expect(spans).toHaveLength(count);
    },
    async expectStill() {
      await waitFor("every thread to stand", () => threads(child).every((tid) => state(tid) === "T"));
      expect(await dialog.askJson("still")).toEqual({ still: true });
    },
    end: (signal: NodeJS.Signals) => dialog.askJson<Spell>(`end ${constants.signals[signal]}`),
    [Symbol.asyncDispose]: () => dialog[Symbol.asyncDispose](),
  };
}

type Guardian = Awaited<ReturnType<typeof startGuardian>>;

/** The same life with timeskew and without: what the parent was told. */
async function life(guardian: Guardian, signal: NodeJS.Signals, skewing: boolean): Promise<Log> {
  const { child } = guardian;
  const act = async (action: () => Promise<unknown>) => {
    if (skewing) await action();
    expect(field(child, "TracerPid")).toBe("0");
  };
  const skew = skewing ? SKEW : 0n;
  await guardian.expectBeat(0n);
  process.kill(child, signal);
  await guardian.told(1);
  await act(() => inject({ pid: child, offset: SKEW }));
  await guardian.expectStill();
  process.kill(child, "SIGCONT");
  await guardian.told(2);
  await guardian.expectBeat(skew);
  process.kill(child, signal);
  await guardian.told(3);
  await act(() => recover({ pid: child }));
  await guardian.expectStill();
  await act(() => inject({ pid: child, offset: SKEW }));
  await guardian.expectStill();
  process.kill(child, "SIGCONT");
  await guardian.told(4);
  await guardian.expectBeat(skew);
  await act(() => recover({ pid: child }));
  await guardian.expectBeat(0n);
  // Stopped while it runs skewed, and ended while it is stopped.
  await act(() => inject({ pid: child, offset: SKEW }));
  process.kill(child, signal);
  await guardian.told(5);
  await act(() => recover({ pid: child }));
  await guardian.expectStill();
  process.kill(child, "SIGKILL");
  await guardian.told(6);
  return guardian.log();
}

describe.for([1, 4])("%i thread(s)", (count) => {
  test.for(["SIGSTOP", "SIGTSTP", "SIGTTIN"] as const)("stopped by %s", async (signal, context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using undisturbed = await startGuardian(count);
    await using guardian = await startGuardian(count);
    const expected = await life(undisturbed, signal, false);
    const stopped = `stopped ${constants.signals[signal]}`;
    const told = [stopped, "continued", stopped, "continued", stopped, "killed 9"];
    expect(expected).toEqual({ waits: told, signals: told });
    expect(await life(guardian, signal, true)).toEqual(expected);
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
