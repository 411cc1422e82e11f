/**
 * /proc/PID/cgroup, and the two files that say whether a cgroup is frozen. A frozen process does not stop
 * for ptrace until it is thawed, so timeskew looks here first.
 * Sources: cgroups(7), the kernel's cgroup-v1/freezer-subsystem.rst and cgroup-v2.rst.
 */
import { formatError, integer, linesOf } from "./proc-format.ts";

/** The process's place in one hierarchy. */
export interface CgroupLine {
  /** 0 for cgroup v2. */
  readonly hierarchy: number;
  /** v1: "memory", or "name=systemd"; empty for v2. */
  readonly controllers: readonly string[];
  /**
   * Relative to the root of the reader's cgroup namespace ("/../…" for a place outside it). A cgroup of v2
   * that is removed, with a zombie still in it, has " (deleted)" at the end.
   */
  readonly path: string;
}

/** v1's three states: "freezing" means that some tasks are not frozen yet. */
export type FreezerState = "thawed" | "freezing" | "frozen";

const FILE = "/proc/PID/cgroup";

/**
 * Every line, v1 and v2.
 *
 * @throws TimeskewError E_INTERNAL for a line that no kernel writes
 */
export function parseCgroup(text: string): CgroupLine[] {
  return linesOf(text).map((line) => {
    // Paths may contain colons; names of controllers do not.
    const [, hierarchy, controllers, path] = /^(\d+):([^:]*):(\/.*)$/s.exec(line) ?? [];
    if (controllers === undefined || path === undefined) {
      throw formatError(FILE, '"hierarchy:controllers:path"', line);
    }
    return {
      hierarchy: integer(hierarchy, FILE, "hierarchy"),
      controllers: controllers === "" ? [] : controllers.split(","),
      path,
    };
  });
}

/**
 * v1's `freezer.state`.
 *
 * @throws TimeskewError E_INTERNAL
 */
export function parseFreezerState(text: string): FreezerState {
  switch (text.trim()) {
    case "THAWED":
      return "thawed";
    case "FREEZING":
      return "freezing";
    case "FROZEN":
      return "frozen";
    default:
      throw formatError("freezer.state", "THAWED, FREEZING or FROZEN", text);
  }
}

/**
 * Whether v2's `cgroup.events` says that the cgroup is frozen; undefined where it does not say (kernels
 * before 5.2, which cannot freeze a v2 cgroup).
 *
 * @throws TimeskewError E_INTERNAL
 */
export function parseCgroupEvents(text: string): { frozen: boolean | undefined } {
  const line = linesOf(text).find((each) => each.startsWith("frozen "));
  if (line === undefined) return { frozen: undefined };
  return { frozen: integer(line.slice("frozen ".length), "cgroup.events", "frozen") !== 0 };
}
