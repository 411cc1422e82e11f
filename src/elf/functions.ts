/**
 * Where the functions of an executable or a shared library begin and end, read from its file.
 *
 * Tables are asked in this order, the first that knows an address decides:
 *
 * 1. The Go function table: exact, and the only one about Go code.
 * 2. .eh_frame: what the compiler calls a function. A part that it has moved elsewhere ("f.cold") counts as one of its
 *    own, and so do the parts of a function in assembly with several descriptions.
 * 3. .symtab, then .dynsym: what has no unwind information, as all of musl's code, and assembly such as glibc's clone,
 *    whose description ends before the instruction that makes the new thread.
 * 4. .symtab about a function without a size, as in musl's assembly: it ends where the next one begins. .dynsym has not
 *    every function, so it is not believed about that.
 *
 * Each is read when it is first needed, and of a malformed one nothing is known.
 */
import { CodeFile } from "./code-file.ts";
import { type Bounds, type ByteSource, ElfFile } from "./file.ts";
import { readFileDynamic } from "./program.ts";

export { ElfError, type ElfErrorCode } from "./error.ts";
export type { Bounds, ByteSource } from "./file.ts";

/** An executable PT_LOAD: link-time address, file offset, file size. */
export interface CodeSegment {
  readonly vaddr: number;
  readonly offset: number;
  readonly size: number;
}

/** Link-time addresses, the end excluded. */
export interface FunctionRange {
  readonly start: number;
  readonly end: number;
  /** As the file has it: a report has to escape it. Looked up when it is read. */
  readonly name: string | undefined;
}

export interface CodeImage {
  /** As elf/identify.ts says. */
  readonly machine: string;
  readonly code: readonly CodeSegment[];
  /** ET_EXEC: mapped where it was linked. */
  readonly fixed: boolean;
  /** Needs a loader (PT_INTERP) or other libraries (DT_NEEDED). */
  readonly dynamic: boolean;
  /** Has a Go function table. */
  readonly go: boolean;
  /** The function that holds an address; undefined where no table knows. */
  functionAt(vaddr: number): FunctionRange | undefined;
  /** Bytes of code, by link-time address; undefined unless one segment has them all. */
  bytes(vaddr: number, length: number): Uint8Array | undefined;
}

/** An image that knows its gaps, too. */
export interface GappedImage extends CodeImage {
  /**
   * What lies around an address that no table knows, as in stripped files of musl's: any number of functions, and what
   * is between them. An instruction begins at the first byte, because a known function, the section or the program's
   * entry point ends or begins there; the next known one begins at the end. Undefined where a table knows the address,
   * or nothing is known to begin before it.
   */
  gapAt(vaddr: number): Bounds | undefined;
}

/** @throws ElfError for what is no 64-bit little-endian ELF executable or library, or is malformed */
export function readCodeImage(source: ByteSource): GappedImage {
  const file = new ElfFile(source);
  return new CodeFile(file, readFileDynamic(file));
}
