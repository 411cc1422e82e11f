/** Programs in C whose clocks are compared with the settings of a profile, from inside. */
import { build, type Recipe } from "../build.ts";
import { Dialog } from "../dialog.ts";
import { assemble } from "../own.ts";
import { nanoseconds, type Reading } from "../readings.ts";
import { GLIBC } from "../recipes.ts";
import { complaintOf, SUBJECTS } from "./model.ts";
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
