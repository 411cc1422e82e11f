/**
 * Builds vDSO-like images for the tests: ELF header, program headers, hash tables, symbols, strings, the
 * dynamic section, code, and after what is loaded a tail with bytes that would be section headers. Offsets
 * of the parts come back with the bytes, so that a test can break exactly one field.
 */

export interface BuildSymbol {
  name: string;
  size?: number;
  /** st_info's type; default 2, STT_FUNC. */
  type?: number;
  /** st_info's binding; default 1, STB_GLOBAL. */
  binding?: number;
  /** st_shndx; default 12. */
  section?: number;
  /** st_value before the bias; default: the next 16 bytes of the text. */
  offset?: number;
}

export interface BuildOptions {
  bias?: bigint;
  sysvHash?: boolean;
  gnuHash?: boolean;
  symbols?: readonly BuildSymbol[];
  soname?: string | undefined;
  machine?: number;
  /** The class; default 64. */
  bits?: 32 | 64;
}

export interface BuiltImage {
  bytes: Buffer;
  /** Offsets: of each part, and of each dynamic entry by tag. */
  at: {
    load: number;
    dynamicHeader: number;
    sysv: number;
    gnu: number;
    symtab: number;
    strtab: number;
    dynamic: number;
    text: number;
    end: number;
    tags: Map<bigint, number>;
  };
  /** The symbols in the order of the table, the null symbol not among them. */
  symbols: { name: string; offset: number; size: number }[];
}

export const OLD_KERNEL_BIAS = 0xffff_ffff_ff70_0000n;

export const DEFAULT_SYMBOLS: readonly BuildSymbol[] = [
  { name: "__vdso_clock_gettime" },
  { name: "clock_gettime", binding: 2 },
  { name: "__vdso_gettimeofday" },
  { name: "__vdso_time", size: 8 },
  { name: "LINUX_2.6", type: 1, section: 0xfff1, offset: 0, size: 0 },
];

const SIZE = 8192;

/** What the class makes different: sizes, and offsets of fields. */
const CLASSES = {
  32: {
    ident: 1,
    word: 4,
    header: { size: 52, phoff: 28, shoff: 32, sizes: 40 },
    segment: { size: 32, flags: 24, words: [4, 8, 12, 16, 20, 28] },
    symbol: { size: 16, info: 12, section: 14, value: 4, length: 8 },
    sectionSize: 40,
  },
  64: {
    ident: 2,
    word: 8,
    header: { size: 64, phoff: 32, shoff: 40, sizes: 52 },
    segment: { size: 56, flags: 4, words: [8, 16, 24, 32, 40, 48] },
    symbol: { size: 24, info: 4, section: 6, value: 8, length: 16 },
    sectionSize: 64,
  },
} as const;

/** Writes an address or what else has the size of one; of a 32-bit image the low half. */
function writeWord(bytes: Buffer, at: number, value: bigint, bits: 32 | 64): void {
  if (bits === 64) bytes.writeBigUInt64LE(value, at);
  else bytes.writeUInt32LE(Number(BigInt.asUintN(32, value)), at);
}

export function buildImage(options: BuildOptions = {}): BuiltImage {
  const { bias = 0n, sysvHash = true, gnuHash = true, bits = 64, machine = bits === 64 ? 62 : 3 } = options;
  const format = CLASSES[bits];
  const entrySize = 2 * format.word;
  const soname = "soname" in options ? options.soname : "linux-vdso.so.1";
  const buckets = 3;
  // DT_GNU_HASH wants the symbols in the order of their buckets.
  const symbols = (options.symbols ?? DEFAULT_SYMBOLS)
    .map((symbol) => ({ ...symbol, hash: gnuHashOf(symbol.name) }))
    .sort((a, b) => (a.hash % buckets) - (b.hash % buckets));
  const count = symbols.length + 1;
  const names = ["", ...symbols.map((symbol) => symbol.name), ...(soname === undefined ? [] : [soname])];
  const strings = Buffer.from(`${names.join("\0")}\0`, "latin1");
  const nameOffset = (index: number) => names.slice(0, index).reduce((sum, name) => sum + name.length + 1, 0);

  const load = format.header.size;
  const dynamicHeader = load + format.segment.size;
  const sysv = dynamicHeader + format.segment.size;
  const gnu = align(sysv + (sysvHash ? 8 + 4 * (1 + count) : 0), 8);
  const symtab = align(gnu + (gnuHash ? 16 + format.word + 4 * buckets + 4 * symbols.length : 0), 8);
  const strtab = symtab + format.symbol.size * count;
  const dynamic = align(strtab + strings.length, 8);
  const entries: [bigint, bigint][] = [
    ...(soname === undefined ? [] : [[14n, BigInt(nameOffset(names.length - 1))] as [bigint, bigint]]),
    // DT_SYMBOLIC: a tag that nobody reads here.
    [16n, 0n],
    ...(sysvHash ? [[4n, bias + BigInt(sysv)] as [bigint, bigint]] : []),
    ...(gnuHash ? [[0x6ffffef5n, bias + BigInt(gnu)] as [bigint, bigint]] : []),
    [5n, bias + BigInt(strtab)],
    [6n, bias + BigInt(symtab)],
    [10n, BigInt(strings.length)],
    [11n, BigInt(format.symbol.size)],
    [0n, 0n],
  ];
  const text = align(dynamic + entrySize * entries.length, 16);
  const end = text + 16 * symbols.length;

  const bytes = Buffer.alloc(SIZE);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, format.ident, 1, 1]);
  bytes.writeUInt16LE(3, 16);
  bytes.writeUInt16LE(machine, 18);
  bytes.writeUInt32LE(1, 20);
  writeWord(bytes, format.header.phoff, BigInt(load), bits);
  // e_shoff, e_shnum and e_shstrndx lead nowhere: nothing may rely on section headers.
  writeWord(bytes, format.header.shoff, 0xdead_beef_dead_beefn, bits);
  const sizes = [format.header.size, format.segment.size, 2, format.sectionSize, 0x7777, 0x7776];
  for (const [index, value] of sizes.entries()) {
    bytes.writeUInt16LE(value, format.header.sizes + 2 * index);
  }
  bytes.fill(0xa5, end, end + 100);

  writeSegment(bytes, load, { type: 1, flags: 5, offset: 0, vaddr: bias, size: end }, bits);
  const place = { offset: dynamic, vaddr: bias + BigInt(dynamic), size: entrySize * entries.length };
  writeSegment(bytes, dynamicHeader, { type: 2, flags: 4, ...place }, bits);

  if (sysvHash) {
    bytes.writeUInt32LE(1, sysv);
    bytes.writeUInt32LE(count, sysv + 4);
    // One chain through all symbols, the null symbol's link unused.
    bytes.writeUInt32LE(symbols.length > 0 ? 1 : 0, sysv + 8);
    for (let i = 1; i < count; i++) bytes.writeUInt32LE((i + 1) % count, sysv + 12 + 4 * i);
  }
  if (gnuHash)
    writeGnuHash(
      bytes,
      gnu,
      buckets,
      symbols.map((symbol) => symbol.hash),
      bits,
    );

  const placed = symbols.map((symbol, index) => {
    const { name, offset = text + 16 * index, size = 16, type = 2, binding = 1, section = 12 } = symbol;
    const at = symtab + format.symbol.size * (index + 1);
    bytes.writeUInt32LE(nameOffset(index + 1), at);
    bytes.writeUInt8((binding << 4) | type, at + format.symbol.info);
    bytes.writeUInt16LE(section, at + format.symbol.section);
    const value = section === 0xfff1 ? BigInt(offset) : bias + BigInt(offset);
    writeWord(bytes, at + format.symbol.value, value, bits);
    writeWord(bytes, at + format.symbol.length, BigInt(size), bits);
    return { name, offset, size };
  });
  bytes.set(strings, strtab);
  const tags = new Map<bigint, number>();
  entries.forEach(([tag, value], index) => {
    const at = dynamic + entrySize * index;
    writeWord(bytes, at, tag, bits);
    writeWord(bytes, at + format.word, value, bits);
    tags.set(tag, at);
  });
  return {
    bytes,
    at: { load, dynamicHeader, sysv, gnu, symtab, strtab, dynamic, text, end, tags },
    symbols: placed,
  };
}

/** Writes one program header. */
export function writeSegment(
  bytes: Buffer,
  at: number,
  segment: { type: number; flags: number; offset: number; vaddr: bigint; size: number },
  bits: 32 | 64 = 64,
): void {
  const { type, flags, offset, vaddr, size } = segment;
  const layout = CLASSES[bits].segment;
  bytes.writeUInt32LE(type, at);
  bytes.writeUInt32LE(flags, at + layout.flags);
  [BigInt(offset), vaddr, vaddr, BigInt(size), BigInt(size), 0x1000n].forEach((value, i) => {
    writeWord(bytes, at + layout.words[i]!, value, bits);
  });
}

/** Header, one word of bloom filter, buckets, chains: symoffset is 1. */
function writeGnuHash(
  bytes: Buffer,
  at: number,
  buckets: number,
  hashes: readonly number[],
  bits: 32 | 64,
): void {
  const bucketsAt = at + 16 + CLASSES[bits].word;
  for (const [index, value] of [buckets, 1, 1, 6].entries()) bytes.writeUInt32LE(value, at + 4 * index);
  writeWord(bytes, at + 16, 2n ** 64n - 1n, bits);
  const chains = bucketsAt + 4 * buckets;
  hashes.forEach((hash, index) => {
    const bucket = bucketsAt + 4 * (hash % buckets);
    if (bytes.readUInt32LE(bucket) === 0) bytes.writeUInt32LE(index + 1, bucket);
    const next = hashes[index + 1];
    const lastOfChain = next === undefined || next % buckets !== hash % buckets;
    bytes.writeUInt32LE(((hash & ~1) | Number(lastOfChain)) >>> 0, chains + 4 * index);
  });
}

/** The hash function of DT_GNU_HASH. */
function gnuHashOf(name: string): number {
  let hash = 5381;
  for (const byte of Buffer.from(name, "latin1")) hash = (hash * 33 + byte) >>> 0;
  return hash;
}

function align(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
