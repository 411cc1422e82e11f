/**
 * The functions that a symbol table names: .dynsym, which the loader reads, and .symtab, which `strip` removes.
 *
 * A table is read when it is first asked, and sorted without making an object of any symbol: there can be a million.
 * Source: the System V ABI, "Symbol Table".
 */
import { type Bounds, type ElfFile, type FileSegment, lastPairUpTo, viewOf, word } from "./file.ts";

/** Bytes of the file. */
export interface FilePart {
  readonly offset: number;
  readonly size: number;
}

export interface SymbolBounds extends Bounds {
  /** Whether the symbol says its size. If not, `end` is where the next function begins, or the segment ends. */
  readonly sized: boolean;
}

const SYMBOL_SIZE = 24;
const FUNCTION = 2;
/** STT_GNU_IFUNC: the symbol's value is the function that chooses one. */
const CHOOSER = 10;
const LOCAL = 0;
/** SHN_UNDEF, and where the special section indexes begin. */
const UNDEFINED = 0;
const RESERVED = 0xff00;

/** Longer than any name, even of C++ templates, that somebody wants to read. */
const MAX_NAME = 4096;
/** More names than any function has. */
const MAX_ALIASES = 100;

export class SymbolTable {
  readonly #file: ElfFile;
  readonly #view: DataView;
  readonly #strings: FilePart;
  readonly #code: readonly FileSegment[];
  /** The lowest address of code. */
  readonly #base: number;
  /** Pairs, sorted by the second: which symbol, and its start less `base`. */
  readonly #pairs: Uint32Array;
  /** Of each pair its end, and how far the functions up to it reach; less `base`. */
  readonly #ends: Float64Array;
  readonly #reach: Float64Array;

  private constructor(file: ElfFile, symbols: Uint8Array, strings: FilePart) {
    this.#file = file;
    this.#view = viewOf(symbols);
    this.#strings = strings;
    this.#code = file.loads.filter(({ executable }) => executable);
    this.#base = Math.min(...this.#code.map(({ vaddr }) => vaddr));
    this.#pairs = this.#sort();
    this.#ends = this.#findEnds();
    let reach = 0;
    this.#reach = this.#ends.map((end) => {
      reach = Math.max(reach, end);
      return reach;
    });
  }

  /** Undefined where the table cannot be read. */
  static read(file: ElfFile, symbols: FilePart, strings: FilePart): SymbolTable | undefined {
    const bytes = file.read(symbols.offset, symbols.size);
    return bytes && new SymbolTable(file, bytes, strings);
  }

  /** The function that holds an address; of several, the one that begins last. */
  find(vaddr: number): SymbolBounds | undefined {
    const at = vaddr - this.#base;
    for (let index = lastPairUpTo(this.#pairs, 1, at); index >= 0 && this.#reach[index]! > at; index--) {
      const end = this.#ends[index]!;
      if (end <= at) continue;
      return { start: this.#base + this.#start(index)!, end: this.#base + end, sized: this.#size(index) > 0 };
    }
    return undefined;
  }

  /** What lies between two functions around an address, or one without a size; undefined if one with a size has it. */
  around(vaddr: number): Bounds | undefined {
    const found = this.find(vaddr);
    if (found !== undefined) return found.sized ? undefined : found;
    const index = lastPairUpTo(this.#pairs, 1, vaddr - this.#base);
    const next = this.#start(index + 1) ?? Number.POSITIVE_INFINITY;
    return { start: index < 0 ? 0 : this.#base + this.#reach[index]!, end: this.#base + next };
  }

  /**
   * The name of the function that begins at an address; of several, one that other files may see, and the one with the
   * fewest underscores in front. As the file has it, in Latin-1: a report has to escape it.
   */
  nameAt(vaddr: number): string | undefined {
    const start = vaddr - this.#base;
    let best: string | undefined;
    let least = Number.POSITIVE_INFINITY;
    const last = lastPairUpTo(this.#pairs, 1, start);
    for (let index = last; index > last - MAX_ALIASES && this.#start(index) === start; index--) {
      const at = SYMBOL_SIZE * this.#pairs[2 * index]!;
      const name = this.#name(this.#view.getUint32(at, true));
      if (name === undefined) continue;
      const local = this.#view.getUint8(at + 4) >> 4 === LOCAL;
      const oddity = name.search(/[^_]|$/) + (local ? MAX_NAME : 0);
      if (oddity < least) [best, least] = [name, oddity];
    }
    return best;
  }

  #start(index: number): number | undefined {
    return this.#pairs[2 * index + 1];
  }

  #size(index: number): number {
    return word(this.#view, SYMBOL_SIZE * this.#pairs[2 * index]! + 16);
  }

  #name(offset: number): string | undefined {
    const bytes = this.#file.read(
      this.#strings.offset + offset,
      Math.min(MAX_NAME, this.#strings.size - offset),
    );
    const end = bytes?.indexOf(0) ?? -1;
    return bytes === undefined || end <= 0
      ? undefined
      : Buffer.from(bytes.subarray(0, end)).toString("latin1");
  }

  /** The symbols of code, by start. */
  #sort(): Uint32Array {
    const view = this.#view;
    const keys = new BigUint64Array(Math.floor(view.byteLength / SYMBOL_SIZE));
    // Little-endian: the start, which decides the order, is the high half.
    const halves = new Uint32Array(keys.buffer);
    let count = 0;
    for (let symbol = 1; symbol < keys.length; symbol++) {
      const at = SYMBOL_SIZE * symbol;
      const type = view.getUint8(at + 4) & 0xf;
      if (type !== FUNCTION && type !== CHOOSER) continue;
      const section = view.getUint16(at + 6, true);
      if (section === UNDEFINED || section >= RESERVED) continue;
      const value = word(view, at + 8);
      const start = value - this.#base;
      const room = this.#segmentEnd(value);
      if (start > 0xffff_ffff || room === undefined || value + word(view, at + 16) > room) continue;
      halves[2 * count] = symbol;
      halves[2 * count++ + 1] = start;
    }
    return new Uint32Array(keys.slice(0, count).sort().buffer);
  }

  /** Where the code ends that an address is in; undefined for what is no code. */
  #segmentEnd(vaddr: number): number | undefined {
    for (const { vaddr: start, size } of this.#code) {
      if (vaddr >= start && vaddr < start + size) return start + size;
    }
    return undefined;
  }

  /** A symbol without a size ends where the next one begins; of several at one place the last one counts. */
  #findEnds(): Float64Array {
    const ends = new Float64Array(this.#pairs.length >> 1);
    let next = Number.POSITIVE_INFINITY;
    for (let index = ends.length - 1; index >= 0; index--) {
      const start = this.#start(index)!;
      const size = this.#size(index);
      const room = size > 0 ? undefined : this.#segmentEnd(this.#base + start)! - this.#base;
      ends[index] = room === undefined ? start + size : Math.min(next, room);
      next = start;
    }
    return ends;
  }
}
