/**
 * Builds executables and libraries for the tests: headers, tables and code as a linker would place them, each part at
 * a known offset, so that a test can break exactly one field. The code itself is left empty: nobody decodes it here.
 *
 *     0x0000  headers and tables     r--   at `bias`
 *     0x4000  code                   r-x   at `bias` + 0x5000: offsets and addresses differ
 *     0x6000  what is not loaded: .symtab, section headers
 */
import type { ByteSource } from "../../../src/elf/functions.ts";
import {
  type BuildFrame,
  type BuildGo,
  gnuHash,
  sysvHash,
  Writer,
  writeFrames,
  writeGoTable,
} from "./build-tables.ts";

export interface BuildFunctionSymbol {
  readonly name: string;
  readonly at: number;
  readonly size: number;
  /** Default STT_FUNC. */
  readonly type?: number;
  /** Default STB_GLOBAL. */
  readonly binding?: number;
  readonly section?: number;
}

export interface ProgramOptions {
  readonly type?: number;
  readonly bias?: number;
  readonly interpreter?: boolean;
  readonly needed?: number;
  readonly frames?: readonly BuildFrame[];
  /** How frames are found: by .eh_frame_hdr (default), or by the section only. */
  readonly frameHeader?: boolean;
  readonly symbols?: readonly BuildFunctionSymbol[];
  readonly exports?: readonly BuildFunctionSymbol[];
  readonly hash?: "sysv" | "gnu";
  readonly go?: BuildGo;
  readonly sections?: boolean;
  /** A section of code, by offsets of the code's first byte. */
  readonly text?: { readonly at: number; readonly size: number };
}

export interface BuiltProgram {
  readonly bytes: Buffer;
  /** Link-time address of the code's first byte. */
  readonly code: number;
  /** Offsets of parts, by name. */
  readonly at: ReadonlyMap<string, number>;
}

export const CODE_OFFSET = 0x4000;
export const CODE_SIZE = 0x1000;
const UNLOADED = 0x6000;
const SIZE = 0x8000;
const LOADED_GAP = 0x1000;

/** What `readCodeImage` reads an image from; every read is listed in `reads`. */
export function sourceOf(bytes: Uint8Array, reads: [number, number][] = []): ByteSource {
  return (offset, length) => {
    reads.push([offset, length]);
    return offset + length <= bytes.length ? bytes.subarray(offset, offset + length) : undefined;
  };
}

interface BuildSection {
  readonly name: string;
  readonly type: number;
  readonly flags?: number;
  readonly vaddr: number;
  readonly offset: number;
  readonly size: number;
  readonly link?: number;
}

export function buildProgram(options: ProgramOptions = {}): BuiltProgram {
  return new ProgramBuilder(options).build();
}

class ProgramBuilder {
  readonly #options: ProgramOptions;
  readonly #bytes = Buffer.alloc(SIZE);
  readonly #at = new Map<string, number>();
  readonly #segments: { type: number; flags: number; offset: number; size: number; vaddr: number }[] = [];
  readonly #sections: BuildSection[] = [{ name: "", type: 0, vaddr: 0, offset: 0, size: 0 }];
  readonly #tags: [number, number][] = [];
  readonly #bias: number;
  readonly #code: number;
  /** Where the next part goes: among what is loaded, and what is not. */
  #loaded = 0x400;
  #unloaded = UNLOADED;

  constructor(options: ProgramOptions) {
    this.#options = options;
    this.#bias = options.bias ?? (options.type === 2 ? 0x40_0000 : 0);
    this.#code = this.#bias + CODE_OFFSET + LOADED_GAP;
  }

  build(): BuiltProgram {
    const { interpreter, needed = 0, frames, symbols, exports, go, text, sections = true } = this.#options;
    this.#segments.push({ type: 1, flags: 4, offset: 0, size: CODE_OFFSET, vaddr: this.#bias });
    this.#segments.push({ type: 1, flags: 5, offset: CODE_OFFSET, size: CODE_SIZE, vaddr: this.#code });
    if (interpreter) this.#segment(3, this.#place("interpreter", Buffer.from("/lib/ld.so\0")), 11);
    for (let i = 0; i < needed; i++) this.#tags.push([1, 0]);
    if (frames) this.#frames(frames);
    if (exports) this.#exports(exports);
    if (go) this.#go(go);
    if (symbols) this.#symbols(symbols);
    if (this.#tags.length > 0) this.#dynamic();
    if (text) {
      const { at, size } = text;
      const [vaddr, offset] = [this.#code + at, CODE_OFFSET + at];
      // One that is not loaded seems to be at address 0.
      this.#sections.push({ name: ".debug_info", type: 1, vaddr: 0, offset, size: vaddr + size / 2 });
      this.#sections.push({ name: ".text", type: 1, flags: 6, vaddr, offset, size });
    }
    if (sections) this.#sectionHeaders();
    this.#header();
    return { bytes: this.#bytes, code: this.#code, at: this.#at };
  }

  /** @returns where the part is in the file; it is loaded to `bias` + that. */
  #place(name: string, part: Uint8Array): number {
    this.#loaded = Math.ceil(this.#loaded / 32) * 32;
    const at = this.#loaded;
    this.#bytes.set(part, at);
    this.#at.set(name, at);
    this.#loaded += part.length;
    if (this.#loaded > CODE_OFFSET) throw new Error("too many tables");
    return at;
  }

  #placeUnloaded(name: string, part: Uint8Array): number {
    const at = this.#unloaded;
    this.#bytes.set(part, at);
    this.#at.set(name, at);
    this.#unloaded = Math.ceil((at + part.length) / 8) * 8;
    return at;
  }

  #segment(type: number, offset: number, size: number): void {
    this.#segments.push({ type, flags: 4, offset, size, vaddr: this.#bias + offset });
  }

  #section(name: string, type: number, offset: number, size: number): void {
    this.#sections.push({ name, type, vaddr: this.#bias + offset, offset, size });
  }

  #frames(frames: readonly BuildFrame[]): void {
    // The header comes before what it lists, as in real files; its size is known.
    const { frameHeader = true } = this.#options;
    const headerAt = frameHeader ? this.#place("eh_frame_hdr", new Uint8Array(12 + 8 * frames.length)) : 0;
    const start = Math.ceil(this.#loaded / 32) * 32;
    const { section, places } = writeFrames(frames, this.#bias + start, this.#code);
    this.#place("eh_frame", section);
    places.forEach((place, index) => {
      this.#at.set(`cie ${index}`, start + place.common);
      this.#at.set(`fde ${index}`, start + place.frame);
    });
    this.#section(".eh_frame", 1, start, section.length);
    if (!frameHeader) return;
    const header = new Writer().u8(1, 0x1b, 3, 0x3b).u32(start - headerAt - 4, frames.length);
    const rows = frames.map(({ at }, index) => [this.#code + at, this.#bias + start + places[index]!.frame]);
    for (const row of rows.sort((a, b) => a[0]! - b[0]!)) {
      header.u32(...row.map((address) => address - this.#bias - headerAt));
    }
    this.#bytes.set(header.done(), headerAt);
    this.#segment(0x6474_e550, headerAt, header.length);
  }

  #symbolTable(symbols: readonly BuildFunctionSymbol[]): { table: Buffer; strings: Buffer } {
    const strings = new Writer().u8(0);
    const table = new Writer().bytes(new Uint8Array(24));
    for (const { name, at, size, type = 2, binding = 1, section = 1 } of symbols) {
      table
        .u32(strings.length)
        .u8((binding << 4) | type, 0, section & 0xff, section >> 8)
        .u64(this.#code + at, size);
      strings.text(name);
    }
    return { table: table.done(), strings: strings.done() };
  }

  #symbols(symbols: readonly BuildFunctionSymbol[]): void {
    const { table, strings } = this.#symbolTable(symbols);
    const offset = this.#placeUnloaded("symtab", table);
    const link = this.#sections.length + 1;
    this.#sections.push({ name: ".symtab", type: 2, vaddr: 0, offset, size: table.length, link });
    const stringsAt = this.#placeUnloaded("strtab", strings);
    this.#sections.push({ name: ".strtab", type: 3, vaddr: 0, offset: stringsAt, size: strings.length });
  }

  #exports(symbols: readonly BuildFunctionSymbol[]): void {
    const { table, strings } = this.#symbolTable(symbols);
    const { hash = "sysv" } = this.#options;
    const hashAt = this.#place("hash", hash === "sysv" ? sysvHash(symbols.length) : gnuHash(symbols.length));
    this.#tags.push([hash === "sysv" ? 4 : 0x6fff_fef5, this.#bias + hashAt]);
    this.#tags.push([6, this.#bias + this.#place("dynsym", table)], [11, 24]);
    this.#tags.push([5, this.#bias + this.#place("dynstr", strings)], [10, strings.length]);
  }

  #go(go: BuildGo): void {
    const { text = "table" } = go;
    const table = writeGoTable(go, this.#code, text === "table" ? this.#code : 0);
    const at = this.#place("gopclntab", table);
    this.#section(".gopclntab", 1, at, table.length);
    const note = new Writer().u32(4, 4, 4).text("Go\0").u32(0x6469_7562).done();
    this.#segment(4, this.#place("note", note), note.length);
    if (text === "table") return;
    let field = at + 24;
    if (text.endsWith("module")) {
      const module = this.#place("module", Buffer.alloc(24 * 8));
      this.#section(".go.module", 1, module, 24 * 8);
      field = module + 22 * 8;
    }
    if (text === "module") this.#bytes.writeBigUInt64LE(BigInt(this.#code), field);
    else this.#relocations(field);
  }

  /** One for a neighbour, one of another kind for the field, and the one that counts. */
  #relocations(field: number): void {
    const table = new Writer();
    for (const [place, type, addend] of [
      [field - 8, 8, 1],
      [field, 1, 2],
      [field, 8, this.#code],
    ] as const) {
      table
        .u64(this.#bias + place)
        .u32(type, 0)
        .u64(addend);
    }
    const part = table.done();
    this.#tags.push([7, this.#bias + this.#place("rela", part)], [8, part.length]);
  }

  #dynamic(): void {
    const table = new Writer();
    for (const [tag, value] of [...this.#tags, [0, 0] as const]) table.u64(tag, value);
    const part = table.done();
    const at = this.#place("dynamic", part);
    this.#tags.forEach(([tag], index) => {
      this.#at.set(`tag ${tag}`, at + 16 * index);
    });
    this.#segment(2, at, part.length);
  }

  #sectionHeaders(): void {
    const names = new Writer();
    const nameAt = [...this.#sections.map(({ name }) => name), ".shstrtab"].map((name) => {
      const at = names.length;
      names.text(name);
      return at;
    });
    const strings = names.done();
    const offset = this.#placeUnloaded("shstrtab", strings);
    this.#sections.push({ name: ".shstrtab", type: 3, vaddr: 0, offset, size: strings.length });
    const table = new Writer();
    this.#sections.forEach(({ type, flags = 0, vaddr, offset, size, link = 0 }, index) => {
      table.u32(nameAt[index]!, type).u64(flags, vaddr, offset, size).u32(link, 0).u64(8, 0);
    });
    const at = this.#placeUnloaded("section headers", table.done());
    this.#bytes.writeBigUInt64LE(BigInt(at), 40);
    this.#bytes.writeUInt16LE(this.#sections.length, 60);
    this.#bytes.writeUInt16LE(this.#sections.length - 1, 62);
  }

  #header(): void {
    const { type = 3 } = this.#options;
    this.#bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
    for (const [at, value] of [
      [16, type],
      [18, 62],
      [20, 1],
      [32, 64],
      [52, 64],
      [54, 56],
      [56, this.#segments.length],
      [58, 64],
    ] as const) {
      this.#bytes.writeUInt16LE(value, at);
    }
    this.#segments.forEach(({ type, flags, offset, size, vaddr }, index) => {
      const header = new Writer().u32(type, flags).u64(offset, vaddr, vaddr, size, size, 0x1000).done();
      this.#at.set(`segment ${index}`, 64 + 56 * index);
      this.#bytes.set(header, 64 + 56 * index);
    });
  }
}
