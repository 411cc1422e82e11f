/** Starts follower.c, whose threads read one clock and must never see it go back unless it does (test/README.md). */
import { build } from "../build.ts";
import type { Span } from "../clock.ts";
import { Dialog } from "../dialog.ts";
import { assemble } from "../own.ts";
import { FOLLOWER } from "../recipes.ts";
import { complaintOf, MONOTONIC, REALTIME, type Subject } from "./model.ts";
import type { Settings } from "./slots.ts";

/** A reading between two of the truth, ns. */
export interface Triple {
  truth: Span;
  value: bigint;
}

/** What the threads have seen since the start. */
export interface Followed {
  readings: number;
  /** Readings earlier than one that was over before they began. */
  back: number;
  /** The first of them, for people. */
  first: unknown[];
}

export interface Follower extends AsyncDisposable {
  readonly pid: number;
  readonly what: Subject;
  /** Once every thread has read again. */
  settle(): Promise<Followed>;
  /** Readings of the main thread, one in so many ns. */
  series(count: number, period: bigint): Promise<Triple[]>;
  /** Once the clock has been off, and is true again: the last reading that was not, and the first that was. */
  ending(): Promise<{ last: Triple; first: Triple }>;
}

type RawTriple = [before: string, value: string, after: string];

function triple([before, value, after]: RawTriple): Triple {
  return { truth: { from: BigInt(before), to: BigInt(after) }, value: BigInt(value) };
}

export function startFollower(
  clock: "CLOCK_REALTIME" | "CLOCK_MONOTONIC",
  threads: number,
): Promise<Follower> {
  return assemble(async (own) => {
    const what = clock === "CLOCK_REALTIME" ? REALTIME : MONOTONIC;
    const dialog = own(await Dialog.greeted([await build(FOLLOWER), `${what.id}`, `${threads}`]));
    const settle = () => dialog.askJson<Followed>("settle");
    await settle(); // now each thread has begun
    return {
      pid: dialog.pid,
      what,
      settle,
      series: async (count, period) => {
        const { readings } = await dialog.askJson<{ readings: RawTriple[] }>(`series ${count} ${period}`);
        return readings.map(triple);
      },
      ending: async () => {
        const { last, first } = await dialog.askJson<{ last: RawTriple; first: RawTriple }>("ending");
        return { last: triple(last), first: triple(first) };
      },
    };
  });
}

/** What is wrong with readings of a process with these settings; the first few. */
export function seriesComplaints(
  settings: Settings,
  what: Subject,
  series: readonly Triple[],
  most = 4,
): string[] {
  const found: string[] = [];
  for (const { truth, value } of series) {
    if (found.length === most) break;
    const words = complaintOf(settings, "a reading", what, truth, value);
    if (words !== undefined) found.push(words);
  }
  return found;
}

/** How often a reading is earlier than the one before it. */
export function stepsSeen(series: readonly Triple[]): number {
  return series.filter(({ value }, index) => index > 0 && value < series[index - 1]!.value).length;
}
