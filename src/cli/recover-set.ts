/** `timeskew recover` of several processes, told in one table. */
import type { Work } from "../engine/set/members.ts";
import type { ProcessSet } from "../engine/set/process-set.ts";
import { recoverAll } from "../engine/set/recover.ts";
import type { RecoverResult, RecoverSettings, SessionSettings } from "../types.ts";
import type { Outcome, Session } from "./command.ts";
import type { Engine } from "./engine.ts";
import { gaveUpIn, type ToldTally, told } from "./members.ts";
import { longestPause, recoverSetLines } from "./report/set.ts";

/** Gives all of them the true time back, and whoever they fork meanwhile. */
export async function recoverSet(
  session: Session,
  engine: Engine,
  set: ProcessSet,
  settings: RecoverSettings & SessionSettings,
  how: Partial<Pick<Work<RecoverResult>, "work" | "wasNeeded">> = {},
): Promise<ToldTally<RecoverResult>> {
  const { ui } = session;
  const recovered = await ui.working(`recovering ${set.words ?? "them"}`, () =>
    recoverAll(engine, set, settings, { ...gaveUpIn(session), ...how }),
  );
  const tally = told(session, recovered, { command: "recover" });
  if (tally.results.length > 0) ui.success(recoverSetLines(set, tally, ui));
  return tally;
}

export function recoveryOutcome(
  set: ProcessSet,
  { targets, error, results }: ToldTally<RecoverResult>,
): Outcome {
  return {
    targets,
    error,
    extra: { selection: set.selected, longestPauseNs: longestPause(results) },
  };
}
