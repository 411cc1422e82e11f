/** What is told of targets that failed: one by one, and all together. Pure. */
import { type ErrorCode, type TargetState, TimeskewError } from "../../errors.ts";

/**
 * The error of several targets: of one, its own; undefined if none failed.
 *
 * @param successes how many did not fail
 */
export function verdict(successes: number, failures: readonly TimeskewError[]): TimeskewError | undefined {
  const [first] = failures;
  if (first === undefined) return undefined;
  const total = successes + failures.length;
  if (total === 1) return first;
  const count = successes > 0 ? `${failures.length} of ${total}` : `all ${total}`;
  const named = pidList(failures.flatMap(({ pid }) => pid ?? []));
  return new TimeskewError(summaryCode(successes, failures), `${count} targets failed: pid ${named}`, {
    hint: "each target's own error says why",
    targetState: worstState(failures),
    failures,
  });
}

function summaryCode(successes: number, failures: readonly TimeskewError[]): ErrorCode {
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

/** What should never be thrown, as an error of ours. */
export function internalError(thrown: unknown, pid?: number): TimeskewError {
  const message = `internal error: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  const hint = "this is a defect in timeskew: please report it, with what TIMESKEW_DEBUG=1 prints";
  return new TimeskewError("E_INTERNAL", message, { hint, cause: thrown, ...(pid !== undefined && { pid }) });
}

/** The same, thrown while a target was being changed: to call it untouched would be a guess. */
export function internalErrorIn(pid: number, thrown: unknown): TimeskewError {
  const { message } = internalError(thrown);
  const hint = `\`timeskew status --pid ${pid}\` says how it is; please report what TIMESKEW_DEBUG=1 prints`;
  return new TimeskewError("E_CHANGED", `pid ${pid}: ${message}`, {
    hint,
    targetState: "partial",
    pid,
    cause: thrown,
  });
}

/** To recover nothing leaves a target untouched; to whoever skewed it, it is left skewed. */
export function leftSkewed(error: TimeskewError): TimeskewError {
  const { code, message, hint, targetState, pid, cause } = error;
  if (targetState === "partial") return error;
  return new TimeskewError(code, message, {
    targetState: "skewed",
    ...(hint !== undefined && { hint }),
    ...(pid !== undefined && { pid }),
    cause,
  });
}

const GONE: readonly ErrorCode[] = ["E_NO_TARGET", "E_GONE", "E_ZOMBIE"];

/** Whether it says that a process has ended. */
export function isGone(error: unknown): boolean {
  return error instanceof TimeskewError && GONE.includes(error.code);
}

/** More pids than this are counted. */
const PIDS_NAMED = 10;

/** "1, 2, 3 and 197 more" */
export function pidList(pids: readonly number[]): string {
  const more = pids.length - PIDS_NAMED;
  return more > 1 ? `${pids.slice(0, PIDS_NAMED).join(", ")} and ${more} more` : pids.join(", ");
}
