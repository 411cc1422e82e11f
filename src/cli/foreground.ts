/**
 * Commands that change targets and stay until what they began has come to its end: each target is followed, and then
 * brought to where the command promised to leave it.
 */
import { asTargetError, isGone, leftSkewed, verdict } from "../engine/set/failure.ts";
import type { TimeskewError } from "../errors.ts";
import type { RecoverResult, SessionSettings } from "../types.ts";
import type { Outcome, Session } from "./command.ts";
import type { Engine } from "./engine.ts";
import type { Interrupts } from "./interrupts.ts";
import { errorAsJson, errorLines } from "./report/error.ts";
import { recoverLines } from "./report/recover.ts";
import { targetName } from "./report/skew.ts";
import type { Tally } from "./targets.ts";
import { type Ending, type Followed, follow } from "./watch.ts";

/** How a target was left. */
export interface Left {
  readonly ending: Ending;
  readonly recovery?: RecoverResult | undefined;
  readonly error?: TimeskewError | undefined;
}

interface Target {
  readonly pid: number;
  readonly command: string;
}

export interface Stay<T extends Target> {
  readonly session: Session;
  readonly engine: Engine;
  readonly interrupts: Interrupts;
  /** Names the command in errors. */
  readonly command: string;
  readonly targets: readonly T[];
  readonly follow: Omit<Followed, "pids">;
  /** Does what is due at a target's end, and tells it. What it throws is reported, and no reason to leave the others. */
  leave(target: T, ending: Ending): Promise<Left>;
}

/** Follows the targets, and leaves each when its time has come; all of them, whatever goes wrong. */
export async function stay<T extends Target>(o: Stay<T>): Promise<Map<number, Left>> {
  const { session, engine, interrupts, targets } = o;
  const left = new Map<number, Left>();
  const leave = async (target: T, ending: Ending) => {
    left.set(target.pid, await leaveOne(o, target, ending));
    await interrupts.settle();
  };
  const pids = targets.map(({ pid }) => pid);
  try {
    for await (const { pid, ending } of follow(session, engine, interrupts, { ...o.follow, pids })) {
      await leave(targets.find((target) => target.pid === pid)!, ending);
    }
  } finally {
    for (const target of targets) if (!left.has(target.pid)) await leave(target, "interrupted");
  }
  return left;
}

async function leaveOne<T extends Target>(
  { session: { ui, world }, command, leave }: Stay<T>,
  target: T,
  ending: Ending,
): Promise<Left> {
  const noted = (end: "gone" | "unskewed", words: string): Left => {
    ui.note([`${targetName(target)} ${words}`]);
    return { ending: end };
  };
  if (ending === "gone") return noted("gone", "ended");
  if (ending === "unskewed")
    return noted(
      "unskewed",
      "is not skewed any more: another timeskew, or a program that it ran, ended that",
    );
  try {
    return await leave(target, ending);
  } catch (thrown) {
    if (isGone(thrown)) return noted("gone", "ended");
    const error = asTargetError(thrown, target.pid, true);
    ui.error(errorLines(error, command, ui.paintError, world));
    return { ending, error };
  }
}

/** Gives a target the true time back, and says so. @throws TimeskewError, whose state is that of the skewed target */
export async function giveBack(
  { ui }: Session,
  engine: Engine,
  { pid }: Target,
  settings: { allowBackwardMonotonic?: boolean } & SessionSettings,
): Promise<RecoverResult> {
  try {
    const recovery = await ui.working(`recovering pid ${pid}`, () => engine.recover({ pid, ...settings }));
    ui.success(recoverLines(recovery, ui.paint));
    return recovery;
  } catch (thrown) {
    if (isGone(thrown)) throw thrown;
    throw leftSkewed(asTargetError(thrown, pid, true));
  }
}

/** What became of all targets: of those that were left, and of those at which the command failed to begin with. */
export function concluded<R extends Target>(
  { ui }: Session,
  { targets, results, failures }: Tally<R>,
  left: ReadonlyMap<number, Left>,
): Outcome {
  const later = [...left.values()].flatMap(({ error }) => error ?? []);
  const error = verdict(results.length - later.length, [...failures, ...later]);
  if (error && later.length > 0 && targets.length > 1) ui.error([`timeskew: ${error.message}`]);
  const entries = targets.map((entry) => {
    const end = left.get((entry as Target).pid);
    if (end === undefined) return entry;
    const failed = end.error && { ok: false, error: errorAsJson(end.error) };
    return { ...entry, ...failed, ending: end.ending, recovery: end.recovery };
  });
  return { targets: entries, error };
}
