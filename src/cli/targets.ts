/** One command over a set of targets: each on its own, one's failure no reason to leave the others out. */
import { type TargetState, TimeskewError } from "../errors.ts";
import type { Session } from "./command.ts";
import { errorAsJson, errorLines, internalError, internalErrorIn } from "./report/error.ts";
import { pidList } from "./report/failures.ts";

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

/** The error of the command as a whole; its exit code is the command's. */
export function verdict(successes: number, failures: readonly TimeskewError[]): TimeskewError | undefined {
  const [first] = failures;
  if (first === undefined) return undefined;
  const total = successes + failures.length;
  if (total === 1) return first;
  const count = successes > 0 ? `${failures.length} of ${total}` : `all ${total}`;
  const named = pidList(failures.map(({ pid }) => pid ?? 0));
  return new TimeskewError(summaryCode(successes, failures), `${count} targets failed: pid ${named}`, {
    hint: "each target's own error says why",
    targetState: worstState(failures),
  });
}

function summaryCode(successes: number, failures: readonly TimeskewError[]): TimeskewError["code"] {
  if (successes > 0) return "E_SOME_FAILED";
  const codes = new Set(failures.map(({ exitCode }) => exitCode));
  if (codes.size === 1) return failures[0]!.code;
  return codes.has(8) ? "E_CHANGED" : "E_FAILED";
}

const BY_SEVERITY: readonly TargetState[] = ["untouched", "restored", "skewed", "partial"];

function worstState(failures: readonly TimeskewError[]): TargetState {
  const worst = Math.max(...failures.map(({ targetState }) => BY_SEVERITY.indexOf(targetState)));
  return BY_SEVERITY[worst] ?? "untouched";
}

/** An error in the command line itself names no target. */
export function concernsAll(thrown: unknown): boolean {
  return thrown instanceof TimeskewError && thrown.exitCode === 2 && thrown.pid === undefined;
}

/** Every failure as a TimeskewError that names its target. */
export function asTargetError(thrown: unknown, pid: number, changes: boolean): TimeskewError {
  if (!(thrown instanceof TimeskewError)) {
    return changes ? internalErrorIn(pid, thrown) : internalError(thrown, pid);
  }
  if (thrown.pid !== undefined) return thrown;
  const { code, message, targetState, hint } = thrown;
  const options = { pid, targetState, cause: thrown.cause ?? thrown };
  return new TimeskewError(code, message, hint === undefined ? options : { ...options, hint });
}
