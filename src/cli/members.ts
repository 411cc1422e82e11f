/** What became of a set of processes, as text and for the JSON report. */
import type { SetTally } from "../engine/set/members.ts";
import { type ProcessSet, processSet } from "../engine/set/process-set.ts";
import type { Selector } from "../target/select.ts";
import type { Session } from "./command.ts";
import type { Engine } from "./engine.ts";
import { errorAsJson } from "./report/error.ts";
import { failureLines } from "./report/failures.ts";
import type { Tally } from "./targets.ts";

/** @throws TimeskewError as `processSet` */
export function setOf({ ui }: Session, engine: Engine, selectors: readonly Selector[]): Promise<ProcessSet> {
  return ui.working("looking for processes", () => processSet(engine, selectors));
}

/** What `Work` tells a person. */
export function gaveUpIn({ ui }: Session): { gaveUp(rounds: number): void } {
  return {
    gaveUp: (rounds) =>
      ui.note([`timeskew: new processes kept appearing for ${rounds} rounds; some may have been missed`]),
  };
}

export interface ToldTally<R> extends SetTally<R>, Pick<Tally<R>, "targets"> {}

export interface Telling<R> {
  /** "inject": names the command in errors. */
  readonly command: string;
  /** What the JSON report says of a success, if not the result as it is. */
  entry?(result: R): object;
}

/** Prints what failed. */
export function told<R extends object>(
  { ui, world }: Session,
  tally: SetTally<R>,
  { command, entry }: Telling<R>,
): ToldTally<R> {
  const { outcomes, failures, error } = tally;
  const targets = [...outcomes].map(([pid, outcome]) => {
    if ("error" in outcome) return { pid, ok: false, error: errorAsJson(outcome.error) };
    return { ok: true, ...((ui.json && entry?.(outcome.result)) || outcome.result) };
  });
  ui.error(failureLines(failures, command, ui.paintError, world));
  if (error && targets.length > 1) ui.error([`timeskew: ${error.message}`]);
  return { ...tally, targets };
}
