/** The programs that the tool is made to fail on, and die on: each one judges what it reads and how it is treated. */
import { build, type Recipe } from "../support/build.ts";
import { Dialog } from "../support/dialog.ts";
import { assemble } from "../support/own.ts";
import { READERS, TEMPEST, WAITERS } from "../support/recipes.ts";
import { type Hammer, type Hammered, startHammer } from "../support/victims.ts";

/** Not whole seconds: a reading whose seconds are skewed and whose nanoseconds are not must stand out. */
export const SKEW = -600_123_456_789n;
/** What a skew of SKEW is changed to. */
export const OTHER = 86_400_987_654_321n;

/** As hammer.c: `settle` is answered by every thread, so a stopped one shows. */
export interface Target extends Hammer {
  /** waiters.c: calls that have ended with EINTR since the start. */
  settle(): Promise<Hammered & { interrupted?: number }>;
}

export interface TargetKind {
  name: string;
  start(): Promise<Target>;
}

function startJudge(recipe: Recipe): Promise<Target> {
  return assemble(async (own) => {
    const dialog = own(await Dialog.greeted([await build(recipe), String(SKEW), String(OTHER)]));
    const settle = () => dialog.askJson<Hammered>("settle");
    await settle();
    return { pid: dialog.pid, settle };
  });
}

export const HAMMERING: TargetKind = {
  name: "8 threads that hammer the clock",
  start: () => startHammer(8, SKEW, OTHER),
};
export const WAITING: TargetKind = { name: "14 threads that wait", start: () => startJudge(WAITERS) };
export const STORMED: TargetKind = { name: "a storm of signals", start: () => startJudge(TEMPEST) };

export const READING: TargetKind = { name: "4 threads that read files", start: () => startJudge(READERS) };

export const TARGETS: readonly TargetKind[] = [HAMMERING, WAITING, STORMED];
