/**
 * A vDSO image, read from its bytes: where its functions are, and which bytes at its end nobody uses.
 *
 * Everything comes from the program headers and PT_DYNAMIC. elfy names the header's fields and lists the
 * segments; all fields that can have 64 bits are read here, in BigInt, because kernels before 3.18 link the vDSO at
 * 0xffffffffff700000, which no JS number holds. A malformed image is an ElfError, whatever is wrong with it.
 */
import { type ByteRange, hex, ImageBytes } from "./bytes.ts";
import { readDynamic, required } from "./dynamic.ts";
import { listSegments, readHeader } from "./elfy.ts";
import { ElfError } from "./error.ts";
import { readGnuHash, readSysvHash } from "./hash.ts";
import { type ImageKind, identify } from "./identify.ts";
import { asksForBti } from "./properties.ts";
import { type ImageSymbol, readString, readSymbols, symbolSize } from "./symbols.ts";

export type { ByteRange } from "./bytes.ts";
export { ElfError, type ElfErrorCode } from "./error.ts";
export { type ImageKind, identify } from "./identify.ts";
export type { ImageSymbol } from "./symbols.ts";

/** One program header. */
export interface Segment {
  /** "load", "dynamic", "note", …; undefined for types that elfy does not know. */
  readonly type: string | undefined;
  readonly executable: boolean;
  readonly writable: boolean;
  /** p_offset, p_vaddr (at link time), p_filesz, p_memsz. */
  readonly offset: bigint;
  readonly vaddr: bigint;
  readonly fileSize: bigint;
  readonly memorySize: bigint;
}

export interface Image extends ImageKind {
  /** The link-time address of the image's first byte. */
  readonly loadBias: bigint;
  readonly segments: readonly Segment[];
  readonly symbols: ReadonlyMap<string, ImageSymbol>;
  readonly soname: string | undefined;
  /**
   * From the end of what is loaded to the end of the image. The kernel maps whole pages, so these bytes
   * are there, but no program uses them: section headers at most, then zeros.
   */
  readonly tail: ByteRange;
  /** The last part of `tail`, behind any section headers: the kernel has filled it with zeros. */
  readonly padding: ByteRange;
  /** Indirect branches into it must land on instructions that are made for it (arm64's BTI), if the processor checks that. */
  readonly asksForBti: boolean;
  /** The bytes of the executable PT_LOAD; undefined unless there is exactly one. */
  readonly text: ByteRange | undefined;
}

/** The largest vDSO known has three pages. The limit bounds the work on an image that is none. */
const MAX_IMAGE = 1 << 20;

/** Where the fields of the ELF header are, and those of a program header (its size included), by the size of a word. */
const HEADERS = {
  4: {
    elf: {
      size: 52,
      segments: 28,
      sections: 32,
      entrySize: 42,
      count: 44,
      sectionSize: 46,
      sectionCount: 48,
    },
    segment: { size: 32, offset: 4, vaddr: 8, fileSize: 16, memorySize: 20 },
  },
  8: {
    elf: {
      size: 64,
      segments: 32,
      sections: 40,
      entrySize: 54,
      count: 56,
      sectionSize: 58,
      sectionCount: 60,
    },
    segment: { size: 56, offset: 8, vaddr: 16, fileSize: 32, memorySize: 40 },
  },
} as const;

/**
 * Parses a little-endian vDSO.
 *
 * @param bytes the whole mapping, as read from the process
 * @throws ElfError
 */
export function parseImage(bytes: Uint8Array): Image {
  if (bytes.length > MAX_IMAGE) {
    throw new ElfError("too-large", `image: ${bytes.length} bytes, more than ${MAX_IMAGE}`);
  }
  const kind = identify(bytes);
  if (kind.byteOrder !== "little" || kind.type !== "dyn") {
    throw new ElfError(
      "unsupported",
      `ELF header: ${kind.class}-bit ${kind.byteOrder}-endian ${kind.machine}, e_type "${kind.type}"; ` +
        'timeskew reads little-endian images of e_type "dyn"',
    );
  }

  const image = new ImageBytes(bytes, kind.class);
  const headers = programHeaders(image);
  const segments = readSegments(bytes, image, headers);
  const loads = segments.filter((segment) => segment.type === "load");
  const loadBias = biasOf(loads);
  const loaded = loads.map((segment) => extentOf(image, segment));
  const code = loaded.filter((_, index) => loads[index]?.executable);
  const tail = { start: Math.max(...loaded.map((range) => range.end)), end: image.length };
  const contents = readContents(image, { segments, headers, loadBias, tail });
  return {
    ...kind,
    loadBias,
    segments,
    ...contents,
    tail,
    padding: paddingIn(image, tail),
    asksForBti:
      kind.machine === "aarch64" && notesIn(image, segments).some((notes) => asksForBti(image, notes)),
    text: code.length === 1 ? code[0] : undefined,
  };
}

/** @throws ElfError "truncated" */
function notesIn(image: ImageBytes, segments: readonly Segment[]): ByteRange[] {
  return segments
    .filter(({ type }) => type === "note")
    .map(({ offset, fileSize }) => image.range(offset, fileSize, "PT_NOTE"));
}

/**
 * The first of several names under which the image exports a function: global or weak, typed as a function
 * or untyped (as hand-written assembly is), and wholly inside an executable segment.
 *
 * @param names in order of preference, e.g. `["__vdso_clock_gettime", "clock_gettime"]`
 */
export function findFunction(image: Image, names: readonly string[]): ImageSymbol | undefined {
  for (const name of names) {
    const symbol = image.symbols.get(name);
    if (symbol && isFunction(image, symbol)) return symbol;
  }
  return undefined;
}

function isFunction(image: Image, symbol: ImageSymbol): boolean {
  const exported = symbol.binding === "global" || symbol.binding === "weak";
  const code = symbol.type === "func" || symbol.type === "notype";
  const start = BigInt(symbol.offset);
  const end = start + BigInt(symbol.size);
  const inText = image.segments.some(({ type, executable, offset, fileSize }) => {
    // A size of 0 leaves the first byte to check.
    const inside = start >= offset && start < offset + fileSize && end <= offset + fileSize;
    return type === "load" && executable && inside;
  });
  return exported && code && inText;
}

/** The bytes of the program header table, from e_phoff, e_phentsize and e_phnum. */
function programHeaders(image: ImageBytes): ByteRange {
  const { elf, segment } = HEADERS[image.wordSize];
  const entrySize = image.u16(elf.entrySize);
  const count = image.u16(elf.count);
  if (entrySize !== segment.size) {
    throw new ElfError("segments", `e_phentsize: ${entrySize}, not ${segment.size}`);
  }
  return image.range(
    image.word(elf.segments),
    BigInt(count * entrySize),
    `${count} program headers at e_phoff`,
  );
}

/** What follows the section headers (e_shoff, e_shentsize, e_shnum). Where these are nonsense, nothing is known. */
function paddingIn(image: ImageBytes, { start, end }: ByteRange): ByteRange {
  const { elf } = HEADERS[image.wordSize];
  const size = BigInt(image.u16(elf.sectionSize) * image.u16(elf.sectionCount));
  const last = image.word(elf.sections) + size;
  return { start: last > BigInt(end) ? end : Math.max(start, Number(last)), end };
}

/** What elfy says about each program header, with the fields that can have 64 bits read exactly. */
function readSegments(bytes: Uint8Array, image: ImageBytes, headers: ByteRange): Segment[] {
  const layout = HEADERS[image.wordSize].segment;
  return listSegments(bytes, readHeader(bytes)).map((segment, index) => {
    const at = headers.start + index * layout.size;
    return {
      type: segment.type,
      executable: segment.flags.x === true,
      writable: segment.flags.w === true,
      offset: image.word(at + layout.offset),
      vaddr: image.word(at + layout.vaddr),
      fileSize: image.word(at + layout.fileSize),
      memorySize: image.word(at + layout.memorySize),
    };
  });
}

/**
 * Link-time address minus offset, which the kernel's flat mapping of the image makes the same for all of it.
 *
 * @throws ElfError "segments" if there is no PT_LOAD, or two disagree
 */
function biasOf(loads: readonly Segment[]): bigint {
  const [first] = loads;
  if (!first) throw new ElfError("segments", "PT_LOAD: none among the program headers");
  const bias = first.vaddr - first.offset;
  if (bias < 0n) {
    throw new ElfError(
      "segments",
      `PT_LOAD: p_vaddr ${hex(first.vaddr)} below p_offset ${hex(first.offset)}`,
    );
  }
  for (const segment of loads) {
    if (segment.vaddr - segment.offset === bias) continue;
    throw new ElfError(
      "segments",
      `PT_LOAD: p_vaddr ${hex(segment.vaddr)} of p_offset ${hex(segment.offset)} contradicts the load bias ${hex(bias)}`,
    );
  }
  return bias;
}

/** The bytes that a segment occupies once loaded. */
function extentOf(image: ImageBytes, segment: Segment): ByteRange {
  const { offset, fileSize, memorySize } = segment;
  if (memorySize < fileSize) {
    throw new ElfError("segments", `PT_LOAD: p_memsz ${hex(memorySize)} below p_filesz ${hex(fileSize)}`);
  }
  return image.range(offset, memorySize, `PT_LOAD with p_memsz ${hex(memorySize)}`);
}

/** Everything that PT_DYNAMIC leads to. */
function readContents(
  image: ImageBytes,
  layout: Pick<Image, "segments" | "loadBias" | "tail"> & { headers: ByteRange },
): Pick<Image, "symbols" | "soname"> {
  const { segments, loadBias: bias, tail, headers } = layout;
  const [dynamic, second] = segments.filter((segment) => segment.type === "dynamic");
  if (!dynamic || second) {
    throw new ElfError(
      "dynamic",
      `PT_DYNAMIC: ${second ? "more than one" : "none"} among the program headers`,
    );
  }
  const dynamicRange = image.range(dynamic.vaddr - bias, dynamic.fileSize, "PT_DYNAMIC");
  const table = readDynamic(image, dynamicRange);

  const size = symbolSize(image);
  const said = required(table, "DT_SYMENT");
  if (said !== BigInt(size)) throw new ElfError("dynamic", `DT_SYMENT: ${said}, not ${size}`);
  const strings = image.range(
    required(table, "DT_STRTAB") - bias,
    required(table, "DT_STRSZ"),
    "the string table (DT_STRTAB, DT_STRSZ)",
  );
  const sysvHash = table.get("DT_HASH");
  const gnuHash = table.get("DT_GNU_HASH");
  const sysv = sysvHash === undefined ? undefined : readSysvHash(image, sysvHash - bias);
  const gnu = gnuHash === undefined ? undefined : readGnuHash(image, gnuHash - bias);
  const count = symbolCount(sysv?.symbols, gnu?.symbols);
  const symbolTable = image.range(
    required(table, "DT_SYMTAB") - bias,
    BigInt(count * size),
    `the symbol table (DT_SYMTAB) of ${count} symbols`,
  );

  refuseOverlap([
    ["the ELF header", { start: 0, end: HEADERS[image.wordSize].elf.size }],
    ["the program headers", headers],
    ["PT_DYNAMIC", dynamicRange],
    ["DT_STRTAB", strings],
    ["DT_SYMTAB", symbolTable],
    ...(sysv ? [["DT_HASH", sysv.range] as const] : []),
    ...(gnu ? [["DT_GNU_HASH", gnu.range] as const] : []),
    // What is not loaded is written over, and then holds no table any more.
    ["the tail after the last PT_LOAD", tail],
  ]);
  const soname = table.get("DT_SONAME");
  return {
    symbols: readSymbols(image, symbolTable, strings, bias),
    soname: soname === undefined ? undefined : readString(image, strings, soname, "DT_SONAME"),
  };
}

/** Two tables that agree, or the one there is. @throws ElfError "hash" */
function symbolCount(sysv: number | undefined, gnu: number | undefined): number {
  if (sysv !== undefined && gnu !== undefined && sysv !== gnu) {
    throw new ElfError("hash", `DT_HASH counts ${sysv} symbols, but DT_GNU_HASH ${gnu}`);
  }
  const count = sysv ?? gnu;
  if (count === undefined) throw new ElfError("hash", "DT_HASH, DT_GNU_HASH: neither counts any symbol");
  return count;
}

/** An image in which one table's bytes are also another's says two things at once. */
function refuseOverlap(tables: readonly (readonly [string, ByteRange])[]): void {
  const sorted = tables
    .filter(([, range]) => range.end > range.start)
    .sort((a, b) => a[1].start - b[1].start);
  sorted.forEach(([name, range], index) => {
    const before = sorted[index - 1];
    if (before && before[1].end > range.start) {
      throw new ElfError("overlap", `${name} at offset ${hex(range.start)} overlaps ${before[0]}`);
    }
  });
}
