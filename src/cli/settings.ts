/**
 * From what was typed to typed settings. Everything that can be wrong with a command line's values is
 * found here, before any target is looked at.
 */
import { TimeskewError } from "../errors.ts";
import { type ClockSelection, expandClocks, parseClocks } from "../skew/clock.ts";
import { formatDuration, parseDuration } from "../skew/duration.ts";
import type { SessionSettings, SkewSettings } from "../types.ts";
import type { Flags } from "./flags.ts";

/** PID_MAX_LIMIT of a 64-bit kernel. */
const PID_MAX = 4_194_304;
const NS_PER_MS = 1_000_000n;

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

/** Which clocks are skewed; `selection` is what that comes to. */
export function clockSettings(flags: Flags): {
  settings: Pick<SkewSettings, "clocks" | "exact">;
  selection: ClockSelection;
} {
  const clocks = parseClocks(flags.clock ?? []);
  const exact = flags.exact ?? false;
  return {
    settings: { ...(flags.clock && { clocks }), ...(exact && { exact }) },
    selection: expandClocks(clocks, { exact }),
  };
}

export function waitSettings(flags: Flags): Pick<SkewSettings, "waits"> {
  return flags.waits === false ? { waits: false } : {};
}

export function backwardSettings(flags: Flags): { allowBackwardMonotonic?: boolean } {
  return flags.allowBackwardMonotonic ? { allowBackwardMonotonic: true } : {};
}

export function sessionSettings(flags: Flags): SessionSettings {
  if (flags.stopTimeout === undefined) return {};
  const stopTimeoutMs = millisecondsOf("--stop-timeout", flags.stopTimeout, {
    limits: [1, 600_000],
    hint: "it goes from 1ms to 10m; a healthy target stops within a few milliseconds",
  });
  return { stopTimeoutMs };
}

/** How often `status --watch` looks, in ms; undefined without --watch. */
export function watchInterval(flags: Flags): number | undefined {
  const { watch, interval, json } = flags;
  if (!watch) {
    if (interval === undefined) return undefined;
    throw usageError("--interval is for --watch", "add --watch, or leave --interval out");
  }
  if (json) throw usageError("--watch prints no JSON", "call `timeskew status --json` as often as needed");
  return millisecondsOf("--interval", interval ?? "1s", {
    limits: [100, 3_600_000],
    hint: "it goes from 100ms to 1h",
  });
}

/** How `recover` glides; undefined without --glide. */
export function glideSettings(flags: Flags): { glide?: bigint | true } {
  const { glide, over } = flags;
  if (!glide) {
    if (over === undefined) return {};
    throw usageError("--over is for --glide", "add --glide, or leave --over out");
  }
  if (over === undefined) return { glide: true };
  const time = parseDuration(over);
  if (time > 0n) return { glide: time };
  throw usageError(`--over ${over}: out of range`, "a glide takes time, for example --over 10m");
}

function millisecondsOf(
  option: string,
  text: string,
  { limits: [least, most], hint }: { limits: readonly [number, number]; hint: string },
): number {
  const ns = parseDuration(text);
  if (ns < BigInt(least) * NS_PER_MS || ns > BigInt(most) * NS_PER_MS) {
    throw usageError(`${option} ${formatDuration(ns)}: out of range`, hint);
  }
  return Number(ns / NS_PER_MS);
}
