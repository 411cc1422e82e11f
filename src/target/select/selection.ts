/** Several selectors together: everybody whom any of them means, in an order in which parents come first. */
import { isThere } from "../process.ts";
import type { Selection } from "../select.ts";
import type { Host } from "./host.ts";
import { runsPrograms, statOf } from "./processes.ts";
import type { Resolved } from "./resolved.ts";

export function selectionOf(host: Host, resolved: readonly Resolved[]): Selection {
  const named = resolved.flatMap((each) => each.named ?? []);
  const parents = new Parents(host);
  return {
    selected: resolved.map(({ selected }) => selected),
    words: inWords(resolved.map(({ selected }) => selected.words)),
    flags: flagsOf(resolved),
    lasts: resolved.some(({ lasts }) => lasts),
    list() {
      // Nothing is to be looked up for these: in the order in which they were given.
      if (named.length === resolved.length) return [...new Set(named)];
      const found = new Set<number>();
      for (const each of resolved) for (const pid of each.members()) found.add(pid);
      return parents.first(found, named, host.self);
    },
  };
}

/** "a", "a and b", "a, b and c". */
function inWords(words: readonly string[]): string {
  const distinct = [...new Set(words)];
  const last = distinct.pop() ?? "nobody";
  return distinct.length === 0 ? last : `${distinct.join(", ")} and ${last}`;
}

/** `--tree` is said once, of all pids. */
function flagsOf(resolved: readonly Resolved[]): string[] {
  const tree = resolved.some(({ selected }) => selected.kind === "tree");
  return [...resolved.flatMap(({ flags }) => flags), ...(tree ? ["--tree"] : [])];
}

/**
 * The order of processes. Who is whose child is looked up once for each, which makes listing cheap: a stale answer, where a
 * pid was used again or a parent has ended, costs no more than the order.
 */
class Parents {
  private parents = new Map<number, number>();
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  first(found: ReadonlySet<number>, named: readonly number[], self: number): number[] {
    this.learn(found);
    const listed = new Set<number>();
    for (const pid of found) {
      const upwards = new Set<number>();
      for (
        let at = pid;
        this.parents.has(at) && !listed.has(at) && !upwards.has(at);
        at = this.parents.get(at)!
      )
        upwards.add(at);
      for (const each of [...upwards].reverse()) listed.add(each);
    }
    listed.delete(self);
    for (const pid of named) listed.add(pid);
    return [...listed];
  }

  /** Looks at those that were not there the last time, and forgets those that have gone. */
  private learn(found: ReadonlySet<number>): void {
    const parents = new Map<number, number>();
    for (const pid of found) {
      const parent = this.parents.get(pid) ?? this.parentOf(pid);
      if (parent !== undefined) parents.set(pid, parent);
    }
    this.parents = parents;
  }

  /** Undefined for what has ended, and for the kernel's own threads. One that is hidden from us is told when it is its turn. */
  private parentOf(pid: number): number | undefined {
    const stat = statOf(this.host, pid);
    if (stat === undefined) return isThere(pid) ? 0 : undefined;
    return runsPrograms(stat) ? stat.ppid : undefined;
  }
}
