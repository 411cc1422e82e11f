/**
 * From what was typed to typed settings. Everything that can be wrong with a command line's values is
 * found here, before any target is looked at.
 */
import { TimeskewError } from "../errors.ts";
import { type ClockSelection, expandClocks, parseClocks } from "../skew/clock.ts";
import { formatDuration, parseDuration } from "../skew/duration.ts";
import type { Selector } from "../target/select.ts";
import {
  parseCgroupPath,
  parseComm,
  parseContainer,
  parsePid,
  parsePod,
  parsePodUid,
  parseSkewId,
  parseUser,
} from "../target/selector-text.ts";
import type { SessionSettings, SkewSettings } from "../types.ts";
import type { Flags } from "./flags.ts";

const NS_PER_MS = 1_000_000n;

export function usageError(message: string, hint: string): TimeskewError {
  return new TimeskewError("E_USAGE", message, { hint });
}

/** Whom a command is about that knows the skewed processes by itself. */
export type Aim =
  | { readonly kind: "all" }
  /** Beginnings of skew ids, in lower case. */
  | { readonly kind: "skew"; readonly ids: readonly string[] }
  | { readonly kind: "selected"; readonly selectors: readonly Selector[] };

/** --all, or --skew, or selectors; undefined if nobody was named. */
export function aimOf(flags: Flags): Aim | undefined {
  const selectors = selectorsOf(flags);
  const ids = (flags.skew ?? []).map(parseSkewId);
  const given = [
    ...(flags.all ? ["--all"] : []),
    ...(ids.length > 0 ? ["--skew"] : []),
    ...(selectors.length > 0 ? [flagOf(selectors[0]!)] : []),
  ];
  if (given.length > 1) {
    throw usageError(`${given[0]} and ${given[1]} exclude each other`, "leave one of them out");
  }
  if (flags.all) return { kind: "all" };
  if (ids.length > 0) return { kind: "skew", ids };
  return selectors.length > 0 ? { kind: "selected", selectors } : undefined;
}

/** The same, of a command that must be told whom. */
export function neededAim(flags: Flags): Aim {
  const aim = aimOf(flags);
  if (aim !== undefined) return aim;
  throw usageError("--pid is missing: which process?", "for example --pid 1234, --container web, or --all");
}

/**
 * The targets that flags name, each once, those of one flag in the order given. What they mean is not looked at.
 *
 * @throws TimeskewError E_USAGE if there are none
 */
export function targetsOf(flags: Flags): Selector[] {
  const selectors = selectorsOf(flags);
  if (selectors.length > 0) return selectors;
  throw usageError("--pid is missing: which process?", "for example --pid 1234, or --container web");
}

function selectorsOf(flags: Flags): Selector[] {
  const pids = (flags.pid ?? []).flatMap((list) => list.split(",").map(parsePid));
  if (flags.tree && pids.length === 0) {
    throw usageError("--tree is for --pid: whose tree?", "for example --pid 1234 --tree");
  }
  const kind = flags.tree ? "tree" : "pid";
  const selectors: Selector[] = [
    ...pids.map((pid): Selector => ({ kind, pid })),
    ...(flags.container ?? []).map((text): Selector => ({ kind: "container", name: parseContainer(text) })),
    ...(flags.pod ?? []).map(parsePod),
    ...(flags.podUid ?? []).map(parsePodUid),
    ...(flags.cgroup ?? []).map((text): Selector => ({ kind: "cgroup", path: parseCgroupPath(text) })),
    ...(flags.user ?? []).map((text): Selector => ({ kind: "user", user: parseUser(text) })),
    ...(flags.comm ?? []).map((text): Selector => ({ kind: "comm", comm: parseComm(text) })),
  ];
  const each = new Map(selectors.map((selector) => [JSON.stringify(selector), selector]));
  return [...each.values()];
}

/** The flag that a selector came by. */
function flagOf({ kind }: Selector): string {
  if (kind === "tree") return "--pid";
  return kind === "podUid" ? "--pod-uid" : `--${kind}`;
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
