/** A file of this machine, as a source of bytes. */
import { closeSync, openSync, readSync } from "node:fs";
import type { ByteSource } from "../../../src/elf/functions.ts";

export function openFile(path: string): Disposable & { readonly source: ByteSource } {
  const file = openSync(path, "r");
  const source: ByteSource = (offset, length) => {
    const bytes = Buffer.alloc(length);
    return readSync(file, bytes, 0, length, offset) === length ? bytes : undefined;
  };
  return { source, [Symbol.dispose]: () => closeSync(file) };
}
