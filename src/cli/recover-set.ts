/** `timeskew recover` of several processes, told in one table. */
import type { RecoverResult, RecoverSettings, SessionSettings } from "../types.ts";
import type { Outcome, Session } from "./command.ts";
import type { Engine } from "./engine.ts";
import { Members, type ProcessSet, type SetTally, type Work } from "./members.ts";
import { longestPause, recoverSetLines } from "./report/set.ts";

/** Gives all of them the true time back, and whoever they fork meanwhile. */
export async function recoverSet(
  session: Session,
  engine: Engine,
  set: ProcessSet,
  settings: RecoverSettings & SessionSettings,
  how: Partial<Pick<Work<RecoverResult>, "work" | "wasNeeded">> = {},
): Promise<SetTally<RecoverResult>> {
  const { ui } = session;
  const members = new Members<RecoverResult>(session, set, {
    command: "recover",
    changes: true,
    work: (pid) => engine.recover({ pid, ...settings }),
    wasNeeded: ({ action }) => action !== "nothing",
    ...how,
  });
  await ui.working(`recovering ${set.words ?? "them"}`, () => members.reachAll());
  const tally = members.conclude();
  if (tally.results.length > 0) ui.success(recoverSetLines(set, tally, ui));
  return tally;
}

export function recoveryOutcome(
  set: ProcessSet,
  { targets, error, results }: SetTally<RecoverResult>,
): Outcome {
  return {
    targets,
    error,
    extra: { selection: set.selected, longestPauseNs: longestPause(results) },
  };
}
