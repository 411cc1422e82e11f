/**
 * A vDSO image, read from its bytes: where its functions are, and which bytes at its end nobody uses.
 *
 * Everything comes from the program headers and PT_DYNAMIC. elfy names the header's fields and lists the
 * segments; all 64-bit fields are read here, in BigInt, because kernels before 3.18 link the vDSO at
 * 0xffffffffff700000, which no JS number holds. A malformed image is an ElfError, whatever is wrong with it.
 */
import { type ByteRange, hex, ImageBytes } from "./bytes.ts";
import { readDynamic, required } from "./dynamic.ts";
import { listSegments, readHeader } from "./elfy.ts";
import { ElfError } from "./error.ts";
import { readGnuHash, readSysvHash } from "./hash.ts";
import { type ImageKind, identify } from "./identify.ts";
import { type ImageSymbol, readString, readSymbols, SYMBOL_SIZE } from "./symbols.ts";

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
  /** The bytes of the executable PT_LOAD; undefined unless there is exactly one. */
  readonly text: ByteRange | undefined;
}

/** The largest vDSO known has three pages. The limit bounds the work on an image that is none. */
const MAX_IMAGE = 1 << 20;

/** Size of one Elf64_Phdr. */
const PROGRAM_HEADER_SIZE = 56;

/**
 * Parses a 64-bit little-endian vDSO.
 *
 * @param bytes the whole mapping, as read from the process
 * @throws ElfError
 */
export function parseImage(bytes: Uint8Array): Image {
  if (bytes.length > MAX_IMAGE) {
    throw new ElfError("too-large", `image: ${bytes.length} bytes, more than ${MAX_IMAGE}`);
  }
  const kind = identify(bytes);
  if (kind.class !== 64 || kind.byteOrder !== "little" || kind.type !== "dyn") {
    throw new ElfError(
      "unsupported",
      `ELF header: ${kind.class}-bit ${kind.byteOrder}-endian ${kind.machine}, e_type "${kind.type}"; ` +
        'timeskew reads 64-bit little-endian images of e_type "dyn"',
    );
  }

  const image = new ImageBytes(bytes);
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
    text: code.length === 1 ? code[0] : undefined,
  };
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
  const entrySize = image.u16(54);
  const count = image.u16(56);
  if (entrySize !== PROGRAM_HEADER_SIZE) {
    throw new ElfError("segments", `e_phentsize: ${entrySize}, not ${PROGRAM_HEADER_SIZE}`);
  }
  return image.range(image.u64(32), BigInt(count * entrySize), `${count} program headers at e_phoff`);
}

/** What elfy says about each program header, with the 64-bit fields read exactly. */
function readSegments(bytes: Uint8Array, image: ImageBytes, headers: ByteRange): Segment[] {
  return listSegments(bytes, readHeader(bytes)).map((segment, index) => {
    const at = headers.start + index * PROGRAM_HEADER_SIZE;
    return {
      type: segment.type,
      executable: segment.flags.x === true,
      writable: segment.flags.w === true,
      offset: image.u64(at + 8),
      vaddr: image.u64(at + 16),
      fileSize: image.u64(at + 32),
      memorySize: image.u64(at + 40),
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

  const symbolSize = required(table, "DT_SYMENT");
  if (symbolSize !== SYMBOL_SIZE)
    throw new ElfError("dynamic", `DT_SYMENT: ${symbolSize}, not ${SYMBOL_SIZE}`);
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
    BigInt(count) * SYMBOL_SIZE,
    `the symbol table (DT_SYMTAB) of ${count} symbols`,
  );

  refuseOverlap([
    ["the ELF header", { start: 0, end: 64 }],
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
