/** A skew that lasts as long as the command that made it: `inject --wait`. */
import { TimeskewError } from "../errors.ts";
import type { InjectResult, SessionSettings } from "../types.ts";
import type { Outcome, Session } from "./command.ts";
import type { Engine } from "./engine.ts";
import { concluded, giveBack, type Left, stay } from "./foreground.ts";
import type { SetInjection } from "./inject-set.ts";
import type { Interrupts } from "./interrupts.ts";
import { undoCommand } from "./report/undo.ts";
import { staySet } from "./stay-set.ts";
import type { Tally } from "./targets.ts";

export interface Hold {
  readonly session: Session;
  readonly engine: Engine;
  /** Caught since before the first target was touched. */
  readonly interrupts: Interrupts;
  /** Names the command in errors. */
  readonly command: string;
  /** For the recovery. */
  readonly settings: { allowBackwardMonotonic?: boolean } & SessionSettings;
}

/**
 * Stays until the skew of every target is over, or the target, or until Ctrl-C, SIGTERM or SIGHUP, and gives each target
 * the true time back. A second Ctrl-C leaves what is not recovered by then as it is.
 */
export async function holdSkew(o: Hold, tally: Tally<InjectResult>): Promise<Outcome> {
  const { session, engine, interrupts, command, settings } = o;
  const { ui, world } = session;
  if (tally.results.length === 0) return { targets: tally.targets, error: tally.error };
  sayThatWeWait(session);
  const left = await stay({
    session,
    engine,
    interrupts,
    command,
    targets: tally.results,
    follow: { hint: HINT, endOf: ({ state }) => (state === "ended" ? "over" : undefined) },
    leave: async (target, ending): Promise<Left> => {
      if (interrupts.count > 1) throw interruptedAgain(target.pid);
      return { ending, recovery: await giveBack(session, engine, target, settings) };
    },
  });
  const skewed = tally.results.filter(({ pid }) => left.get(pid)?.error !== undefined);
  const outcome = concluded(session, tally, left);
  if (skewed.length === 0) return outcome;
  const undo = undoCommand(skewed, world);
  ui.error([`  undo: ${ui.paintError.bold(undo)}`]);
  return { ...outcome, extra: { undo } };
}

/** The same for a set, and for what its members have forked since. */
export async function holdSkewOfSet(o: Hold, { set, skewId, tally }: SetInjection): Promise<Outcome> {
  const { session, interrupts } = o;
  if (tally.results.length === 0) return { targets: tally.targets, error: tally.error };
  sayThatWeWait(session);
  const { left, ...outcome } = await staySet(
    {
      ...o,
      set,
      follow: { hint: HINT, endOf: ({ state }) => (state === "ended" ? "over" : undefined) },
      isOurs: ({ skew }) => skew?.id === skewId,
      refuse: (pid) => (interrupts.count > 1 ? interruptedAgain(pid) : undefined),
    },
    tally,
    tally.results.map(({ pid }) => pid),
  );
  if (left.length === 0) return outcome;
  const pids = left.flatMap(({ pid }) => pid ?? []);
  const flags = set.words === undefined ? ["--pid", pids.join(",")] : ["--skew", skewId];
  const undo = undoCommand(tally.results, session.world, { flags });
  session.ui.error([`  undo: ${session.ui.paintError.bold(undo)}`]);
  return { ...outcome, extra: { ...outcome.extra, undo } };
}

export const HINT = "Ctrl-C gives the true time back";

export function sayThatWeWait({ ui }: Session): void {
  if (ui.live() === undefined) ui.note([`timeskew: waiting; ${HINT}, and so do SIGTERM and SIGHUP`]);
}

export function interruptedAgain(pid: number): TimeskewError {
  return new TimeskewError("E_CHANGED", `pid ${pid} was not recovered: interrupted again`, {
    pid,
    targetState: "skewed",
  });
}
