/** The cgroup hierarchies that are mounted here, and the processes in their directories. */
import { readdirSync } from "node:fs";
import { type CgroupLine, type Mount, parseMountinfo } from "../proc.ts";
import { errorCode } from "../process.ts";
import { readText } from "../read.ts";
import type { Host } from "./host.ts";
import { tryRead } from "./processes.ts";

export interface Hierarchies {
  readonly mounts: readonly Mount[];
}

export function hierarchiesOf(host: Host): Hierarchies {
  const mounts = parseMountinfo(tryRead(`${host.root}/proc/self/mountinfo`) ?? "");
  return { mounts: mounts.filter(({ type }) => type === "cgroup" || type === "cgroup2") };
}

/** The directory of a cgroup, `path` as /proc/PID/cgroup has it; undefined where its hierarchy is not mounted, or not so far up. */
export function folderOf(
  { mounts }: Hierarchies,
  { hierarchy, controllers }: Pick<CgroupLine, "hierarchy" | "controllers">,
  path: string,
): string | undefined {
  for (const { root, point, type, options } of mounts) {
    const [controller = ""] = controllers;
    const isIt = hierarchy === 0 ? type === "cgroup2" : type === "cgroup" && options.includes(controller);
    const rest = isIt ? below(path, root) : undefined;
    if (rest !== undefined) return point + rest;
  }
  return undefined;
}

/**
 * What of `path` is below `root`: "" or "/…"; undefined if it is elsewhere. "/.." is what is above our cgroup namespace, and
 * no directory's parent.
 */
export function below(path: string, root: string): string | undefined {
  const start = root === "/" ? "" : root;
  const rest = path === root ? "" : path.startsWith(`${start}/`) ? path.slice(start.length) : undefined;
  return rest !== undefined && /\/\.\.(?:\/|$)/.test(rest) ? undefined : rest;
}

/** Who may make cgroups in a container can make very many. */
const MOST_FOLDERS = 1000;

/**
 * The processes in a cgroup and in those below it, zombies left out. "gone": there is no such cgroup. "unknown": not
 * readable, or more cgroups than anybody wants to read, or one whose threads are spread.
 */
export function processesBelow(host: Host, folder: string): number[] | "gone" | "unknown" {
  const pids: number[] = [];
  const folders = [folder];
  for (let i = 0; i < folders.length; i++) {
    if (i === MOST_FOLDERS) return "unknown";
    const path = `${host.root}${folders[i]}`;
    try {
      addPids(pids, readText(`${path}/cgroup.procs`) ?? "");
      for (const name of foldersIn(path)) folders.push(`${folders[i]}/${name}`);
    } catch (error) {
      const code = errorCode(error);
      if (code === undefined) throw error;
      const isGone = code === "ENOENT" || code === "ENODEV";
      if (i === 0) return isGone ? "gone" : "unknown";
      // A threaded cgroup's processes are those of the domain above it, which were read.
      if (!isGone && code !== "EOPNOTSUPP") return "unknown";
    }
  }
  return pids;
}

/** Who lives outside our pid namespace is written as 0. */
function addPids(pids: number[], text: string): void {
  for (const line of text.split("\n")) if (line !== "" && line !== "0") pids.push(Number(line));
}

export function foldersIn(path: string): string[] {
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}
