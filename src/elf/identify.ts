/**
 * What kind of ELF file an image is: enough to refuse a 32-bit process with a sentence that says so, before
 * anything that only 64-bit images have is read.
 */
import { readHeader } from "./elfy.ts";
import { ElfError } from "./error.ts";

export interface ImageKind {
  class: 32 | 64;
  byteOrder: "little" | "big";
  /** "x86_64", "aarch64", "i386", "arm", elfy's name, or `machine N`. x86_64 with class 32 is x32. */
  machine: string;
  /** "dyn" for a shared object, which every vDSO is; elfy's name, or `type N`. */
  type: string;
}

/** As `uname -m` says them where elfy's names are its own. */
const MACHINES: Readonly<Record<string, string>> = { amd64: "x86_64", AArch64: "aarch64", "386": "i386" };

/** Sizes of Elf32_Ehdr and Elf64_Ehdr, elf(5). */
const HEADER_SIZE = { 32: 52, 64: 64 } as const;

/**
 * Reads the ELF header.
 *
 * @throws ElfError "not-elf" or "truncated"
 */
export function identify(bytes: Uint8Array): ImageKind {
  if (bytes.length < 16) {
    throw new ElfError("truncated", `ELF header: the image has ${bytes.length} bytes, e_ident alone has 16`);
  }
  const magic = Buffer.from(bytes.subarray(0, 4)).toString("hex");
  if (magic !== "7f454c46") throw new ElfError("not-elf", `magic: the image starts with 0x${magic}`);
  const size = bytes[4] === 1 ? HEADER_SIZE[32] : HEADER_SIZE[64];
  if (bytes.length < size) {
    throw new ElfError("truncated", `ELF header: ${size} bytes, but the image has ${bytes.length}`);
  }

  const header = readHeader(bytes);
  const little = header.endian === "lsb";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    class: header.class === "64" ? 64 : 32,
    byteOrder: little ? "little" : "big",
    machine: MACHINES[header.machine ?? ""] ?? header.machine ?? `machine ${view.getUint16(18, little)}`,
    type: header.type ?? `type ${view.getUint16(16, little)}`,
  };
}
