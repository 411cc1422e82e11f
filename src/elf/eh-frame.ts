/**
 * Functions by their unwind information: each has a frame description (FDE) in .eh_frame that says where it begins and
 * how long it is. `strip` leaves it, because exceptions and backtraces need it at run time.
 *
 * .eh_frame_hdr lists the descriptions in the order of their functions: it is read once and searched, and a description
 * is read when its function is asked for. Static programs may be linked without it; then .eh_frame is gone through.
 * Sources: the Linux Standard Base, "Exception Frames"; DWARF 5, 6.4.1.
 */
import { type Bounds, type ElfFile, type FileSegment, lastPairUpTo, viewOf, word, words32 } from "./file.ts";

/** Bytes by link-time address. */
type Reader = (vaddr: number, length: number) => Uint8Array | undefined;

/** What is needed of a common information entry (CIE): how the descriptions that name it encode their addresses. */
interface Common {
  readonly encoding: number;
  /** Describes a signal's return: see `find`. */
  readonly signal: boolean;
}

type Frame = Bounds & Pick<Common, "signal">;

/** DW_EH_PE_*: the low four bits of an encoding say how a value is stored, the next three what it is relative to. */
const ENCODING = { omitted: 0xff, udata4: 0x03, pcrel: 0x10, datarelSdata4: 0x3b, aligned: 0x50 } as const;

/** Bytes of each format that occurs: absptr, udata4, udata8, sdata4, sdata8. */
const FORMAT_SIZES: Readonly<Record<number, number>> = { 0: 8, 3: 4, 4: 8, 11: 4, 12: 8 };

/** The augmentation, factors and encodings of a real CIE take 30 bytes at most. */
const MAX_COMMON = 64;

/** The largest .eh_frame that is gone through for want of a header. */
const MAX_SCANNED = 1 << 24;

export class FrameTable {
  /** Of each function its start and of its description the address, less `base`; sorted. */
  readonly #pairs: Int32Array;
  readonly #base: number;
  readonly #read: Reader;
  readonly #commons = new Map<number, Common | undefined>();

  private constructor(read: Reader, base: number, pairs: Int32Array) {
    this.#read = read;
    this.#base = base;
    this.#pairs = pairs;
  }

  /** The table of .eh_frame_hdr; undefined if there is none, or one in an encoding that no linker makes. */
  static fromHeader(file: ElfFile, { vaddr, size }: FileSegment): FrameTable | undefined {
    const header = size >= 12 ? file.at(vaddr, size) : undefined;
    if (header === undefined) return undefined;
    const [version, pointer = 0, countEncoding, tableEncoding] = header;
    const countAt = 4 + (pointer === ENCODING.omitted ? 0 : (FORMAT_SIZES[pointer & 0xf] ?? Number.NaN));
    const known =
      version === 1 && countEncoding === ENCODING.udata4 && tableEncoding === ENCODING.datarelSdata4;
    const rows = countAt + 4;
    if (!known || !(rows <= size)) return undefined;
    const rowsEnd = rows + 8 * viewOf(header).getUint32(countAt, true);
    if (rowsEnd > size) return undefined;
    const pairs = new Int32Array(words32(header.subarray(rows, rowsEnd)).buffer);
    return new FrameTable((at, length) => file.at(at, length), vaddr, pairs);
  }

  /** Every description in the bytes of an .eh_frame section. */
  static fromSection(
    file: ElfFile,
    { vaddr, offset, size }: Pick<FileSegment, "vaddr" | "offset" | "size">,
  ): FrameTable | undefined {
    const section = size <= MAX_SCANNED ? file.read(offset, size) : undefined;
    if (section === undefined) return undefined;
    const read: Reader = (from, length) => {
      const at = from - vaddr;
      return at >= 0 && at + length <= size ? section.subarray(at, at + length) : undefined;
    };
    const scanner = new FrameTable(read, vaddr, new Int32Array());
    return new FrameTable(read, vaddr, scanner.#scan(viewOf(section)));
  }

  /**
   * The function that holds an address.
   *
   * A signal's return is left out: its description begins a byte before it, because an unwinder looks up the byte
   * before the address that a frame returns to.
   */
  find(vaddr: number): Bounds | undefined {
    const frame = this.#frameOf(this.#lastUpTo(vaddr));
    return frame && !frame.signal && vaddr < frame.end ? frame : undefined;
  }

  /** Where the first function behind an address begins. */
  nextStart(vaddr: number): number | undefined {
    const start = this.#pairs[2 * (this.#lastUpTo(vaddr) + 1)];
    return start === undefined ? undefined : this.#base + start;
  }

  /** What lies between two functions around an address; undefined if one has it, or a description is malformed. */
  around(vaddr: number): Bounds | undefined {
    const index = this.#lastUpTo(vaddr);
    const before = index < 0 ? { end: 0 } : this.#frameOf(index);
    if (before === undefined || before.end > vaddr) return undefined;
    return { start: before.end, end: this.nextStart(vaddr) ?? Number.POSITIVE_INFINITY };
  }

  /** The index of the last pair whose start is not behind an address; -1 if there is none. */
  #lastUpTo(vaddr: number): number {
    return lastPairUpTo(this.#pairs, 0, vaddr - this.#base);
  }

  /** The description that a pair leads to, if it is about the same function. */
  #frameOf(index: number): Frame | undefined {
    const start = this.#pairs[2 * index];
    const frame = start === undefined ? undefined : this.#frame(this.#base + this.#pairs[2 * index + 1]!);
    return frame?.start === this.#base + start! ? frame : undefined;
  }

  #frame(vaddr: number): Frame | undefined {
    // Length, distance to the CIE, and as much as the smallest start and size take.
    const head = this.#read(vaddr, 16);
    if (head === undefined) return undefined;
    const view = viewOf(head);
    const length = view.getUint32(0, true);
    const distance = view.getUint32(4, true);
    if (length === 0 || length === 0xffff_ffff || distance === 0) return undefined;
    const common = this.#common(vaddr + 4 - distance);
    const width = FORMAT_SIZES[(common?.encoding ?? ENCODING.omitted) & 0xf];
    if (common === undefined || width === undefined || length < 4 + 2 * width) return undefined;
    const fields = width === 4 ? head : this.#read(vaddr, 24);
    if (fields === undefined) return undefined;
    const start = readStart(viewOf(fields), common.encoding, vaddr + 8);
    const size = width === 4 ? view.getUint32(12, true) : word(viewOf(fields), 16);
    return start === undefined ? undefined : { start, end: start + size, signal: common.signal };
  }

  #common(vaddr: number): Common | undefined {
    if (!this.#commons.has(vaddr)) this.#commons.set(vaddr, this.#readCommon(vaddr));
    return this.#commons.get(vaddr);
  }

  #readCommon(vaddr: number): Common | undefined {
    const head = this.#read(vaddr, 8);
    if (head === undefined) return undefined;
    const length = viewOf(head).getUint32(0, true);
    const isCommon = viewOf(head).getUint32(4, true) === 0;
    if (!isCommon || length < 5 || length === 0xffff_ffff) return undefined;
    const body = this.#read(vaddr + 8, Math.min(length - 4, MAX_COMMON));
    return body && parseCommon(body);
  }

  /** The pairs of all descriptions up to the terminator, sorted. */
  #scan(section: DataView): Int32Array {
    const keys = new BigInt64Array(Math.floor(section.byteLength / 16));
    // Little-endian: the start, which decides the order, is the high half.
    const halves = new Int32Array(keys.buffer);
    let count = 0;
    for (let at = 0; at + 16 <= section.byteLength; ) {
      const length = section.getUint32(at, true);
      if (length === 0 || length === 0xffff_ffff) break;
      const start = (this.#frame(this.#base + at)?.start ?? Number.NaN) - this.#base;
      if (start === (start | 0)) {
        halves[2 * count] = at;
        halves[2 * count++ + 1] = start;
      }
      at += 4 + length;
    }
    const sorted = new Int32Array(keys.slice(0, count).sort().buffer);
    return sorted.map((_, index) => sorted[index ^ 1]!);
  }
}

/** The start of a function, at offset 8 of its description; undefined if it is relative to something odd. */
function readStart(view: DataView, encoding: number, vaddr: number): number | undefined {
  const relative = encoding & 0xf0;
  if (relative !== 0 && relative !== ENCODING.pcrel) return undefined;
  const base = relative === ENCODING.pcrel ? vaddr : 0;
  switch (encoding & 0xf) {
    case 3:
      return base + view.getUint32(8, true);
    case 11:
      return base + view.getInt32(8, true);
    default:
      // A signed value is as good as an unsigned one: only the sum, modulo 2^64, is an address.
      return Number(BigInt.asUintN(64, BigInt(base) + view.getBigUint64(8, true)));
  }
}

/** What follows length and id: version, augmentation, factors, return register, the augmentation's data. */
function parseCommon(body: Uint8Array): Common | undefined {
  const version = body[0];
  const textEnd = body.indexOf(0, 1);
  if ((version !== 1 && version !== 3) || textEnd < 0) return undefined;
  const augmentation = Buffer.from(body.subarray(1, textEnd)).toString("latin1");
  if (augmentation === "") return { encoding: 0, signal: false };
  if (!augmentation.startsWith("z")) return undefined;
  // Code and data alignment, the return register (one byte in version 1), and the length of what follows.
  let at = textEnd + 1;
  for (const single of [false, false, version === 1, false]) {
    while (!single && body[at]! >= 0x80) at++;
    at++;
  }
  let encoding = 0;
  for (const letter of augmentation.slice(1)) {
    const value = body[at];
    if (letter === "S" || letter === "B" || letter === "G") continue;
    if (value === undefined) return undefined;
    if (letter === "R") encoding = value;
    // A personality: its encoding and its address.
    if (letter === "P")
      at += value === ENCODING.aligned ? MAX_COMMON : (FORMAT_SIZES[value & 0xf] ?? MAX_COMMON);
    else if (letter !== "R" && letter !== "L") return undefined;
    at++;
  }
  return { encoding, signal: augmentation.includes("S") };
}
