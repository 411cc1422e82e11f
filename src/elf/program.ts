/** What the tables of a file are found by: its dynamic section, which the loader reads, and its section headers. */
import { ImageBytes } from "./bytes.ts";
import { type DynamicTable, readDynamic } from "./dynamic.ts";
import { ElfError } from "./error.ts";
import { type ElfFile, SEGMENT, viewOf, word, words32 } from "./file.ts";
import { type Section, SYMBOL_SECTION } from "./sections.ts";
import { type FilePart, SymbolTable } from "./symtab.ts";

export interface Program {
  readonly file: ElfFile;
  readonly dynamic: DynamicTable;
  readonly sections: readonly Section[];
}

const MAX_DYNAMIC = 1 << 20;
const SYMBOL_SIZE = 24;
const RELOCATION_SIZE = 24;
/** R_X86_64_RELATIVE, R_AARCH64_RELATIVE: the loader writes the load address plus the addend. */
const RELATIVE: Readonly<Record<string, number>> = { x86_64: 8, aarch64: 1027 };
/** More than any program has. */
const MAX_SYMBOLS = 1 << 22;
/** How many links of a chain are read at once. */
const LINKS = 1024;

/**
 * The dynamic section; empty where there is none.
 *
 * @throws ElfError "dynamic" or "truncated"
 */
export function readFileDynamic(file: ElfFile): DynamicTable {
  const [segment, second] = file.segments.filter(({ type }) => type === SEGMENT.dynamic);
  if (segment === undefined) return new Map();
  if (second) throw new ElfError("dynamic", "PT_DYNAMIC: more than one among the program headers");
  const bytes = segment.size <= MAX_DYNAMIC ? file.read(segment.offset, segment.size) : undefined;
  if (bytes === undefined) {
    throw new ElfError("truncated", `PT_DYNAMIC: its ${segment.size} bytes are not in the file`);
  }
  return readDynamic(new ImageBytes(bytes), { start: 0, end: bytes.length });
}

/** What a pointer will be before the load address is added: as the file has it, or as the loader is told. */
export function pointerAt({ file, dynamic }: Program, vaddr: number): number | undefined {
  const bytes = file.at(vaddr, 8);
  const value = bytes && word(viewOf(bytes), 0);
  if (value !== 0) return value;
  const table = dynamic.get("DT_RELA");
  const size = dynamic.get("DT_RELASZ");
  const relocations = table && size ? file.at(Number(table), Number(size)) : undefined;
  if (relocations === undefined) return value;
  const view = viewOf(relocations);
  for (let at = 0; at + RELOCATION_SIZE <= view.byteLength; at += RELOCATION_SIZE) {
    const relative = view.getUint32(at + 8, true) === RELATIVE[file.machine];
    if (relative && word(view, at) === vaddr) return word(view, at + 16);
  }
  return value;
}

/** .symtab, by the section headers. */
export function readStaticSymbols({ file, sections }: Program): SymbolTable | undefined {
  const symbols = sections.find(({ type }) => type === SYMBOL_SECTION);
  const strings = symbols && sections[symbols.link];
  return symbols && strings && SymbolTable.read(file, symbols, strings);
}

/** .dynsym, by the dynamic section. */
export function readDynamicSymbols({ file, dynamic }: Program): SymbolTable | undefined {
  const count = countSymbols(file, dynamic);
  const symbols = partAt(file, dynamic.get("DT_SYMTAB"), (count ?? 0) * SYMBOL_SIZE);
  const strings = partAt(file, dynamic.get("DT_STRTAB"), Number(dynamic.get("DT_STRSZ") ?? 0n));
  return symbols && strings && SymbolTable.read(file, symbols, strings);
}

/** Where bytes are in the file that are loaded to an address. */
function partAt(file: ElfFile, vaddr: bigint | undefined, size: number): FilePart | undefined {
  const load = vaddr === undefined ? undefined : file.loadAt(Number(vaddr));
  return load && { offset: load.offset + (Number(vaddr) - load.vaddr), size };
}

/** As DT_HASH says it, or as DT_GNU_HASH implies it by where its last chain ends; see hash.ts. */
function countSymbols(file: ElfFile, dynamic: DynamicTable): number | undefined {
  const sysv = dynamic.get("DT_HASH");
  const gnu = dynamic.get("DT_GNU_HASH");
  if (sysv !== undefined) {
    const header = file.at(Number(sysv), 8);
    return header && viewOf(header).getUint32(4, true);
  }
  return gnu === undefined ? undefined : countGnuSymbols(file, Number(gnu));
}

function countGnuSymbols(file: ElfFile, vaddr: number): number | undefined {
  const header = file.at(vaddr, 16);
  if (header === undefined) return undefined;
  const [buckets = 0, first = 0, bloomSize = 0] = words32(header);
  const bucketsAt = vaddr + 16 + 8 * bloomSize;
  const table = file.at(bucketsAt, 4 * buckets);
  if (table === undefined) return undefined;
  const last = words32(table).reduce((most, symbol) => Math.max(most, symbol), 0);
  if (last < first) return undefined;
  const chains = bucketsAt + 4 * buckets;
  for (let symbol = last; symbol < MAX_SYMBOLS; symbol += LINKS) {
    const links = file.upTo(chains + 4 * (symbol - first), 4 * LINKS);
    if (links === undefined || links.length < 4) return undefined;
    const view = viewOf(links);
    for (let index = 0; index < links.length >> 2; index++) {
      if (view.getUint32(4 * index, true) & 1) return symbol + index + 1;
    }
  }
  return undefined;
}
