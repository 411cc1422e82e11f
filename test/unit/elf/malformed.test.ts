/**
 * Every way in which an image can be wrong is an ElfError that names the field; none hangs or eats memory.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ElfError, type ElfErrorCode, findFunction, parseImage } from "../../../src/elf/image.ts";
import { type BuildOptions, type BuiltImage, buildImage, OLD_KERNEL_BIAS } from "./build-image.ts";

/** What parseImage throws; fails the test if that is no ElfError. */
function refusal(bytes: Uint8Array): ElfError {
  try {
    parseImage(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(ElfError);
    return error as ElfError;
  }
  throw new Error("the image was accepted");
}

/** The value field of a dynamic entry. */
function valueAt({ at }: BuiltImage, tag: bigint): number {
  return at.tags.get(tag)! + 8;
}

const DT = { HASH: 4n, STRTAB: 5n, SYMTAB: 6n, STRSZ: 10n, SYMENT: 11n, SONAME: 14n, GNU_HASH: 0x6ffffef5n };
const MAX64 = 2n ** 64n - 1n;

type Breakage = [
  what: string,
  /** Changes the image's bytes, or returns others. */
  breakIt: (image: BuiltImage) => unknown,
  code: ElfErrorCode,
  message: RegExp,
  options?: BuildOptions,
];

const u64 =
  (place: (image: BuiltImage) => number, value: bigint): Breakage[1] =>
  (image) => {
    image.bytes.writeBigUInt64LE(value, place(image));
  };
const u32 =
  (place: (image: BuiltImage) => number, value: number): Breakage[1] =>
  (image) => {
    image.bytes.writeUInt32LE(value, place(image));
  };
const byte =
  (offset: number, value: number): Breakage[1] =>
  (image) => {
    image.bytes[offset] = value;
  };
/** Makes nobody read a tag: DT_DEBUG stands in its place. */
const drop =
  (tag: bigint): Breakage[1] =>
  ({ bytes, at }) => {
    bytes.writeBigUInt64LE(21n, at.tags.get(tag)!);
  };

const BREAKAGES: Breakage[] = [
  ["no bytes", () => new Uint8Array(0), "truncated", /ELF header: the image has 0 bytes/],
  ["only e_ident", ({ bytes }) => bytes.subarray(0, 16), "truncated", /ELF header: 64 bytes/],
  ["half a header", ({ bytes }) => bytes.subarray(0, 63), "truncated", /ELF header: 64 bytes, but .* 63/],
  ["cut-off program headers", ({ bytes }) => bytes.subarray(0, 100), "truncated", /2 program headers/],
  ["a cut-off segment", ({ bytes }) => bytes.subarray(0, 300), "truncated", /PT_LOAD/],
  ["another magic", byte(1, 0x46), "not-elf", /0x7f464c46/],
  ["a class that does not exist", byte(4, 7), "not-elf", /class/],
  ["a byte order that does not exist", byte(5, 0), "not-elf", /endian/],
  ["too many bytes", () => new Uint8Array((1 << 20) + 1), "too-large", /1048577 bytes/],
  ["a 64-bit image with the class of another", byte(4, 1), "segments", /e_phentsize: 57005, not 32/],
  ["big-endian", byte(5, 2), "unsupported", /big-endian/],
  ["an executable", byte(16, 2), "unsupported", /e_type "exec"/],
  ["e_phentsize 0", byte(54, 0), "segments", /e_phentsize: 0/],
  ["e_phnum 0", byte(56, 0), "segments", /PT_LOAD: none/],
  ["e_phnum 0xffff", ({ bytes }) => bytes.writeUInt16LE(0xffff, 56), "truncated", /65535 program headers/],
  ["e_phoff outside", u64(() => 32, MAX64), "truncated", /e_phoff/],
  ["e_phoff 0", u64(() => 32, 0n), "segments", /PT_LOAD: none/],
  ["no PT_LOAD", u32((i) => i.at.load, 4), "segments", /PT_LOAD: none/],
  ["p_filesz outside", u64((i) => i.at.load + 32, MAX64), "segments", /p_memsz .* below p_filesz/],
  ["p_memsz outside", u64((i) => i.at.load + 40, MAX64), "truncated", /PT_LOAD with p_memsz/],
  ["p_offset above p_vaddr", u64((i) => i.at.load + 8, 16n), "segments", /p_vaddr 0x0 below p_offset 0x10/],
  [
    "two PT_LOADs that disagree",
    ({ bytes, at }) => {
      bytes.writeUInt32LE(1, at.dynamicHeader);
      bytes.writeBigUInt64LE(0x5000n, at.dynamicHeader + 16);
    },
    "segments",
    /p_vaddr 0x5000 .* contradicts the load bias 0x1000/,
    { bias: 0x1000n },
  ],
  ["no PT_DYNAMIC", u32((i) => i.at.dynamicHeader, 4), "dynamic", /PT_DYNAMIC: none/],
  ["PT_DYNAMIC outside", u64((i) => i.at.dynamicHeader + 16, 8190n), "truncated", /PT_DYNAMIC/],
  [
    "PT_DYNAMIC below the bias",
    u64((i) => i.at.dynamicHeader + 16, 0n),
    "truncated",
    /offset -0x/,
    { bias: OLD_KERNEL_BIAS },
  ],
  ["an empty PT_DYNAMIC", u64((i) => i.at.dynamicHeader + 32, 0n), "dynamic", /no DT_NULL in its 0 bytes/],
  ["PT_DYNAMIC without DT_NULL", u64((i) => i.at.tags.get(0n)!, 21n), "dynamic", /no DT_NULL/],
  ["a second DT_STRTAB", u64((i) => i.at.tags.get(16n)!, 5n), "dynamic", /DT_STRTAB: a second one/],
  ["no DT_STRTAB", drop(DT.STRTAB), "dynamic", /DT_STRTAB: missing/],
  ["no DT_STRSZ", drop(DT.STRSZ), "dynamic", /DT_STRSZ: missing/],
  ["no DT_SYMTAB", drop(DT.SYMTAB), "dynamic", /DT_SYMTAB: missing/],
  ["no DT_SYMENT", drop(DT.SYMENT), "dynamic", /DT_SYMENT: missing/],
  ["another DT_SYMENT", u64((i) => valueAt(i, DT.SYMENT), 16n), "dynamic", /DT_SYMENT: 16, not 24/],
  ["no hash table", drop(DT.HASH), "hash", /neither counts/, { gnuHash: false }],
  ["DT_STRTAB outside", u64((i) => valueAt(i, DT.STRTAB), MAX64), "truncated", /DT_STRTAB/],
  ["DT_STRSZ too large", u64((i) => valueAt(i, DT.STRSZ), MAX64), "truncated", /DT_STRSZ/],
  ["DT_SYMTAB outside", u64((i) => valueAt(i, DT.SYMTAB), 8192n), "truncated", /DT_SYMTAB/],
  ["DT_HASH outside", u64((i) => valueAt(i, DT.HASH), 8188n), "truncated", /DT_HASH: 8 bytes/],
  ["nbucket huge", u32((i) => i.at.sysv, 0xffff_ffff), "truncated", /nbucket 4294967295/],
  ["nchain huge", u32((i) => i.at.sysv + 4, 0xffff_ffff), "truncated", /nchain 4294967295/],
  [
    "nchain other than DT_GNU_HASH's count",
    u32((i) => i.at.sysv + 4, 5),
    "hash",
    /DT_HASH counts 5 .* DT_GNU_HASH 6/,
  ],
  ["DT_GNU_HASH outside", u64((i) => valueAt(i, DT.GNU_HASH), 8180n), "truncated", /DT_GNU_HASH: 16 bytes/],
  ["nbuckets huge", u32((i) => i.at.gnu, 0xffff_ffff), "truncated", /nbuckets 4294967295/],
  ["bloom_size huge", u32((i) => i.at.gnu + 8, 0xffff_ffff), "truncated", /bloom_size 4294967295/],
  ["a bucket below symoffset", u32((i) => i.at.gnu + 4, 50), "hash", /below symoffset 50/],
  [
    "a bucket beyond the chains",
    u32((i) => i.at.gnu + 24, 0xffff_ffff),
    "truncated",
    /chain link of symbol 4294967295/,
  ],
  [
    "an endless chain",
    ({ bytes, at }) => {
      // nbuckets 1, symoffset 1, no bloom filter, the bucket's first symbol 1; then no chain link ever ends.
      for (const [index, value] of [1, 1, 0, 0, 1].entries()) bytes.writeUInt32LE(value, 4096 + 4 * index);
      bytes.writeBigUInt64LE(4096n, at.tags.get(DT.GNU_HASH)! + 8);
    },
    "truncated",
    /DT_GNU_HASH: the chain link of symbol 1020/,
  ],
  [
    "DT_GNU_HASH alone, hashing nothing",
    ({ bytes, at }) => bytes.fill(0, at.gnu + 24, at.gnu + 36),
    "hash",
    /neither counts/,
    { sysvHash: false },
  ],
  ["strings over symbols", u64((i) => valueAt(i, DT.STRTAB), 400n), "overlap", /overlaps/],
  ["symbols over the header", u64((i) => valueAt(i, DT.SYMTAB), 0n), "overlap", /overlaps the ELF header/],
  [
    "symbols in the tail",
    u64((i) => valueAt(i, DT.SYMTAB), 8000n),
    "overlap",
    /DT_SYMTAB .* overlaps the tail/,
  ],
  [
    "st_name outside",
    u32((i) => i.at.symtab + 24, 0xffff_ffff),
    "strings",
    /st_name of symbol 1: string offset 0xffffffff/,
  ],
  ["DT_SONAME outside", u64((i) => valueAt(i, DT.SONAME), MAX64), "strings", /DT_SONAME: string offset/],
  ["a string without an end", u64((i) => valueAt(i, DT.STRSZ), 17n), "strings", /does not end/],
  [
    "a name of 300 characters",
    () => buildImage({ symbols: [{ name: "n".repeat(300) }] }).bytes,
    "strings",
    /255 bytes/,
  ],
  ["st_value outside", u64((i) => i.at.symtab + 24 + 8, 8192n), "symbols", /st_value 0x2000/],
  [
    "st_value below the bias",
    u64((i) => i.at.symtab + 24 + 8, 1n),
    "symbols",
    /st_value 0x1/,
    { bias: OLD_KERNEL_BIAS },
  ],
  ["st_size huge", u64((i) => i.at.symtab + 24 + 16, MAX64), "symbols", /st_size 18446744073709551615/],
  [
    "one name at two places",
    () => buildImage({ symbols: [{ name: "f" }, { name: "f" }] }).bytes,
    "symbols",
    /"f"\): at 0x.* also at/,
  ],
];

describe("a malformed image is refused", () => {
  it.each(BREAKAGES)("%s", (_, breakIt, code, message, options = {}) => {
    const image = buildImage(options);
    const broken = breakIt(image);
    const error = refusal(broken instanceof Uint8Array ? broken : image.bytes);
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
  });

  it("of 32 bits, too", () => {
    const header = Buffer.alloc(52);
    header.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 3, 0]);
    expect(refusal(header).message).toBe("e_phentsize: 0, not 32");
    expect(refusal(header.subarray(0, 51)).message).toMatch(/ELF header: 52 bytes, but .* 51/);
    const { bytes, at } = buildImage({ bits: 32 });
    const broken = (place: number, value: number) => {
      const copy = Buffer.from(bytes);
      copy.writeUInt32LE(value, place);
      return refusal(copy).message;
    };
    expect(broken(28, 0xffff_ffff)).toMatch(/2 program headers at e_phoff/);
    expect(broken(at.load + 20, 0xffff_ffff)).toMatch(/PT_LOAD with p_memsz 0xffffffff/);
    expect(broken(at.tags.get(DT.SYMENT)! + 4, 24)).toBe("DT_SYMENT: 24, not 16");
    expect(broken(at.tags.get(DT.SYMTAB)! + 4, 0)).toMatch(/overlaps the ELF header/);
    expect(broken(at.symtab + 16 + 4, 0x2000)).toMatch(/st_value 0x2000/);
    expect(broken(at.gnu + 8, 0xffff_ffff)).toMatch(/bloom_size 4294967295/);
  });
});

describe("any damage to an image", () => {
  const SEED = 20260101;
  const originals = [
    buildImage(),
    buildImage({ bias: OLD_KERNEL_BIAS, gnuHash: false }),
    buildImage({ sysvHash: false }),
    buildImage({ bits: 32 }),
  ].map(({ bytes, at }) => ({ bytes, end: at.end }));

  /** Parsing ends in an image whose symbols lie in it, or in an ElfError. */
  function survives(bytes: Uint8Array): void {
    try {
      const image = parseImage(bytes);
      for (const symbol of image.symbols.values()) {
        expect(symbol.offset + symbol.size).toBeLessThanOrEqual(bytes.length);
      }
      findFunction(image, [...image.symbols.keys()]);
    } catch (error) {
      if (!(error instanceof ElfError)) throw error;
    }
  }

  it("of single bytes is an image or an ElfError", () => {
    const change = fc.record({ where: fc.nat(), value: fc.nat(255) });
    fc.assert(
      fc.property(
        fc.constantFrom(...originals),
        fc.array(change, { minLength: 1, maxLength: 6 }),
        (original, changes) => {
          const bytes = Uint8Array.from(original.bytes);
          for (const { where, value } of changes) bytes[where % original.end] = value;
          survives(bytes);
        },
      ),
      { seed: SEED, numRuns: 3000 },
    );
  });

  it("of whole fields is an image or an ElfError", () => {
    const value = fc.oneof(
      fc.bigInt(0n, MAX64),
      fc.constantFrom(0n, 1n, 0xffffn, 0xffff_ffffn, 2n ** 32n, 2n ** 53n, 2n ** 63n, MAX64, OLD_KERNEL_BIAS),
      fc.bigInt(0n, 8200n),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...originals),
        fc.nat(),
        value,
        fc.boolean(),
        (original, where, field, wide) => {
          const bytes = Buffer.from(original.bytes);
          const at = (where % (original.end / 4 - 2)) * 4;
          if (wide) bytes.writeBigUInt64LE(field, at - (at % 8));
          else bytes.writeUInt32LE(Number(field & 0xffff_ffffn), at);
          survives(bytes);
        },
      ),
      { seed: SEED, numRuns: 3000 },
    );
  });

  it("by cutting it off is an image or an ElfError", () => {
    for (const { bytes, end } of originals) {
      for (let size = 0; size <= end + 1; size++) survives(bytes.subarray(0, size));
    }
  });

  it("of the bytes as a whole is an ElfError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        refusal(bytes);
        for (const bits of [1, 2]) refusal(Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, bits, 1, 1, ...bytes]));
      }),
      { seed: SEED, numRuns: 1000 },
    );
  });
});
