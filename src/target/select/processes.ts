/** Processes as a selector looks at them: many, quickly, and any of them may end meanwhile. */
import { readdirSync } from "node:fs";
import { type CgroupLine, isKernelThread, type ProcessStat, parseCgroup, parseStat } from "../proc.ts";
import { errorCode } from "../process.ts";
import { readText } from "../read.ts";
import type { Host } from "./host.ts";

/** A path of so many bytes is a page's; a dozen hierarchies have one each. */
const MOST_CGROUP_TEXT = 1 << 18;

/** Every process that /proc shows, in order. */
export function pidsOf(host: Host): number[] {
  return readdirSync(`${host.root}/proc`)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** Undefined if there is no such process, or it is not ours to look at. */
export function statOf(host: Host, pid: number): ProcessStat | undefined {
  const text = readProc(host, pid, "stat");
  return text === undefined ? undefined : parseStat(text);
}

/** Undefined as above. */
export function cgroupsOf(host: Host, pid: number): CgroupLine[] | undefined {
  const text = readProc(host, pid, "cgroup");
  return text === undefined ? undefined : parseCgroup(text);
}

function readProc(host: Host, pid: number, name: string): string | undefined {
  return tryRead(`${host.root}/proc/${pid}/${name}`, MOST_CGROUP_TEXT);
}

/** What /proc or a cgroup's file says; undefined if it is not there (any more), hidden, or longer than `limit`. */
export function tryRead(path: string, limit?: number): string | undefined {
  try {
    return readText(path, limit);
  } catch (error) {
    if (errorCode(error) !== undefined) return undefined;
    throw error;
  }
}

/** Whether a process has a clock that could be skewed: a main thread may have ended while others run on. */
export function runsPrograms(stat: ProcessStat): boolean {
  const ended = stat.state === "Z" || stat.state === "X";
  return !isKernelThread(stat) && (!ended || stat.threads > 1);
}
