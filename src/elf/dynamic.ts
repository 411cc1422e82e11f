/**
 * The dynamic section of an image (PT_DYNAMIC): where its symbols, strings and hash tables are. This is what
 * the C libraries' own vDSO lookups read; section headers are never consulted.
 * Source: the System V ABI, "Dynamic Section", and elf.h.
 */
import { type ByteRange, hex, type ImageBytes } from "./bytes.ts";
import { ElfError } from "./error.ts";

/** The tags read here, and their numbers. Every other tag is skipped. */
const TAGS = {
  DT_NEEDED: 1n,
  DT_HASH: 4n,
  DT_STRTAB: 5n,
  DT_SYMTAB: 6n,
  DT_RELA: 7n,
  DT_RELASZ: 8n,
  DT_STRSZ: 10n,
  DT_SYMENT: 11n,
  DT_SONAME: 14n,
  DT_GNU_HASH: 0x6ffffef5n,
} as const;

type TagName = keyof typeof TAGS;

const NAMES: ReadonlyMap<bigint, TagName> = new Map(
  Object.entries(TAGS).map(([name, tag]) => [tag, name as TagName]),
);

/**
 * The raw values of the dynamic section; of DT_NEEDED, which may come often, the last one's. Pointers are link-time
 * addresses: the load bias is still in them.
 */
export type DynamicTable = ReadonlyMap<TagName, bigint>;

/**
 * Reads the tags up to DT_NULL.
 *
 * @param range the bytes of PT_DYNAMIC
 * @throws ElfError "dynamic" if a tag read here comes twice, or DT_NULL never does
 */
export function readDynamic(image: ImageBytes, range: ByteRange): DynamicTable {
  const table = new Map<TagName, bigint>();
  // Elf32_Dyn, Elf64_Dyn: the tag and its value.
  const entrySize = 2 * image.wordSize;
  for (let at = range.start; at + entrySize <= range.end; at += entrySize) {
    const tag = image.word(at);
    if (tag === 0n) return table;
    const name = NAMES.get(tag);
    if (name === undefined) continue;
    // Readers disagree on which of two counts, so the image means nothing certain.
    if (table.has(name) && name !== "DT_NEEDED")
      throw new ElfError("dynamic", `${name}: a second one at offset ${hex(at)}`);
    table.set(name, image.word(at + image.wordSize));
  }
  throw new ElfError("dynamic", `PT_DYNAMIC: no DT_NULL in its ${range.end - range.start} bytes`);
}

/**
 * The value of a tag that every image must have.
 *
 * @throws ElfError "dynamic" if it is missing
 */
export function required(table: DynamicTable, name: TagName): bigint {
  const value = table.get(name);
  if (value === undefined) throw new ElfError("dynamic", `${name}: missing from PT_DYNAMIC`);
  return value;
}
