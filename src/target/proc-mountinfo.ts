/**
 * /proc/PID/mountinfo: what is mounted where. Source: proc(5).
 */
import { formatError, linesOf } from "./proc-format.ts";

export interface Mount {
  /** Which directory of the file system is at the mount point. */
  readonly root: string;
  readonly point: string;
  /** "cgroup2", "overlay", … */
  readonly type: string;
  /** Those of the file system: "rw", "memory", "hidepid=invisible". */
  readonly options: readonly string[];
}

const FILE = "/proc/PID/mountinfo";

/**
 * In the file's order: what comes later lies over what came before.
 *
 * @throws TimeskewError E_INTERNAL for a line that no kernel writes
 */
export function parseMountinfo(text: string): Mount[] {
  return linesOf(text).map((line) => {
    // "36 35 98:0 /root /point rw,noatime shared:1 master:2 - type source options": between the sixth and "-" any number.
    const fields = line.split(" ");
    const dash = fields.indexOf("-", 6);
    const [root, point] = fields.slice(3, 5);
    const [type, , options] = fields.slice(dash + 1);
    if (dash < 0 || root === undefined || point === undefined || type === undefined || options === undefined)
      throw formatError(FILE, "eleven fields or so", line);
    return { root: unescaped(root), point: unescaped(point), type, options: options.split(",") };
  });
}

/** Space, tab, newline, backslash and "#" are written as \040 and the like. */
function unescaped(path: string): string {
  return path.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
