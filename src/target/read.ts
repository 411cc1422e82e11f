/**
 * Reads a file of /proc. How large one is, its process decides: mappings by the ten thousand, of files with names of
 * any length.
 */
import { closeSync, openSync, readSync } from "node:fs";

/** A million mappings take about as much. */
export const MOST_TEXT = 64 << 20;
const FIRST = 64 << 10;

/** @returns undefined if it has more than `limit` bytes */
export function readText(path: string, limit = MOST_TEXT): string | undefined {
  const file = openSync(path, "r");
  try {
    return readOpened(file, limit);
  } finally {
    closeSync(file);
  }
}

/** The same of a file that is open already, from where it stands. */
export function readOpened(file: number, limit: number): string | undefined {
  let buffer = Buffer.allocUnsafe(Math.min(FIRST, limit + 1));
  for (let size = 0; ; ) {
    const count = readSync(file, buffer, size, buffer.length - size, null);
    size += count;
    if (size > limit) return undefined;
    if (count === 0) return buffer.toString("utf8", 0, size);
    if (size < buffer.length) continue;
    const larger = Buffer.allocUnsafe(Math.min(2 * size, limit + 1));
    buffer.copy(larger);
    buffer = larger;
  }
}
