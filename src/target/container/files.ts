/**
 * Reads files that a container's own root may have put there: nothing but a regular file of a sensible size, and no link.
 * A FIFO would make us wait, a device or a huge file take our memory.
 */
import { closeSync, constants, fstatSync, openSync, readdirSync } from "node:fs";
import { errorCode } from "../process.ts";
import { readOpened } from "../read.ts";

const MOST_BYTES = 16 << 20;

/** Why a file could not be read: its errno; "ETYPE" for what is no file, "EFBIG" for one that is too large. */
export class Unreadable extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** @throws Unreadable */
export function readRegular(path: string, limit = MOST_BYTES): string {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    throw new Unreadable(errorCode(error) ?? "EIO");
  }
  try {
    if (!fstatSync(file).isFile()) throw new Unreadable("ETYPE");
    const text = readOpened(file, limit);
    if (text === undefined) throw new Unreadable("EFBIG");
    return text;
  } finally {
    closeSync(file);
  }
}

/** Undefined if it is not there, not ours to read, or not what it should be. */
export function tryReadRegular(path: string, limit?: number): string | undefined {
  try {
    return readRegular(path, limit);
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}

/**
 * The names in a directory.
 *
 * @throws Unreadable
 */
export function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    throw new Unreadable(errorCode(error) ?? "EIO");
  }
}

export function tryNamesIn(path: string): string[] {
  try {
    return namesIn(path);
  } catch (error) {
    if (error instanceof Unreadable) return [];
    throw error;
  }
}
