/**
 * An ELF file on disk, read in pieces: its header, its segments, and bytes by link-time address.
 *
 * Files are large (a browser has 250 MB), so nothing is read before it is needed, and nothing whole. Link-time
 * addresses, offsets and sizes are numbers: an address of the user's half has 47 bits, and what is larger is refused.
 * Source: the System V ABI, "ELF Header" and "Program Header", and elf(5).
 */
import { hex } from "./bytes.ts";
import { ElfError } from "./error.ts";
import { identify } from "./identify.ts";

/** An ELF file, read in pieces: `undefined` where it cannot be read or ends before. Offsets and lengths in bytes. */
export type ByteSource = (offset: number, length: number) => Uint8Array | undefined;

/** From the first byte to behind the last one. */
export interface Bounds {
  readonly start: number;
  readonly end: number;
}

/** One program header. */
export interface FileSegment {
  /** p_type: one of `SEGMENT`, or what nobody here reads. */
  readonly type: number;
  readonly executable: boolean;
  /** p_offset, p_vaddr, p_filesz. */
  readonly offset: number;
  readonly vaddr: number;
  readonly size: number;
}

/** The values of p_type that are read here. */
export const SEGMENT = {
  load: 1,
  dynamic: 2,
  interpreter: 3,
  note: 4,
  ehFrameHeader: 0x6474_e550,
} as const;

const HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;

/** As much as Linux accepts of program headers: 64 KiB. */
const MAX_PROGRAM_HEADERS = Math.floor(65_536 / PROGRAM_HEADER_SIZE);

/** Where the user's half of the address space ends. */
const ADDRESS_LIMIT = 2 ** 47;

/** The largest table that is read: bounds the memory that a file can make us take. */
const MAX_TABLE = 1 << 26;

/** Little-endian view of some bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Little-endian 32-bit values; a copy, because bytes need not be aligned, and what is over is left out. */
export function words32(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(new Uint8Array(bytes.subarray(0, bytes.length & ~3)).buffer);
}

/**
 * The index of the last pair of which one half is not above a value; -1 if there is none.
 *
 * @param pairs sorted by that half. The last pair may lack its second half.
 */
export function lastPairUpTo(pairs: Int32Array | Uint32Array, half: 0 | 1, value: number): number {
  let low = 0;
  let high = (pairs.length + 1) >> 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (pairs[2 * middle + half]! <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** A 64-bit value. Above 2^53 it is not exact, but too large for every bound that it is compared with. */
export function word(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

export class ElfFile {
  /** As elf/identify.ts says. */
  readonly machine: string;
  /** ET_EXEC. */
  readonly fixed: boolean;
  /** Where the program begins; 0 for a library. */
  readonly entry: number;
  readonly segments: readonly FileSegment[];
  /** The PT_LOAD segments. */
  readonly loads: readonly FileSegment[];
  /** Where and how many the section headers are: e_shoff, e_shnum, e_shstrndx. Nothing is checked. */
  readonly sectionHeaders: { readonly offset: number; readonly count: number; readonly names: number };
  readonly #source: ByteSource;

  /** @throws ElfError "truncated", "not-elf", "unsupported" or "segments" */
  constructor(source: ByteSource) {
    this.#source = source;
    const header = this.read(0, HEADER_SIZE);
    if (header === undefined) {
      throw new ElfError("truncated", `ELF header: the file does not have its ${HEADER_SIZE} bytes`);
    }
    const { class: bits, byteOrder, machine, type } = identify(header);
    if (bits !== 64 || byteOrder !== "little" || (type !== "exec" && type !== "dyn")) {
      throw new ElfError(
        "unsupported",
        `ELF header: ${bits}-bit ${byteOrder}-endian ${machine}, e_type "${type}"; code is looked for in ` +
          '64-bit little-endian files of e_type "exec" or "dyn"',
      );
    }
    this.machine = machine;
    this.fixed = type === "exec";
    const view = viewOf(header);
    this.entry = word(view, 24);
    this.sectionHeaders = {
      offset: word(view, 40),
      count: view.getUint16(60, true),
      names: view.getUint16(62, true),
    };
    this.segments = this.#readSegments(view);
    this.loads = this.segments.filter(({ type }) => type === SEGMENT.load);
    refuseOverlap(this.loads);
  }

  /** Bytes by file offset; undefined where the file ends before, or if there are more of them than any table has. */
  read(offset: number, length: number): Uint8Array | undefined {
    const sound = offset >= 0 && length >= 0 && length <= MAX_TABLE && Number.isSafeInteger(offset + length);
    const bytes = sound ? this.#source(offset, length) : undefined;
    return bytes?.length === length ? bytes : undefined;
  }

  /** Bytes by link-time address; undefined unless one PT_LOAD has them all in the file. */
  at(vaddr: number, length: number): Uint8Array | undefined {
    const segment = this.loadAt(vaddr);
    if (segment === undefined || vaddr - segment.vaddr + length > segment.size) return undefined;
    return this.read(segment.offset + (vaddr - segment.vaddr), length);
  }

  /** As many bytes as there are at a link-time address, up to a limit. */
  upTo(vaddr: number, limit: number): Uint8Array | undefined {
    const segment = this.loadAt(vaddr);
    if (segment === undefined) return undefined;
    return this.at(vaddr, Math.min(limit, segment.vaddr + segment.size - vaddr));
  }

  /** The PT_LOAD that has the byte at an address in the file. */
  loadAt(vaddr: number): FileSegment | undefined {
    return this.loads.find((load) => vaddr >= load.vaddr && vaddr < load.vaddr + load.size);
  }

  /** @throws ElfError "segments" or "truncated" */
  #readSegments(header: DataView): FileSegment[] {
    const offset = word(header, 32);
    const entrySize = header.getUint16(54, true);
    const count = header.getUint16(56, true);
    if (count === 0) return [];
    if (entrySize !== PROGRAM_HEADER_SIZE) {
      throw new ElfError("segments", `e_phentsize: ${entrySize}, not ${PROGRAM_HEADER_SIZE}`);
    }
    if (count > MAX_PROGRAM_HEADERS) {
      throw new ElfError("segments", `e_phnum: ${count}, more than ${MAX_PROGRAM_HEADERS}`);
    }
    const table = this.read(offset, count * PROGRAM_HEADER_SIZE);
    if (table === undefined) {
      throw new ElfError("truncated", `${count} program headers at ${hex(offset)}: not in the file`);
    }
    const view = viewOf(table);
    return Array.from({ length: count }, (_, index) => readSegment(view, index * PROGRAM_HEADER_SIZE));
  }
}

/** @throws ElfError "segments" */
function readSegment(view: DataView, at: number): FileSegment {
  const type = view.getUint32(at, true);
  const offset = word(view, at + 8);
  const vaddr = word(view, at + 16);
  const size = word(view, at + 32);
  const memorySize = word(view, at + 40);
  if (type === SEGMENT.load && memorySize < size) {
    throw new ElfError("segments", `PT_LOAD: p_memsz ${hex(memorySize)} below p_filesz ${hex(size)}`);
  }
  if (type === SEGMENT.load && Math.max(vaddr + memorySize, offset + size) > ADDRESS_LIMIT) {
    throw new ElfError(
      "segments",
      `PT_LOAD: p_vaddr ${hex(vaddr)}, p_offset ${hex(offset)} and p_memsz ${hex(memorySize)} lead above 2^47`,
    );
  }
  return { type, executable: (view.getUint32(at + 4, true) & 1) !== 0, offset, vaddr, size };
}

/** @throws ElfError "segments" if two segments claim an address, so that nobody knows which bytes are there */
function refuseOverlap(loads: readonly FileSegment[]): void {
  const sorted = loads.filter(({ size }) => size > 0).sort((a, b) => a.vaddr - b.vaddr);
  sorted.forEach((load, index) => {
    const before = sorted[index - 1];
    if (before && before.vaddr + before.size > load.vaddr) {
      throw new ElfError("segments", `PT_LOAD: ${hex(load.vaddr)} is in two of them`);
    }
  });
}
