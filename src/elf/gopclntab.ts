/**
 * The functions of a Go program, by the table that its runtime prints stacks with. Every Go program has it, stripped or
 * not, and every function of it, in C or assembly files of Go packages too, but for what a C compiler has made.
 *
 * Four forms, told apart by their magic: of Go 1.2, 1.16, 1.18 and 1.20. Since 1.26 the last one does not say any more
 * where the text begins; the module's data do.
 * Sources: "Go 1.2 Runtime Symbol Table Information"; pcHeader and moduledata in the runtime's symtab.go, all releases.
 */
import { type Bounds, type ElfFile, lastPairUpTo, SEGMENT, viewOf, word } from "./file.ts";
import { type Program, pointerAt } from "./program.ts";

/** What differs: offsets of the header's fields, and how wide a function's address is in its entry and description. */
interface Form {
  /** The field that says where the names are; undefined if their offsets count from the table itself. */
  readonly names?: number;
  /** The field that says where the entries are, from where the descriptions' offsets count; see `ENTRIES_OF_1_2`. */
  readonly entries?: number;
  /** The field that says where the text begins, to which starts are relative; undefined if they are addresses. */
  readonly text?: number;
  readonly width: 4 | 8;
}

/** By magic. */
const FORMS: ReadonlyMap<number, Form> = new Map([
  [0xfffffffb, { width: 8 }],
  [0xfffffffa, { names: 24, entries: 56, width: 8 }],
  [0xfffffff0, { text: 24, names: 32, entries: 64, width: 4 }],
  [0xfffffff1, { text: 24, names: 32, entries: 64, width: 4 }],
]);

/** What the largest header takes, and where in each of them the number of functions is. */
const HEADER_SIZE = 72;
const COUNT = 8;
/** Where no field says where the entries are; the descriptions' offsets count from the table then. */
const ENTRIES_OF_1_2 = 16;

/** What all magics have behind their first byte, with the two zeros that follow. */
const MAGIC_TAIL = Buffer.from("ffffff0000", "hex");
const SEARCHED_AT_ONCE = 1 << 20;
/** All together a quarter of a GiB. */
const MAX_SEARCHES = 256;

/** Type and name of the Go linker's note, NT_GO_BUILD_ID. */
const GO_NOTE = Buffer.from("04000000476f0000", "hex");
const MAX_NOTE = 1 << 16;

const SECTIONS = [".gopclntab", ".data.rel.ro.gopclntab"];

/** The field `text` of moduledata, which has a section of its own since Go 1.26. */
const MODULE_SECTION = ".go.module";
const MODULE_TEXT = 22 * 8;

/** Longer than any name that somebody wants to read. */
const MAX_NAME = 4096;

/** Where the parts of a table are, as link-time addresses. */
interface Places {
  readonly names: number;
  /** What the offsets of the descriptions count from. */
  readonly functions: number;
  /** Of the first function. */
  readonly text: number;
}

export class GoFunctions {
  readonly #file: ElfFile;
  readonly #width: number;
  readonly #places: Places;
  /** Of each function its start, less that of the text, and the offset of its description. One start more: the end. */
  readonly #pairs: Uint32Array;

  private constructor(file: ElfFile, width: number, places: Places, pairs: Uint32Array) {
    this.#file = file;
    this.#width = width;
    this.#places = places;
    this.#pairs = pairs;
  }

  /** The table of a file; undefined if it has none, or one that is malformed. */
  static read(program: Program): GoFunctions | undefined {
    const { file } = program;
    const table = findTable(program);
    const header = table === undefined ? undefined : file.at(table, HEADER_SIZE);
    const form = header && formOf(header);
    if (table === undefined || header === undefined || form === undefined) return undefined;
    const field = (offset: number | undefined) =>
      offset === undefined ? undefined : table + word(viewOf(header), offset);
    const entries = field(form.entries) ?? table + ENTRIES_OF_1_2;
    const count = word(viewOf(header), COUNT);
    const bytes = count > 0 ? file.at(entries, (2 * count + 1) * form.width) : undefined;
    const text =
      form.text === undefined ? bytes && word(viewOf(bytes), 0) : textOf(program, table + form.text);
    const pairs = bytes && text !== undefined ? pairsOf(viewOf(bytes), form.width, text) : undefined;
    if (text === undefined || pairs === undefined) return undefined;
    if (!isCode(file, text, text + pairs.at(-1)!)) return undefined;
    const functions = form.entries === undefined ? table : entries;
    return new GoFunctions(file, form.width, { names: field(form.names) ?? table, functions, text }, pairs);
  }

  /** The function that holds an address, up to where the next one begins, and the offset of its description. */
  find(vaddr: number): (Bounds & { readonly description: number }) | undefined {
    const { text } = this.#places;
    const at = vaddr - text;
    const index = Math.max(0, lastPairUpTo(this.#pairs, 0, at));
    const [start, description, end] = this.#pairs.subarray(2 * index, 2 * index + 3);
    if (start === undefined || description === undefined || end === undefined) return undefined;
    // Not so before the first, nor where the entries are not sorted.
    return start <= at && at < end ? { start: text + start, end: text + end, description } : undefined;
  }

  /** What lies before or behind all functions; undefined between them. */
  around(vaddr: number): Bounds | undefined {
    const start = this.#places.text + this.#pairs[0]!;
    const end = this.#places.text + this.#pairs.at(-1)!;
    if (vaddr < start) return { start: 0, end: start };
    return vaddr < end ? undefined : { start: end, end: Number.POSITIVE_INFINITY };
  }

  /**
   * As the file has it: a report has to escape it.
   *
   * @param description as `find` gives it
   */
  name(description: number): string | undefined {
    const { functions, names } = this.#places;
    const offset = this.#file.at(functions + description + this.#width, 4);
    const bytes = offset && this.#file.upTo(names + viewOf(offset).getInt32(0, true), MAX_NAME);
    const end = bytes?.indexOf(0) ?? -1;
    return bytes === undefined || end <= 0 ? undefined : Buffer.from(bytes.subarray(0, end)).toString("utf8");
  }
}

/** The form of a table by how it begins: magic, two zeros, the unit of code sizes, the size of a pointer. */
function formOf(header: Uint8Array): Form | undefined {
  const view = viewOf(header);
  const sound = view.getUint16(4, true) === 0 && [1, 2, 4].includes(header[6]!) && header[7] === 8;
  return sound ? FORMS.get(view.getUint32(0, true)) : undefined;
}

function findTable({ file, sections }: Program): number | undefined {
  const section = sections.find(({ name }) => SECTIONS.includes(name));
  if (section !== undefined) return section.vaddr;
  const mayBeThere = sections.length === 0 && hasGoNote(file);
  return mayBeThere ? searchTable(file) : undefined;
}

/** Whether a note of the Go linker's is there: the build id. */
function hasGoNote(file: ElfFile): boolean {
  const notes = file.segments.filter(({ type, size }) => type === SEGMENT.note && size <= MAX_NOTE);
  return notes.some(({ offset, size }) => {
    const bytes = file.read(offset, size);
    return bytes !== undefined && Buffer.from(bytes).includes(GO_NOTE);
  });
}

/** By its first bytes, in what is loaded and no code. */
function searchTable(file: ElfFile): number | undefined {
  let left = MAX_SEARCHES;
  for (const { vaddr, offset, size } of file.loads.filter(({ executable }) => !executable)) {
    for (let start = 0; start < size && left > 0; start += SEARCHED_AT_ONCE, left--) {
      const bytes = file.read(offset + start, Math.min(SEARCHED_AT_ONCE + HEADER_SIZE, size - start));
      const found = bytes && searchBytes(bytes, vaddr + start);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function searchBytes(bytes: Uint8Array, vaddr: number): number | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = buffer.indexOf(MAGIC_TAIL); at >= 0; at = buffer.indexOf(MAGIC_TAIL, at + 1)) {
    const aligned = (vaddr + at - 1) % 8 === 0;
    if (aligned && at > 0 && at + 7 <= bytes.length && formOf(bytes.subarray(at - 1, at + 7))) {
      return vaddr + at - 1;
    }
  }
  return undefined;
}

/** Where the text begins: by the table's own field, which a loader may have to fill, or by the module's. */
function textOf(program: Program, field: number): number | undefined {
  const module = program.sections.find(({ name }) => name === MODULE_SECTION);
  return pointerAt(program, field) || (module && pointerAt(program, module.vaddr + MODULE_TEXT)) || undefined;
}

/** Starts and offsets as 32-bit values, starts relative to the text; undefined if one is too large for that. */
function pairsOf(view: DataView, width: 4 | 8, text: number): Uint32Array | undefined {
  const pairs = new Uint32Array(view.byteLength / width);
  for (let index = 0; index < pairs.length; index++) {
    if (width === 4) {
      pairs[index] = view.getUint32(4 * index, true);
      continue;
    }
    const value = word(view, 8 * index) - (index % 2 === 0 ? text : 0);
    if (value !== value >>> 0) return undefined;
    pairs[index] = value;
  }
  return pairs;
}

function isCode(file: ElfFile, start: number, end: number): boolean {
  const segment = file.loadAt(start);
  return segment?.executable === true && end <= segment.vaddr + segment.size;
}
