/**
 * What this process was started with, as far as Node has changed it since: so that a program that it becomes finds it as
 * if Node had not been there before.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface Inherited {
  /** Open then, and to be left open: Node marks all that it finds as not to be handed on. */
  readonly descriptors: readonly number[];
  /** Of these, stdin, stdout and stderr where they are not non-blocking: Node makes a pipe so that it opens. */
  readonly blocking: readonly number[];
  /** RLIMIT_NOFILE's soft limit, which Node raises to the hard one; undefined: not known. */
  readonly openFiles: bigint | undefined;
}

export function inherited(): Inherited {
  const parent = process.ppid;
  return {
    descriptors: startedWith(linksOf("self"), new Set(linksOf(parent).values())),
    blocking: [0, 1, 2].filter((fd) => isBlocking(tryRead(`/proc/self/fdinfo/${fd}`))),
    openFiles: raisedFrom(tryRead("/proc/self/limits"), tryRead(`/proc/${parent}/limits`)),
  };
}

/**
 * The descriptors that were there before Node. Its own are kinds that nobody hands on, and pipes of which it has both
 * ends; a jobserver's pipe, too, has both its ends with each of its clients, but the parent has it as well.
 *
 * @param own of each descriptor, what /proc/self/fd says
 * @param parents the same of the parent's, as far as that may be looked at
 */
export function startedWith(own: ReadonlyMap<number, string>, parents: ReadonlySet<string>): number[] {
  const links = [...own.values()];
  const isNodes = (link: string) =>
    link.startsWith("anon_inode:") ||
    (link.startsWith("pipe:") && !parents.has(link) && links.filter((each) => each === link).length > 1);
  return [...own].filter(([fd, link]) => fd <= 2 || !isNodes(link)).map(([fd]) => fd);
}

const O_NONBLOCK = 0o4000;

function isBlocking(fdinfo: string | undefined): boolean {
  const [, flags] = /^flags:\s*([0-7]+)$/m.exec(fdinfo ?? "") ?? [];
  return flags !== undefined && (Number.parseInt(flags, 8) & O_NONBLOCK) === 0;
}

const OPEN_FILES = /^Max open files +(\d+|unlimited) +(\d+|unlimited) /m;

/**
 * What the soft limit was before it was raised to the hard one: most likely what the parent's is.
 *
 * @param own, parents: /proc/PID/limits
 */
export function raisedFrom(own: string | undefined, parents: string | undefined): bigint | undefined {
  const [, soft, hard] = OPEN_FILES.exec(own ?? "") ?? [];
  const [, itsSoft, itsHard] = OPEN_FILES.exec(parents ?? "") ?? [];
  if (soft !== hard || hard !== itsHard || itsSoft === undefined || itsSoft === "unlimited") return undefined;
  return BigInt(itsSoft);
}

function linksOf(pid: number | "self"): Map<number, string> {
  const links = new Map<number, string>();
  for (const fd of tryList(`/proc/${pid}/fd`)) {
    const link = tryReadLink(`/proc/${pid}/fd/${fd}`);
    if (link !== undefined) links.set(Number(fd), link);
  }
  return links;
}

// The parent may have ended, or be none of ours to look at.

function tryList(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Undefined for the descriptor that the list was read by, too. */
function tryReadLink(file: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch {
    return undefined;
  }
}

function tryRead(file: string): string | undefined {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return undefined;
  }
}
