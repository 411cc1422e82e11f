/** A process and its descendants. */
import { readdirSync } from "node:fs";
import { errorCode, noSuchProcess } from "../process.ts";
import type { Host } from "./host.ts";
import { pidsOf, runsPrograms, statOf, tryRead } from "./processes.ts";
import type { Resolved } from "./resolved.ts";

/**
 * Who was once seen in it stays, although its parent ended and it has become somebody else's child.
 *
 * @throws TimeskewError E_NO_TARGET, E_PERMISSION
 */
export function selectTree(host: Host, root: number): Resolved {
  /** When each of them started: the pid may be used again. */
  let known = new Map<number, bigint>([[root, startOf(host, root) ?? unknown(root)]]);
  const members = () => {
    const found = new Map<number, bigint>();
    const childrenOf = children(host);
    for (const [pid, start] of known) {
      if (startOf(host, pid) === start) found.set(pid, start);
    }
    for (const pid of found.keys()) {
      for (const child of childrenOf(pid)) {
        const start = found.has(child) ? undefined : startOf(host, child);
        if (start !== undefined) found.set(child, start);
      }
    }
    known = found;
    // With nobody left, what became of the one that was named is to be told.
    return found.size > 0 ? found.keys() : [root];
  };
  return {
    selected: { kind: "tree", words: `pid ${root} and its descendants` },
    flags: ["--pid", `${root}`],
    lasts: false,
    members,
  };
}

function unknown(pid: number): never {
  throw noSuchProcess(pid);
}

/** Undefined for one that has ended, or that is the kernel's. */
function startOf(host: Host, pid: number): bigint | undefined {
  const stat = statOf(host, pid);
  return stat !== undefined && runsPrograms(stat) ? stat.startTime : undefined;
}

/** How to find a process's children: the kernel lists each thread's, if it was built so (CONFIG_PROC_CHILDREN). */
function children(host: Host): (pid: number) => Iterable<number> {
  if (tryRead(`${host.root}/proc/${host.self}/task/${host.self}/children`) !== undefined)
    return (pid) => tasksOf(host, pid).flatMap((task) => childrenOfTask(host, pid, task));
  const byParent = new Map<number, number[]>();
  for (const pid of pidsOf(host)) {
    const parent = statOf(host, pid)?.ppid ?? 0;
    byParent.set(parent, [...(byParent.get(parent) ?? []), pid]);
  }
  return (pid) => byParent.get(pid) ?? [];
}

function childrenOfTask(host: Host, pid: number, task: string): number[] {
  const text = tryRead(`${host.root}/proc/${pid}/task/${task}/children`) ?? "";
  return text
    .split(" ")
    .filter((word) => word !== "")
    .map(Number);
}

function tasksOf(host: Host, pid: number): string[] {
  try {
    return readdirSync(`${host.root}/proc/${pid}/task`);
  } catch (error) {
    if (errorCode(error) !== undefined) return []; // it has ended
    throw error;
  }
}
