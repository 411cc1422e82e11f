/** One command over a set of targets: each on its own, one's failure no reason to leave the others out. */
import { asTargetError, concernsAll, verdict } from "../engine/set/failure.ts";
import type { TimeskewError } from "../errors.ts";
import type { Session } from "./command.ts";
import { errorAsJson, errorLines } from "./report/error.ts";

export interface Task<R> {
  /** "inject": names the command in errors. */
  readonly command: string;
  /** Whether `work` may change a target: after an unexpected failure its state is then in doubt. */
  readonly changes: boolean;
  work(pid: number): Promise<R>;
  /** Called for each success as soon as it is there. */
  done?(result: R): void;
  /** What the JSON report says of a success, if not the result as it is. */
  entry?(result: R): object;
}

export interface Tally<R> {
  readonly results: R[];
  /** Successes as they are and failures with their `error`, in the order of the targets. */
  readonly targets: object[];
  readonly failures: TimeskewError[];
  readonly error: TimeskewError | undefined;
}

/**
 * Prints each failure as it happens. An error in the command line, found by the engine at the first
 * target, concerns them all and is thrown.
 */
export async function eachTarget<R extends object>(
  { ui, world }: Session,
  pids: readonly number[],
  task: Task<R>,
): Promise<Tally<R>> {
  const results: R[] = [];
  const failures: TimeskewError[] = [];
  const targets: object[] = [];
  for (const pid of pids) {
    try {
      const result = await task.work(pid);
      const entry = (ui.json && task.entry?.(result)) || result;
      task.done?.(result);
      results.push(result);
      targets.push({ ok: true, ...entry });
    } catch (thrown) {
      if (targets.length === 0 && concernsAll(thrown)) throw thrown;
      const error = asTargetError(thrown, pid, task.changes);
      failures.push(error);
      targets.push({ pid, ok: false, error: errorAsJson(error) });
      ui.error(errorLines(error, task.command, ui.paintError, world));
    }
  }
  const error = verdict(results.length, failures);
  if (error && pids.length > 1) ui.error([`timeskew: ${error.message}`]);
  return { results, targets, failures, error };
}
