/** One look at all processes: which containers they are in, and which of them are runtimes. */
import { readlinkSync } from "node:fs";
import { type CgroupLine, type ProcessStat, parseStatus } from "../proc.ts";
import { errorCode } from "../process.ts";
import type { Host } from "../select/host.ts";
import { cgroupsOf, pidsOf, runsPrograms, statOf, tryRead } from "../select/processes.ts";
import { type ContainerRef, containerChain, containersIn } from "./path.ts";

/** A container in which there are processes. */
export interface Seen {
  readonly ref: ContainerRef;
  /** The ids of the containers that it is in, and its own: "/a/b". Two may have the same id, at different places. */
  readonly key: string;
  /** In how many others it is. */
  readonly depth: number;
}

export interface Runtime {
  readonly pid: number;
  readonly command: string;
  /** The containers that it is in itself; "" if none. */
  readonly within: string;
}

export interface Census {
  readonly seen: ReadonlyMap<string, Seen>;
  /** Those that may be believed. */
  readonly runtimes: readonly Runtime[];
  /** Whether /proc hides other users' processes from us (hidepid): it never lacks the first one otherwise. */
  readonly hidden: boolean;
  /** The containers that we are in ourselves; "" if none, or if we cannot know. */
  readonly own: string;
  childrenOf(pid: number): number[];
}

/** As the kernel cuts them off. */
const COMMANDS: readonly string[] = ["dockerd", "podman", "conmon", "containerd-shim"];

export function takeCensus(host: Host): Census {
  const seen = new Map<string, Seen>();
  const runtimes: Runtime[] = [];
  const parents = new Map<number, number>();
  let own = "";
  for (const pid of pidsOf(host)) {
    const lines = cgroupsOf(host, pid);
    const stat = statOf(host, pid);
    // A zombie stays where it was, whatever became of its container.
    if (stat !== undefined && !runsPrograms(stat)) continue;
    if (stat !== undefined) parents.set(pid, stat.ppid);
    if (lines === undefined) continue;
    const here = distinctPaths(lines).flatMap(keyed);
    for (const each of here) if (!seen.has(each.key)) seen.set(each.key, each);
    if (pid === host.self) own = ownContainer(lines)?.key ?? "";
    const runtime = stat === undefined ? undefined : asRuntime(host, stat, lines);
    if (runtime !== undefined) runtimes.push(runtime);
  }
  const childrenOf = (pid: number) => [...parents].filter(([, ppid]) => ppid === pid).map(([child]) => child);
  return { seen, runtimes, hidden: statOf(host, 1) === undefined, own, childrenOf };
}

/** The container that is a process's own; undefined if it is in none. */
export function ownContainer(lines: readonly CgroupLine[]): Seen | undefined {
  const chain = containerChain(lines);
  const ref = chain.at(-1);
  const key = chain.map(({ id }) => `/${id}`).join("");
  return ref === undefined ? undefined : { ref, key, depth: chain.length - 1 };
}

/** A process that has a runtime's name and is the user's own, root's, or ours. */
export function asRuntime(
  host: Host,
  { pid, command }: ProcessStat,
  lines: readonly CgroupLine[],
): Runtime | undefined {
  if (!COMMANDS.includes(command)) return undefined;
  const text = tryRead(`${host.root}/proc/${pid}/status`);
  const uid = text === undefined ? undefined : parseStatus(text).uid?.effective;
  if (uid === undefined || !friendsOf(host).has(uid)) return undefined;
  return { pid, command, within: ownContainer(lines)?.key ?? "" };
}

/** Whose runtimes are believed: another user's could give his container the name of somebody else's. */
function friendsOf({ uid, env }: Host): ReadonlySet<number> {
  const { SUDO_UID } = env;
  const caller = uid === 0 && SUDO_UID !== undefined && /^\d+$/.test(SUDO_UID) ? [Number(SUDO_UID)] : [];
  return new Set([0, uid, ...caller]);
}

/** The users whose runtimes are asked, root left out: ourselves, and who has called sudo. */
export function ordinaryFriends(host: Host): number[] {
  return [...friendsOf(host)].filter((uid) => uid !== 0);
}

function distinctPaths(lines: readonly CgroupLine[]): string[] {
  return [...new Set(lines.map(({ path }) => path))];
}

/** The containers along a path, with their keys. */
export function keyed(path: string): (Seen & { cgroup: string; podCgroup: string | undefined })[] {
  let key = "";
  return containersIn(path).map(({ ref, cgroup, podCgroup }, depth) => {
    key += `/${ref.id}`;
    return { ref, key, depth, cgroup, podCgroup };
  });
}

/** The daemons of a name that speak of the containers of this machine, or of those that we are in ourselves. */
export function daemonsOf({ runtimes, own }: Census, command: string): Runtime[] {
  return runtimes.filter((each) => each.command === command && (each.within === "" || each.within === own));
}

/** Where a path of a process's is for us, who may have other mounts: in a container with the host's processes. */
export function pathThrough(host: Host, { pid }: Runtime, path: string): string {
  const theirs = tryLink(`${host.root}/proc/${pid}/ns/mnt`);
  const same = theirs === undefined || theirs === tryLink(`${host.root}/proc/${host.self}/ns/mnt`);
  return same ? path : `/proc/${pid}/root${path}`;
}

/** What a link of /proc's says; undefined if its process has ended, or is not ours to look at. */
export function tryLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (errorCode(error) !== undefined) return undefined;
    throw error;
  }
}

/** A process's arguments, as it wants them to be seen; none if it has ended. */
export function argumentsOf(host: Host, pid: number): string[] {
  return (tryRead(`${host.root}/proc/${pid}/cmdline`, 1 << 20) ?? "")
    .split("\0")
    .filter((word) => word !== "");
}

/** The values of an option: `-H unix:///x`, `--host=unix:///x`. */
export function optionValues(words: readonly string[], ...names: string[]): string[] {
  return words.flatMap((word, at) => {
    const next = words[at + 1];
    if (names.includes(word)) return next === undefined ? [] : [next];
    const name = names.find((each) => word.startsWith(`${each}=`));
    return name === undefined ? [] : [word.slice(name.length + 1)];
  });
}
