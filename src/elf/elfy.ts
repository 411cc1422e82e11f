/**
 * The part of elfy that is exact: naming the class, machine and type of a header, and listing segments.
 *
 * `elfy.parse` is not called, because it insists on section headers, which the kernel may leave out of a
 * vDSO and which nothing may rely on; its parser's two steps that need none are called instead. Its 64-bit
 * fields are JS numbers, so whoever needs one reads it again (`image.ts`). `--version` and `--help` do not pay for it: it
 * comes with the engine.
 */
/// <reference path="./elfy-types.d.ts" />
import elfy from "elfy";
import { ElfError } from "./error.ts";

export interface ElfyHeader {
  readonly class: "32" | "64";
  readonly endian: "lsb" | "msb";
  /** Undefined for numbers that elfy does not know. */
  readonly type: string | undefined;
  readonly machine: string | undefined;
}

export interface ElfySegment {
  /** "load", "dynamic", …; undefined for types that elfy does not know. */
  readonly type: string | undefined;
  readonly flags: { readonly r?: true; readonly w?: true; readonly x?: true };
}

/** elfy reads through Buffer's methods; this shares the memory. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * @param bytes must hold the whole ELF header
 * @throws ElfError "not-elf" for a class or byte order that does not exist
 */
export function readHeader(bytes: Uint8Array): ElfyHeader {
  try {
    return new elfy.Parser().parseHeader(asBuffer(bytes));
  } catch (cause) {
    throw new ElfError("not-elf", `ELF header: ${(cause as Error).message}`, { cause });
  }
}

/**
 * The program headers in order.
 *
 * @param bytes must hold the whole program header table (the caller has checked e_phoff, in BigInt)
 * @throws ElfError "segments" if elfy refuses them
 */
export function listSegments(bytes: Uint8Array, header: ElfyHeader): ElfySegment[] {
  const parser = new elfy.Parser();
  try {
    // A parser learns the byte order from the header it reads.
    parser.parseHeader(asBuffer(bytes));
    return parser.parsePrograms(asBuffer(bytes), header);
  } catch (cause) {
    throw new ElfError("segments", `program headers: ${(cause as Error).message}`, { cause });
  }
}
