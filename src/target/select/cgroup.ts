/** Everybody in a cgroup and below. */
import { TimeskewError } from "../../errors.ts";
import type { Mount } from "../proc.ts";
import { below, hierarchiesOf, processesBelow } from "./hierarchies.ts";
import type { Host } from "./host.ts";
import { membersOf } from "./members.ts";
import type { Resolved } from "./resolved.ts";

/**
 * A path as /proc/PID/cgroup has it means the cgroup of this name in every hierarchy; a directory where a hierarchy is
 * mounted (/sys/fs/cgroup/…), that one.
 *
 * @throws TimeskewError E_USAGE, E_NO_TARGET
 */
export function selectCgroup(host: Host, path: string): Resolved {
  if (path === "") throw new TimeskewError("E_USAGE", "--cgroup needs a path, as /proc/PID/cgroup has it");
  const wanted = `/${path}`.replaceAll(/\/+/g, "/").replace(/(.)\/$/, "$1");
  const hierarchies = hierarchiesOf(host);
  const folders = foldersOf(hierarchies.mounts, wanted);
  const within = (each: string) => (below(each, wanted) === undefined ? undefined : wanted);
  const byPath = membersOf(host, hierarchies, { within });
  const members = () => processesIn(host, folders) ?? byPath();
  if (folders.every((folder) => processesBelow(host, folder) === "gone") && members().length === 0)
    throw noSuchCgroup(wanted, folders, hierarchies.mounts);
  return {
    selected: { kind: "cgroup", words: `cgroup ${wanted}` },
    flags: ["--cgroup", path],
    lasts: true,
    members,
  };
}

/** The one directory that was named, or those of this name in all hierarchies. */
function foldersOf(mounts: readonly Mount[], wanted: string): string[] {
  const named = mounts.some(({ point }) => below(wanted, point) !== undefined);
  if (named) return [wanted];
  return mounts.flatMap(({ point, root }) => {
    const rest = below(wanted, root);
    return rest === undefined ? [] : [point + rest];
  });
}

/** Undefined where they have to be found another way: by their paths. */
function processesIn(host: Host, folders: readonly string[]): number[] | undefined {
  const pids = new Set<number>();
  let exists = false;
  for (const folder of folders) {
    const there = processesBelow(host, folder);
    if (there === "unknown") return undefined;
    if (there === "gone") continue;
    exists = true;
    for (const pid of there) pids.add(pid);
  }
  return exists ? [...pids] : undefined;
}

function noSuchCgroup(wanted: string, folders: readonly string[], mounts: readonly Mount[]): TimeskewError {
  const looked =
    folders.length > 0 ? `there is no ${folders.join(", ")}` : "no hierarchy is mounted where it would be";
  const like = mounts.length > 0 ? "" : "; no cgroup hierarchy is mounted here";
  return new TimeskewError(
    "E_NO_TARGET",
    `no cgroup is called ${wanted}: ${looked}, and no process is in it${like}`,
    {
      hint: "a process's cgroups are in /proc/PID/cgroup; systemd-cgls lists them all",
    },
  );
}
