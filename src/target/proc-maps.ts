/**
 * /proc/PID/maps: the mappings of a process.
 */
import { type Address, address } from "../machine/address.ts";
import { formatError, linesOf } from "./proc-format.ts";

export interface Mapping {
  readonly start: Address;
  /** The first address after the mapping. */
  readonly end: Address;
  /** "r-xp": read, write, execute, then p(rivate) or s(hared). */
  readonly perms: string;
  /** Of the mapping's start in the file, in bytes. */
  readonly offset: bigint;
  /** "major:minor" in hexadecimal. */
  readonly device: string;
  /** 0 for mappings of no file. */
  readonly inode: bigint;
  /** The file, a name in brackets ("[vdso]"), or "" for anonymous memory. */
  readonly path: string;
  /** The file has no name any more; " (deleted)" is cut off `path`. */
  readonly deleted: boolean;
}

const FILE = "/proc/PID/maps";
const LINE =
  /^([0-9a-f]{1,16})-([0-9a-f]{1,16}) ([r-][w-][x-][ps]) ([0-9a-f]{1,16}) ([0-9a-f]+:[0-9a-f]+) (\d{1,20}) *(.*)$/s;
const DELETED = " (deleted)";

/**
 * The mappings in the file's order. The kernel writes a newline in a file's name as \012, but a backslash as
 * itself, so that a file whose name really contains "\012", or really ends in " (deleted)", cannot be told
 * from the other; neither is ever ours.
 *
 * @throws TimeskewError E_INTERNAL for a line that no kernel writes
 */
export function parseMaps(text: string): Mapping[] {
  return linesOf(text).map((line) => {
    const [, start, end, perms, offset, device, inode, rawPath] = LINE.exec(line) ?? [];
    // The groups match together or not at all.
    if (rawPath === undefined || BigInt(`0x${start}`) >= BigInt(`0x${end}`)) {
      throw formatError(FILE, '"start-end perms offset dev inode path"', line);
    }
    const deleted = rawPath.endsWith(DELETED);
    const path = deleted ? rawPath.slice(0, -DELETED.length) : rawPath;
    return {
      start: address(BigInt(`0x${start}`)),
      end: address(BigInt(`0x${end}`)),
      perms: perms!,
      offset: BigInt(`0x${offset}`),
      device: device!,
      inode: BigInt(inode!),
      path: path.replaceAll("\\012", "\n"),
      deleted,
    };
  });
}

/** A mapping's addresses as /proc/PID/map_files has them: "55d0c0a1f000-55d0c0a20000". */
export function formatRange({ start, end }: Pick<Mapping, "start" | "end">): string {
  return `${start.toString(16)}-${end.toString(16)}`;
}

/**
 * The mapping of a given name, for those of which a process has at most one: "[vdso]", "[vvar]",
 * "[vvar_vclock]" (Linux 6.13 and newer), "[stack]". File names start with "/", so none can pass for these.
 */
export function findMapping(maps: readonly Mapping[], name: `[${string}]`): Mapping | undefined {
  return maps.find((mapping) => mapping.path === name);
}

/** Whether a mapping is a stack that grows down; kernels before 4.5 also named threads' stacks. */
export function isStack(mapping: Mapping): boolean {
  return mapping.path === "[stack]" || mapping.path.startsWith("[stack:");
}
