/** Writes what the kernel unpacks as its first file system: cpio archives of the format "newc". */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

const TYPE = { folder: 0o040000, file: 0o100000, link: 0o120000, device: 0o020000 };

/** Archives that follow each other begin at multiples of this. */
const BLOCK = 512;

export class Cpio {
  readonly #parts: Uint8Array[] = [];
  readonly #folders = new Set<string>();
  #inode = 0;

  /** @param path without a slash in front, as all paths here; its folders are made */
  file(path: string, content: Uint8Array | string, mode = 0o644): this {
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    return this.#in(path).#entry(path, TYPE.file | mode, bytes);
  }

  link(path: string, to: string): this {
    return this.#in(path).#entry(path, TYPE.link | 0o777, Buffer.from(to));
  }

  folder(path: string, mode = 0o755): this {
    if (path === "" || this.#folders.has(path)) return this;
    this.#folders.add(path);
    return this.#in(path).#entry(path, TYPE.folder | mode);
  }

  /** A character device. */
  device(path: string, major: number, minor: number): this {
    return this.#in(path).#entry(path, TYPE.device | 0o600, undefined, [major, minor]);
  }

  /** A file or a whole folder of this machine, but for the names in a folder that `skip` says yes to. */
  copy(from: string, path: string, skip: (path: string) => boolean = () => false): this {
    const status = lstatSync(from);
    if (status.isSymbolicLink()) return this.link(path, readlinkSync(from));
    if (status.isFile()) return this.file(path, readFileSync(from), status.mode & 0o7777);
    if (!status.isDirectory()) return this; // a socket or the like
    this.folder(path, status.mode & 0o7777);
    for (const name of readdirSync(from).sort()) {
      const inner = path === "" ? name : `${path}/${name}`;
      if (!skip(inner)) this.copy(join(from, name), inner, skip);
    }
    return this;
  }

  /** The whole archive. */
  bytes(): Buffer {
    const trailer = this.#header("TRAILER!!!", 0, 0, [0, 0]);
    return padded(Buffer.concat([...this.#parts, ...trailer]), BLOCK);
  }

  #in(path: string): this {
    const end = path.lastIndexOf("/");
    return end < 0 ? this : this.folder(path.slice(0, end));
  }

  #entry(
    path: string,
    mode: number,
    content: Uint8Array = new Uint8Array(),
    device: [number, number] = [0, 0],
  ) {
    this.#parts.push(...this.#header(path, mode, content.length, device), padded(content, 4));
    return this;
  }

  #header(path: string, mode: number, size: number, [major, minor]: [number, number]): Buffer[] {
    const name = Buffer.from(`${path}\0`);
    // inode, mode, uid, gid, links, mtime, size, the file's device, the device it is, length of the name, checksum
    const fields = [++this.#inode, mode, 0, 0, 1, 0, size, 0, 0, major, minor, name.length, 0];
    const text = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`;
    return [padded(Buffer.concat([Buffer.from(text), name]), 4)];
  }
}

function padded(bytes: Uint8Array, unit: number): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((unit - (bytes.length % unit)) % unit)]);
}
