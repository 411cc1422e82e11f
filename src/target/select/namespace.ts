/** The processes of a container whose cgroups do not tell: those in its first one's pid namespace, and its descendants. */
import { tryLink } from "../container/census.ts";
import type { Host } from "./host.ts";
import { pidsOf, runsPrograms, statOf } from "./processes.ts";

/** So long nobody is looked for again after a search in vain, in ms. */
const REST_MS = 100;

/** Lists them. `first` is asked for the first process when the one before has ended. */
export function namespaceMembers(host: Host, init: number, first: () => number | undefined): () => number[] {
  let root: number | undefined = init;
  let started = statOf(host, init)?.startTime;
  let searchedAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (root === undefined || statOf(host, root)?.startTime !== started) {
      root = undefined;
      if (performance.now() - searchedAt < REST_MS) return [];
      searchedAt = performance.now();
      root = first();
      started = root === undefined ? undefined : statOf(host, root)?.startTime;
    }
    return root === undefined ? [] : below(host, root);
  };
}

function below(host: Host, root: number): number[] {
  const ours = namespaceOf(host, host.self);
  const its = namespaceOf(host, root);
  const inside = new Set<number>();
  const parents = new Map<number, number>();
  for (const pid of pidsOf(host)) {
    const stat = statOf(host, pid);
    if (stat === undefined || !runsPrograms(stat)) continue;
    parents.set(pid, stat.ppid);
    if (pid === root || (its !== undefined && its !== ours && namespaceOf(host, pid) === its))
      inside.add(pid);
  }
  for (const pid of parents.keys()) addIfBelow(pid, parents, inside);
  return [...inside];
}

/** Adds a process that descends from one inside, and those in between. */
function addIfBelow(pid: number, parents: ReadonlyMap<number, number>, inside: Set<number>): void {
  const way = new Set<number>();
  for (let at: number | undefined = pid; at !== undefined && !way.has(at); at = parents.get(at)) {
    if (inside.has(at)) {
      for (const each of way) inside.add(each);
      return;
    }
    way.add(at);
  }
}

function namespaceOf(host: Host, pid: number): string | undefined {
  return tryLink(`${host.root}/proc/${pid}/ns/pid`);
}
