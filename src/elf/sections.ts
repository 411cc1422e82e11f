/**
 * The section headers of a file, which it need not have: `strip` leaves them, other tools take them away. Nothing that
 * matters to the running program is in them, so a table that is malformed is one that is not there.
 * Source: the System V ABI, "Sections", and elf(5).
 */
import { type ElfFile, viewOf, word } from "./file.ts";

export interface Section {
  readonly name: string;
  /** sh_type. */
  readonly type: number;
  /** SHF_EXECINSTR. */
  readonly executable: boolean;
  /** sh_addr; 0 for what is not loaded. */
  readonly vaddr: number;
  readonly offset: number;
  readonly size: number;
  /** sh_link: for a symbol table the section of its strings. */
  readonly link: number;
}

/** SHT_SYMTAB. */
export const SYMBOL_SECTION = 2;

const HEADER_SIZE = 64;
/** SHN_XINDEX: the index of the names is in the sh_link of section 0. */
const INDEX_IS_ELSEWHERE = 0xffff;
const MAX_SECTIONS = 1 << 16;
/** Of all names, and of one that anybody here looks for. */
const MAX_NAMES = 1 << 20;
const MAX_NAME = 64;

/** By index; empty where there are none. */
export function readSections(file: ElfFile): Section[] {
  const { offset, count, names } = file.sectionHeaders;
  const first = offset > 0 ? file.read(offset, HEADER_SIZE) : undefined;
  if (first === undefined) return [];
  // The first header is nobody's: it holds what is too large for the fields of the ELF header.
  const total = count > 0 ? count : word(viewOf(first), 32);
  const table = total <= MAX_SECTIONS ? file.read(offset, total * HEADER_SIZE) : undefined;
  if (table === undefined || total === 0) return [];
  const view = viewOf(table);
  const namesIndex = names === INDEX_IS_ELSEWHERE ? view.getUint32(40, true) : names;
  const nameAt = namesOf(file, view, namesIndex < total ? namesIndex : 0);
  return Array.from({ length: total }, (_, index) => {
    const at = index * HEADER_SIZE;
    return {
      name: nameAt(view.getUint32(at, true)),
      type: view.getUint32(at + 4, true),
      executable: (view.getUint32(at + 8, true) & 4) !== 0,
      vaddr: word(view, at + 16),
      offset: word(view, at + 24),
      size: word(view, at + 32),
      link: view.getUint32(at + 40, true),
    };
  });
}

/** What reads the names of sections; empty where there is none, or a long one. */
function namesOf(file: ElfFile, view: DataView, index: number): (offset: number) => string {
  const at = index * HEADER_SIZE;
  const size = word(view, at + 32);
  const names = (index > 0 && size <= MAX_NAMES && file.read(word(view, at + 24), size)) || new Uint8Array();
  return (offset) => {
    const bytes = names.subarray(offset, offset + MAX_NAME);
    return Buffer.from(bytes.subarray(0, Math.max(0, bytes.indexOf(0)))).toString("latin1");
  };
}
