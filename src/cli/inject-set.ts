/** `timeskew inject` of several processes: one skew for all of them, told in one table. */
import { injectAll } from "../engine/set/inject.ts";
import { Members } from "../engine/set/members.ts";
import type { ProcessSet } from "../engine/set/process-set.ts";
import type { DryRunResult, InjectResult, SessionSettings, SkewSettings } from "../types.ts";
import type { Outcome, Session } from "./command.ts";
import type { Engine } from "./engine.ts";
import { gaveUpIn, type ToldTally, told } from "./members.ts";
import { dryRunSetLines, injectSetLines, lateSetLines, longestPause } from "./report/set.ts";

export interface SetInjection {
  readonly set: ProcessSet;
  /** 16 hex digits. */
  readonly skewId: string;
  readonly tally: ToldTally<InjectResult>;
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
  const injected = await ui.working(`skewing ${set.words ?? "them"}`, () =>
    injectAll(set, joint, gaveUpIn(session)),
  );
  const tally = told(session, injected, { command: "inject" });
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
  const members = new Members<DryRunResult>(set, {
    changes: false,
    work: (pid) => engine.planInjection({ pid, ...skew }),
    ...gaveUpIn(session),
  });
  await ui.working(`looking at ${set.words ?? "them"}`, () => members.reachAll());
  const tally = told(session, members.conclude(), {
    command: "inject",
    entry: ({ plan, ...result }) => ({ ...result, plan: plan && engine.planAsJson(plan) }),
  });
  if (tally.results.length > 0) ui.result(dryRunSetLines(set, tally, ui));
  const { targets, error } = tally;
  return { targets, error, extra: { dryRun: true, selection: set.selected } };
}
