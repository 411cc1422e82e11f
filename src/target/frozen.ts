/**
 * Whether a process is in a frozen cgroup (a paused container, v1 or v2): it would never stop for ptrace.
 */
import { readFileSync } from "node:fs";
import { containerOf, unpauseCommand } from "./container/of.ts";
import { parseCgroup, parseCgroupEvents, parseFreezerState } from "./proc.ts";

/** Where cgroup hierarchies are usually mounted, and their files that tell. */
const V2_MOUNTS = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
const V1_FREEZER = "/sys/fs/cgroup/freezer";

export function isFrozen(pid: number): boolean {
  const text = tryRead(`/proc/${pid}/cgroup`);
  if (text === undefined) return false;
  return parseCgroup(text).some(({ hierarchy, controllers, path }) => {
    if (hierarchy === 0) {
      return V2_MOUNTS.some((mount) => {
        const events = tryRead(`${mount}${path}/cgroup.events`);
        return events !== undefined && parseCgroupEvents(events).frozen === true;
      });
    }
    if (!controllers.includes("freezer")) return false;
    const state = tryRead(`${V1_FREEZER}${path}/freezer.state`);
    return state !== undefined && parseFreezerState(state) !== "thawed";
  });
}

/**
 * What to say of a process that is frozen.
 *
 * @param name "pid 12 (redis)"
 */
export function frozenReason(
  pid: number,
  name: string,
  container = containerOf(pid),
): { message: string; hint: string } {
  if (container === undefined)
    return {
      message: `${name} is in a frozen cgroup (a paused container?)`,
      hint: "thaw it, then try again",
    };
  const how = unpauseCommand(container) ?? "let it go on";
  return { message: `${name}: ${container.words} is paused`, hint: `${how}, then try again` };
}

function tryRead(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // not mounted here, or no such file on this kernel
  }
}
