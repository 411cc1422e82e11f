/** Whom a caller means: from the settings that name targets to selectors. */
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
import { type AtLeastOne, type OneOrMore, type Passed, usageError } from "./values.ts";

/**
 * A process: its pid, or whatever has one, such as the ChildProcess that `spawn()` of node:child_process returns. One that
 * could not be started has none, which is E_USAGE.
 */
export type ProcessLike = number | { readonly pid?: number | undefined };

/** Each names processes; several together mean everybody whom any of them means. */
export interface Selectors {
  /** Single processes, without what they have started. */
  readonly pid?: OneOrMore<ProcessLike> | undefined;
  /** Processes with all their descendants. */
  readonly tree?: OneOrMore<ProcessLike> | undefined;
  /** Containers of Docker, Podman, containerd, CRI-O or runc: name, id, or the beginning of an id. */
  readonly container?: OneOrMore<string> | undefined;
  /** Pods: "namespace/name". */
  readonly pod?: OneOrMore<string> | undefined;
  /** Pods by their uid, where nobody tells their names. */
  readonly podUid?: OneOrMore<string> | undefined;
  /** Paths of cgroups as in /proc/PID/cgroup: "/system.slice/redis.service", and what is below. */
  readonly cgroup?: OneOrMore<string> | undefined;
  /** Users, by name or number. */
  readonly user?: OneOrMore<string> | undefined;
  /** Names of processes as in /proc/PID/comm, 15 bytes at the most. */
  readonly comm?: OneOrMore<string> | undefined;
}

/** Who is meant: at least one selector. */
export type Targets = AtLeastOne<Selectors, keyof Selectors, "pid">;

type Without<K extends PropertyKey> = { readonly [P in K]?: undefined };

/** Who is meant of those who may be skewed: selectors, or a skew, or everybody who is skewed. */
export type SkewedTargets =
  | (Targets & Without<"skew" | "all">)
  | ({
      /** Ids of skews (`Injection.id`, `Skew.id`), or their beginnings: whoever has one, wherever on this machine. */
      readonly skew: OneOrMore<string>;
    } & Without<"all" | keyof Selectors>)
  | ({
      /** Every skewed process of this machine, whoever skewed it. */
      readonly all: true;
    } & Without<"skew" | keyof Selectors>);

export const SELECTOR_KEYS = [
  ...(["pid", "tree", "container", "pod"] as const),
  ...(["podUid", "cgroup", "user", "comm"] as const),
] as const satisfies readonly (keyof Selectors)[];

/** Whom a call is about that knows the skewed processes by itself. */
export type Aim =
  | { readonly kind: "all" }
  /** Beginnings of ids. */
  | { readonly kind: "skew"; readonly ids: readonly string[] }
  | { readonly kind: "selected"; readonly selectors: readonly Selector[] };

/** @throws TimeskewError E_USAGE if it names nobody, or names somebody wrongly */
export function readTargets(o: Passed): Selector[] {
  const selectors = selectorsIn(o);
  if (selectors.length > 0) return selectors;
  throw usageError("pid is missing: which process?", "for example { pid: 1234 }, or { container: 'web' }");
}

/** @returns undefined if nobody was named @throws TimeskewError E_USAGE */
export function readAim(o: Passed): Aim | undefined {
  const ids = listOf(o, "skew").map((id) => parseSkewId(textIn("skew", id)));
  const { all } = o;
  if (all !== undefined && all !== true) throw usageError("all is neither true nor left out", "all: true");
  const first = SELECTOR_KEYS.find((key) => o[key] !== undefined);
  const given = [
    ...(all ? ["all"] : []),
    ...(o.skew === undefined ? [] : ["skew"]),
    ...(first === undefined ? [] : [first]),
  ];
  if (given.length > 1) {
    throw usageError(`${given[0]} and ${given[1]} exclude each other`, "leave one of them out");
  }
  if (all) return { kind: "all" };
  if (ids.length > 0) return { kind: "skew", ids };
  if (o.skew !== undefined) throw usageError("skew is an empty list", "give the id of a skew");
  return first === undefined ? undefined : { kind: "selected", selectors: readTargets(o) };
}

/** @throws TimeskewError E_USAGE */
export function readProcess(key: string, given: unknown): number {
  if (typeof given === "object" && given !== null && "pid" in given) {
    if (given.pid !== undefined) return readProcess(key, given.pid);
    throw usageError(
      `${key}: this process was not started, it has no pid`,
      "wait for its 'spawn' event, or handle its 'error' event",
    );
  }
  if (typeof given === "number") return parsePid(String(given));
  throw usageError(`${key}: ${describe(given)} is not a process`, "for example { pid: 1234 }");
}

/** Each once, those of one key in the order given. */
function selectorsIn(o: Passed): Selector[] {
  const texts = (key: string) => listOf(o, key).map((each) => textIn(key, each));
  const selectors: Selector[] = [
    ...listOf(o, "pid").map((each): Selector => ({ kind: "pid", pid: readProcess("pid", each) })),
    ...listOf(o, "tree").map((each): Selector => ({ kind: "tree", pid: readProcess("tree", each) })),
    ...texts("container").map((text): Selector => ({ kind: "container", name: parseContainer(text) })),
    ...texts("pod").map(parsePod),
    ...texts("podUid").map(parsePodUid),
    ...texts("cgroup").map((text): Selector => ({ kind: "cgroup", path: parseCgroupPath(text) })),
    ...texts("user").map((text): Selector => ({ kind: "user", user: parseUser(text) })),
    ...texts("comm").map((text): Selector => ({ kind: "comm", comm: parseComm(text) })),
  ];
  return [...new Map(selectors.map((selector) => [JSON.stringify(selector), selector])).values()];
}

function listOf(o: Passed, key: string): readonly unknown[] {
  const given = o[key];
  if (given === undefined) return [];
  return Array.isArray(given) ? given : [given];
}

function textIn(key: string, given: unknown): string {
  if (typeof given === "string") return given;
  throw usageError(
    `${key}: ${describe(given)} is not a text`,
    `for example { ${key}: '…' }, or a list of them`,
  );
}

function describe(given: unknown): string {
  return typeof given === "object" ? (given === null ? "null" : "an object") : `${String(given)}`;
}
