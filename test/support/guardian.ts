/** Starts guardian.c, and leads its child through a life of stops and continuations (test/README.md). */
import { constants } from "node:os";
import { expect } from "vitest";
import { build } from "./build.ts";
import { distance } from "./clock.ts";
import { Dialog } from "./dialog.ts";
import { field, state, threads } from "./proc.ts";
import { GUARDIAN } from "./recipes.ts";
import { waitFor } from "./wait.ts";

/** How long the parent waits for its child: less than the test waits for the parent. */
const PATIENCE_MS = 20_000;

export interface GuardianLog {
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
export async function startGuardian(count: number, patienceMs = PATIENCE_MS) {
  const dialog = await Dialog.start([await build(GUARDIAN), String(count), String(patienceMs)]);
  const { child } = JSON.parse(await dialog.line()) as { child: number };
  const log = () => dialog.askJson<GuardianLog>("log");
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
    /** Every thread runs. */
    async expectRun() {
      expect((await dialog.askJson<Beat>("beat")).stuck).toBeUndefined();
    },
    async expectStill() {
      // Where job control's stop is a tracer's as well, the kernel shows the latter.
      await waitFor("every thread to stand", () => {
        const letter = field(child, "TracerPid") === "0" ? "T" : "t";
        return threads(child).every((tid) => state(tid) === letter);
      });
      expect(await dialog.askJson("still")).toEqual({ still: true });
    },
    end: (signal: NodeJS.Signals) => dialog.askJson<Spell>(`end ${constants.signals[signal]}`),
    [Symbol.asyncDispose]: () => dialog[Symbol.asyncDispose](),
  };
}

export type Guardian = Awaited<ReturnType<typeof startGuardian>>;

/**
 * A life that is the same with timeskew and without: what the parent was told.
 *
 * @param act skews the child, or recovers it; undefined: its clocks stay true
 */
export async function live(
  guardian: Guardian,
  signal: NodeJS.Signals,
  skew: bigint,
  act?: (what: "inject" | "recover") => Promise<unknown>,
): Promise<GuardianLog> {
  const { child } = guardian;
  const skewed = act === undefined ? 0n : skew;
  await guardian.expectBeat(0n);
  process.kill(child, signal);
  await guardian.told(1);
  await act?.("inject");
  await guardian.expectStill();
  process.kill(child, "SIGCONT");
  await guardian.told(2);
  await guardian.expectBeat(skewed);
  process.kill(child, signal);
  await guardian.told(3);
  await act?.("recover");
  await guardian.expectStill();
  await act?.("inject");
  await guardian.expectStill();
  process.kill(child, "SIGCONT");
  await guardian.told(4);
  await guardian.expectBeat(skewed);
  await act?.("recover");
  await guardian.expectBeat(0n);
  // Stopped while it runs skewed, and ended while it is stopped.
  await act?.("inject");
  process.kill(child, signal);
  await guardian.told(5);
  await act?.("recover");
  await guardian.expectStill();
  process.kill(child, "SIGKILL");
  await guardian.told(6);
  return guardian.log();
}
