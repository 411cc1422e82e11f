/** `timeskew inject` of several processes: one skew for all of them, told in one table. */
import type { DryRunResult, InjectResult, SessionSettings, SkewSettings } from "../types.ts";
import type { Outcome, Session } from "./command.ts";
import type { Engine } from "./engine.ts";
import { Members, type ProcessSet, type SetTally } from "./members.ts";
import { dryRunSetLines, injectSetLines, lateSetLines, longestPause } from "./report/set.ts";

export interface SetInjection {
  readonly set: ProcessSet;
  /** 16 hex digits. */
  readonly skewId: string;
  readonly tally: SetTally<InjectResult>;
}

/** Skews all of them, has them begin together, and says so. */
export async function injectSet(
  session: Session,
  engine: Engine,
  set: ProcessSet,
  settings: SkewSettings & SessionSettings,
  joint = engine.joint(settings),
): Promise<SetInjection> {
  const { ui } = session;
  const members = new Members<InjectResult>(session, set, {
    command: "inject",
    changes: true,
    work: (pid) => joint.inject(pid),
    // What a member forks meanwhile has the skew already.
    wasNeeded: ({ action }) => action !== "inherited",
  });
  await ui.working(`skewing ${set.words ?? "them"}`, async () => {
    await members.reachAll();
    const begun = await joint.begin(() => members.reachAll());
    for (const { pid, ...outcome } of begun) members.put(pid, outcome);
    // Whoever has run another program since needs it once more.
    if (begun.some((each) => "error" in each)) await members.reachAll();
  });
  const tally = members.conclude();
  if (tally.results.length > 0) {
    ui.success(injectSetLines(set, tally, ui));
    ui.note(lateSetLines(tally.results));
  }
  return { set, skewId: joint.id, tally };
}

/** What the JSON report says of a set. */
export function setExtra({ set, skewId, tally }: SetInjection): object {
  return { selection: set.selected, skewId, longestPauseNs: longestPause(tally.results) };
}

export async function dryRunSet(
  session: Session,
  engine: Engine,
  set: ProcessSet,
  skew: SkewSettings,
): Promise<Outcome> {
  const { ui } = session;
  const members = new Members<DryRunResult>(session, set, {
    command: "inject",
    changes: false,
    work: (pid) => engine.planInjection({ pid, ...skew }),
    entry: ({ plan, ...result }) => ({ ...result, plan: plan && engine.planAsJson(plan) }),
  });
  await ui.working(`looking at ${set.words ?? "them"}`, () => members.reachAll());
  const tally = members.conclude();
  if (tally.results.length > 0) ui.result(dryRunSetLines(set, tally, ui));
  const { targets, error } = tally;
  return { targets, error, extra: { dryRun: true, selection: set.selected } };
}
