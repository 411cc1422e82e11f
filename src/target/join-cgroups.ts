/** Puts a process where another is, so that what limits and accounts for the one does so for the other. */
import { writeFileSync } from "node:fs";
import { type CgroupLine, parseCgroup } from "./proc.ts";
import { readText } from "./read.ts";
import { folderOf, hierarchiesOf } from "./select/hierarchies.ts";
import { thisHost } from "./select/host.ts";

/**
 * In each hierarchy that is mounted here and may be written to. A cgroup that cannot be joined is no reason not to run a
 * program: its namespaces and files are what that is about.
 *
 * @returns whether it is in all of them now
 */
export function joinCgroups(pid: number, member: number): boolean {
  const hierarchies = hierarchiesOf(thisHost());
  for (const line of cgroupsOf(pid)) {
    const folder = folderOf(hierarchies, line, line.path);
    if (folder === undefined) continue;
    try {
      writeFileSync(`${folder}/cgroup.procs`, `${member}`);
    } catch {
      // Not ours to write to, or full, or a cgroup of threads; or it is there already.
    }
  }
  const places = new Set(cgroupsOf(member).map(placeOf));
  return cgroupsOf(pid).every((line) => places.has(placeOf(line)));
}

function cgroupsOf(pid: number): CgroupLine[] {
  return parseCgroup(readText(`/proc/${pid}/cgroup`) ?? "");
}

function placeOf({ hierarchy, path }: CgroupLine): string {
  return `${hierarchy} ${path}`;
}
