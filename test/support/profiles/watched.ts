/** Programs whose clocks are compared with the settings of a profile: from inside, if they are in C, or from outside. */
import type { TestContext } from "vitest";
import { build, type Recipe } from "../build.ts";
import { difference, type Span } from "../clock.ts";
import { Dialog } from "../dialog.ts";
import { assemble } from "../own.ts";
import { nanoseconds, type Reading } from "../readings.ts";
import { GLIBC } from "../recipes.ts";
import { type Runtime, readRuntime, startRuntime } from "../runtimes.ts";
import { complaintOf, MONOTONIC, REALTIME, SUBJECTS } from "./model.ts";
import type { Settings } from "./slots.ts";

export interface Watched extends AsyncDisposable {
  readonly title: string;
  readonly pid: number;
  /** Reads its clocks; what is wrong with them, if these are its settings. */
  complaints(settings: Settings): Promise<string[]>;
  /** What the wall clock shows, ns since 1970, cut to the program's own unit. */
  wallClock(): Promise<bigint>;
}

/** What is wrong with readings of clocks.c, but for calls that fail in any case. */
export function complaints(readings: readonly Reading[], settings: Settings): string[] {
  return readings.flatMap(({ name, unit, rc, before, value, after }) => {
    const what = SUBJECTS.get(name);
    if (what === undefined || rc !== 0) return [];
    const truth = { from: nanoseconds(before), to: nanoseconds(after) };
    return complaintOf(settings, name, what, truth, nanoseconds(value), BigInt(unit)) ?? [];
  });
}

/** clocks.c, or one that answers as it does: every clock there is, each between two readings of the truth. */
export function watchC(recipe: Recipe = GLIBC): Promise<Watched> {
  return assemble(async (own) => {
    const dialog = own(await Dialog.greeted([await build(recipe)]));
    const read = async () => (await dialog.askJson<{ readings: Reading[] }>("read")).readings;
    return {
      title: "C",
      pid: dialog.pid,
      complaints: async (settings) => complaints(await read(), settings),
      wallClock: async () => nanoseconds((await read()).find(({ name }) => name === "CLOCK_REALTIME")!.value),
    };
  });
}

/** A program of another language: its two clocks, as far as a bracket of this process's own clocks tells. */
export function watchRuntime(runtime: Runtime, context: TestContext): Promise<Watched> {
  return assemble(async (own) => {
    const { title, unit } = runtime;
    const dialog = own(await startRuntime(runtime, context));
    const untouched = await readRuntime(dialog);
    const zero = originOf(difference(untouched.value.monotonic, 1n, untouched.monotonic));
    return {
      title,
      pid: dialog.pid,
      complaints: async (settings) => {
        const { value, wall, monotonic } = await readRuntime(dialog);
        const least = value.monotonic + zero.from;
        return [
          complaintOf(settings, `${title}'s wall clock`, REALTIME, wall, value.wall, unit),
          complaintOf(
            settings,
            `${title}'s monotonic clock`,
            MONOTONIC,
            monotonic,
            least,
            zero.to - zero.from + 1n,
          ),
        ].filter((each) => each !== undefined);
      },
      wallClock: async () => (await readRuntime(dialog)).value.wall,
    };
  });
}

/** By how much a program's monotonic clock is behind the true one: nothing, if that is possible. */
function originOf({ from, to }: Span): Span {
  return from <= 0n && to >= 0n ? { from: 0n, to: 0n } : { from: -to, to: -from };
}
