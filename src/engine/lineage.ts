/**
 * Who inherits from whom. What a program had is gone with its execve; so a new program gets what its parent has now, and
 * what is remembered of the process only if that has nothing to hand on.
 */
import { parseStat } from "../target/proc.ts";
import { readText } from "../target/read.ts";
import { isFollowed } from "../tracer/follow.ts";
import { Bequests } from "./bequests.ts";
import type { Heritage } from "./inherit.ts";

/** What a process gets if nobody has anything to hand on; undefined: the true time. */
export type Fallback = Heritage | ((pid: number) => Heritage | undefined);

export class Lineage {
  readonly #fallback: (pid: number) => Heritage | undefined;
  readonly #bequests = new Bequests();
  /** By process, the eldest first. */
  readonly #remembered = new Map<number, Heritage>();
  #latest: Heritage | undefined;

  constructor(fallback: Fallback) {
    this.#fallback = typeof fallback === "function" ? fallback : () => fallback;
  }

  /** What a process is to have that has just become another program, or that has come from outside. */
  of(pid: number): Heritage | undefined {
    this.#bequests.forget(pid);
    return this.#fromAncestors(pid) ?? this.#remembered.get(pid) ?? this.#fromEldest() ?? this.#fallback(pid);
  }

  /** What a process has, or was to have: should it become another program when its parent has gone. */
  remember(pid: number, heritage = this.#bequests.of(pid)): void {
    if (heritage === undefined) return;
    this.#remembered.set(pid, heritage);
    this.#latest = heritage;
  }

  /** Takes note of what was changed in those who are remembered, and forgets those who have ended. */
  refresh(): void {
    for (const [pid, known] of this.#remembered) {
      if (isFollowed(pid)) this.#remembered.set(pid, this.#bequests.of(pid) ?? known);
      else this.#remembered.delete(pid);
    }
  }

  /** From the nearest ancestor that is skewed: one in between may be of a kind that cannot be. */
  #fromAncestors(pid: number): Heritage | undefined {
    for (let at = parentOf(pid); at !== undefined && isFollowed(at); at = parentOf(at)) {
      const heritage = this.#bequests.of(at);
      if (heritage !== undefined) return heritage;
    }
    return undefined;
  }

  /** What the first one has who is still there; what the last one had, if nobody is. */
  #fromEldest(): Heritage | undefined {
    for (const pid of this.#remembered.keys()) {
      const heritage = isFollowed(pid) ? this.#bequests.of(pid) : undefined;
      if (heritage !== undefined) return heritage;
    }
    return this.#latest;
  }
}

function parentOf(pid: number): number | undefined {
  try {
    return parseStat(readText(`/proc/${pid}/stat`) ?? "").ppid || undefined;
  } catch {
    return undefined; // it has ended
  }
}
