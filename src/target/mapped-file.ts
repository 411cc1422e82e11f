/**
 * The file behind a mapping of a process: the very one that it has mapped, whatever name it has now, in whichever mount
 * namespace, deleted or not.
 */
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { formatRange, type Mapping } from "./proc-maps.ts";

/** Parts of a file; undefined where it ends before. */
export interface MappedFile extends Disposable {
  read(offset: number, length: number): Uint8Array | undefined;
  /** In bytes. */
  readonly size: bigint;
  /** The same for the same contents, as far as the file system tells. */
  readonly identity: string;
}

/**
 * @param proc a descriptor of /proc/PID
 * @returns undefined where we may not open it, or where its name leads to another file by now
 */
export function openMapped(proc: number, mapping: Mapping): MappedFile | undefined {
  const folder = `/proc/self/fd/${proc}`;
  // Needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN; a name will do as well if it still means the same file.
  const file = tryOpen(`${folder}/map_files/${formatRange(mapping)}`) ?? openByName(folder, mapping);
  if (file === undefined) return undefined;
  const { dev, ino, size, mtimeNs } = fstatSync(file, { bigint: true });
  return {
    size,
    identity: `${dev}:${ino}:${size}:${mtimeNs}`,
    read(offset, length) {
      if (offset < 0 || length < 0 || BigInt(offset) + BigInt(length) > size) return undefined;
      const bytes = Buffer.allocUnsafe(length);
      for (let at = 0; at < length; ) {
        const count = readSync(file, bytes, at, length - at, offset + at);
        if (count === 0) return undefined;
        at += count;
      }
      return bytes;
    },
    [Symbol.dispose]: () => closeSync(file),
  };
}

function openByName(folder: string, { path, inode, deleted }: Mapping): number | undefined {
  if (deleted || !path.startsWith("/")) return undefined;
  const name = `${folder}/root${path}`;
  // Looked at before it is opened: opening a pipe or a device could wait, or do something.
  if (!isFile(name, inode)) return undefined;
  const file = tryOpen(name);
  if (file === undefined || fstatSync(file, { bigint: true }).ino === inode) return file;
  closeSync(file);
  return undefined;
}

function isFile(name: string, inode: bigint): boolean {
  try {
    const stat = statSync(name, { bigint: true });
    return stat.isFile() && stat.ino === inode;
  } catch {
    return false; // gone, or not for us
  }
}

function tryOpen(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch {
    return undefined; // gone, not permitted, or a kernel without map_files
  }
}
