/**
 * From what was typed to typed settings. Everything that can be wrong with a command line's values is
 * found here, before any target is looked at.
 */
import { TimeskewError } from "../errors.ts";
import { parseClocks } from "../skew/clock.ts";
import { formatDuration, parseDuration } from "../skew/duration.ts";
import type { SessionSettings, SkewSettings } from "../types.ts";
import type { Flags } from "./flags.ts";

/** PID_MAX_LIMIT of a 64-bit kernel. */
const PID_MAX = 4_194_304;
const NS_PER_MS = 1_000_000n;
const STOP_TIMEOUT_MAX = 600_000_000_000n;

export function usageError(message: string, hint: string): TimeskewError {
  return new TimeskewError("E_USAGE", message, { hint });
}

/** The process ids of --pid, each once, in the order given. */
export function pids(flags: Flags): number[] {
  if (flags.pid === undefined) throw usageError("--pid is missing: which process?", "for example --pid 1234");
  return [...new Set(flags.pid.flatMap((list) => list.split(",").map(parsePid)))];
}

/** --pid or --all, one of them; undefined stands for all. */
export function pidsOrAll(flags: Flags): number[] | undefined {
  if (!flags.all) {
    if (flags.pid !== undefined) return pids(flags);
    throw usageError("--pid is missing: which process?", "for example --pid 1234, or --all");
  }
  if (flags.pid === undefined) return undefined;
  throw usageError("--all and --pid exclude each other", "leave one of them out");
}

function parsePid(text: string): number {
  const trimmed = text.trim();
  if (/^[0-9]+$/.test(trimmed)) {
    const pid = Number(trimmed);
    if (pid >= 1 && pid <= PID_MAX) return pid;
    throw usageError(`--pid ${trimmed}: no process can have this id`, `process ids go from 1 to ${PID_MAX}`);
  }
  if (trimmed === "") throw usageError("--pid: a process id is missing", "for example --pid 1234,1235");
  if (/^-[0-9]+$/.test(trimmed)) {
    throw usageError(
      `--pid ${trimmed}: a process id is never negative`,
      "process groups cannot be named; name each process: --pid 1234,1235",
    );
  }
  const hint = /^[A-Za-z][\w.-]*$/.test(trimmed)
    ? `\`pgrep -x ${trimmed}\` prints the ids of the processes with this name`
    : "a process id is a whole number, for example --pid 1234";
  throw usageError(`--pid '${trimmed}': not a process id`, hint);
}

export function skewSettings(flags: Flags): SkewSettings & { offset: bigint } {
  if (flags.offset === undefined) {
    throw usageError(
      "--offset is missing: how far is the clock to be moved?",
      "--offset -10m moves it ten minutes into the past, --offset 1h30m into the future",
    );
  }
  return {
    offset: parseDuration(flags.offset),
    ...(flags.clock && { clocks: parseClocks(flags.clock) }),
    ...(flags.exact && { exact: true }),
    ...(flags.waits === false && { waits: false }),
    ...backwardSettings(flags),
  };
}

export function backwardSettings(flags: Flags): { allowBackwardMonotonic?: boolean } {
  return flags.allowBackwardMonotonic ? { allowBackwardMonotonic: true } : {};
}

export function sessionSettings(flags: Flags): SessionSettings {
  if (flags.stopTimeout === undefined) return {};
  const timeout = parseDuration(flags.stopTimeout);
  if (timeout < NS_PER_MS || timeout > STOP_TIMEOUT_MAX) {
    throw usageError(
      `--stop-timeout ${formatDuration(timeout)}: out of range`,
      "it goes from 1ms to 10m; a healthy target stops within a few milliseconds",
    );
  }
  return { stopTimeoutMs: Number(timeout / NS_PER_MS) };
}
