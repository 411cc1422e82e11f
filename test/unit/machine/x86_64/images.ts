/**
 * Machine code that is at hand on any Linux machine: this process's own vDSO, and its C library.
 */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";

export interface ImageFunction {
  readonly name: string;
  /** Offset in the image. */
  readonly offset: number;
  readonly code: Uint8Array;
}

/** The vDSO of this process; undefined if it runs without one. */
export function ownVdso(): Uint8Array | undefined {
  const line = mappings().find((mapping) => mapping.endsWith("[vdso]"));
  const [start, end] = (line?.split(" ")[0] ?? "").split("-").map((text) => Number.parseInt(text, 16));
  if (start === undefined || end === undefined) return undefined;
  const image = new Uint8Array(end - start);
  const memory = openSync("/proc/self/mem", "r");
  readSync(memory, image, 0, image.length, start);
  closeSync(memory);
  return image;
}

/** The C library that this process runs on; undefined if it is linked statically or not glibc. */
export function ownLibc(): Uint8Array | undefined {
  const path = mappings()
    .map((mapping) => mapping.replace(/.* /, ""))
    .find((name) => name.endsWith("/libc.so.6"));
  return path === undefined ? undefined : readFileSync(path);
}

/** The functions of an image's dynamic symbol table, one for each address. Needs section headers. */
export function functionsOf(image: Uint8Array): ImageFunction[] {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const u64 = (offset: number) => Number(view.getBigUint64(offset, true));
  const sections = Array.from({ length: view.getUint16(0x3c, true) }, (_, index) => {
    const header = u64(0x28) + index * 64;
    const link = view.getUint32(header + 0x28, true);
    return {
      type: view.getUint32(header + 4, true),
      address: u64(header + 0x10),
      offset: u64(header + 0x18),
      size: u64(header + 0x20),
      link,
    };
  });
  const symbols = sections.find(({ type }) => type === SHT_DYNSYM)!;
  const names = sections[symbols.link]!;

  const functions = new Map<number, ImageFunction>();
  for (let symbol = symbols.offset; symbol < symbols.offset + symbols.size; symbol += 24) {
    const type = view.getUint8(symbol + 4) & 15;
    const section = sections[view.getUint16(symbol + 6, true)];
    const size = u64(symbol + 16);
    if ((type !== STT_FUNC && type !== STT_GNU_IFUNC) || section === undefined || size === 0) continue;
    if (section.type !== SHT_PROGBITS) continue;
    const offset = u64(symbol + 8) - section.address + section.offset;
    const nameStart = names.offset + view.getUint32(symbol, true);
    const name = Buffer.from(image.subarray(nameStart, image.indexOf(0, nameStart))).toString();
    functions.set(offset, { name, offset, code: image.subarray(offset, offset + size) });
  }
  return [...functions.values()];
}

function mappings(): string[] {
  return readFileSync("/proc/self/maps", "utf8").split("\n");
}

const SHT_PROGBITS = 1;
const SHT_DYNSYM = 11;
const STT_FUNC = 2;
const STT_GNU_IFUNC = 10;
