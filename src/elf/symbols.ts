/**
 * The dynamic symbols of an image, by name. Source: the System V ABI, "Symbol Table", and elf.h.
 */
import { type ByteRange, hex, type ImageBytes } from "./bytes.ts";
import { ElfError } from "./error.ts";

export interface ImageSymbol {
  readonly name: string;
  /** Of its first byte, in the image: the load bias is already subtracted. */
  readonly offset: number;
  /** In bytes; 0 where the image does not say. */
  readonly size: number;
  readonly type: "notype" | "object" | "func" | `type ${number}`;
  readonly binding: "local" | "global" | "weak" | `binding ${number}`;
  /** st_shndx. */
  readonly section: number;
}

/** Size and fields of an Elf32_Sym and an Elf64_Sym, by the size of their words. st_name comes first in both. */
const LAYOUTS = {
  4: { size: 16, value: 4, length: 8, info: 12, section: 14 },
  8: { size: 24, value: 8, length: 16, info: 4, section: 6 },
} as const;

/** Bytes of one symbol. */
export function symbolSize({ wordSize }: ImageBytes): number {
  return LAYOUTS[wordSize].size;
}

const TYPES = ["notype", "object", "func"] as const;
const BINDINGS = ["local", "global", "weak"] as const;

/** Section indexes from here on are no sections (SHN_ABS, SHN_COMMON, …): the value is no image address. */
const SHN_LORESERVE = 0xff00;

/** Longer than the name of any kernel function; bounds what a hostile string table can make us hold. */
const MAX_NAME = 255;

/**
 * The string at `offset` of the string table.
 *
 * @param what whose name it is, for the message
 * @throws ElfError "strings" if it starts or ends outside the table, or is too long
 */
export function readString(image: ImageBytes, strings: ByteRange, offset: bigint, what: string): string {
  const size = strings.end - strings.start;
  if (offset >= BigInt(size)) {
    throw new ElfError("strings", `${what}: string offset ${hex(offset)} of a table of ${size} bytes`);
  }
  const start = strings.start + Number(offset);
  const end = image.zeroAt(start, Math.min(strings.end, start + MAX_NAME + 1));
  if (end < 0) {
    throw new ElfError(
      "strings",
      `${what}: the string at ${hex(offset)} does not end within the table and ${MAX_NAME} bytes`,
    );
  }
  return image.text(start, end);
}

/**
 * Every named symbol that is defined in the image. Undefined and absolute symbols (a version's name is one)
 * and the nameless section symbols of old kernels have no place in it, and are left out.
 *
 * @param table the bytes of the symbol table, a whole number of symbols
 * @param bias what to subtract from a symbol's value to get its offset in the image
 * @throws ElfError "symbols" if one lies outside the image, or two of one name differ; "strings"
 */
export function readSymbols(
  image: ImageBytes,
  table: ByteRange,
  strings: ByteRange,
  bias: bigint,
): Map<string, ImageSymbol> {
  const symbols = new Map<string, ImageSymbol>();
  const layout = LAYOUTS[image.wordSize];
  for (let at = table.start, index = 0; at < table.end; at += layout.size, index++) {
    const section = image.u16(at + layout.section);
    if (section === 0 || section >= SHN_LORESERVE) continue;
    const name = readString(image, strings, BigInt(image.u32(at)), `st_name of symbol ${index}`);
    if (name === "") continue;

    const size = image.word(at + layout.length);
    const value = image.word(at + layout.value);
    const offset = value - bias;
    if (offset < 0n || offset + size > BigInt(image.length)) {
      throw new ElfError(
        "symbols",
        `symbol ${index} (${JSON.stringify(name)}): st_value ${hex(value)} and st_size ${size} ` +
          `lie outside the image of ${image.length} bytes at ${hex(bias)}`,
      );
    }

    const info = image.u8(at + layout.info);
    const symbol: ImageSymbol = {
      name,
      offset: Number(offset),
      size: Number(size),
      type: TYPES[info & 0xf] ?? `type ${info & 0xf}`,
      binding: BINDINGS[info >> 4] ?? `binding ${info >> 4}`,
      section,
    };
    const other = symbols.get(name);
    if (other && (other.offset !== symbol.offset || other.size !== symbol.size)) {
      throw new ElfError(
        "symbols",
        `symbol ${index} (${JSON.stringify(name)}): at ${hex(symbol.offset)}, but also at ${hex(other.offset)}`,
      );
    }
    if (!other) symbols.set(name, symbol);
  }
  return symbols;
}
