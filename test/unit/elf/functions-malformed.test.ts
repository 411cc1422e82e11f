/**
 * A file without sound headers is an ElfError that names the field. Of a malformed table nothing is known; the others
 * are still believed.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CodeImage, ElfError, type ElfErrorCode, readCodeImage } from "../../../src/elf/functions.ts";
import { type Break, EVERYTHING, GO, MAX64, segment, u16, u32, u64 } from "./breaks.ts";
import {
  type BuiltProgram,
  buildProgram,
  CODE_OFFSET,
  CODE_SIZE,
  type ProgramOptions,
  sourceOf,
} from "./build-program.ts";

describe("a file is refused", () => {
  const REFUSED: [string, Break, ElfErrorCode, RegExp][] = [
    ["of no bytes", () => new Uint8Array(), "truncated", /ELF header: the file does not have its 64 bytes/],
    ["of half a header", ({ bytes }) => bytes.subarray(0, 63), "truncated", /ELF header/],
    ["of text", () => Buffer.from("#!/bin/sh\n".repeat(20)), "not-elf", /0x23212f62/],
    ["of 32 bits", ({ bytes }) => bytes.writeUInt8(1, 4), "unsupported", /32-bit little-endian/],
    ["that is big-endian", ({ bytes }) => bytes.writeUInt8(2, 5), "unsupported", /big-endian/],
    ["that is a relocatable", u16(16, 1), "unsupported", /e_type "rel"/],
    ["that is a core dump", u16(16, 4), "unsupported", /e_type "core"/],
    ["whose e_phentsize is 32", u16(54, 32), "segments", /e_phentsize: 32/],
    ["with more program headers than Linux reads", u16(56, 1171), "segments", /e_phnum: 1171/],
    ["that ends in its program headers", u16(56, 700), "truncated", /700 program headers at 0x40/],
    ["whose e_phoff is outside", ({ bytes }) => bytes.writeBigUInt64LE(MAX64, 32), "truncated", /headers at/],
    ["with p_filesz above p_memsz", segment(1, 40, 1n), "segments", /p_memsz 0x1 below p_filesz 0x1000/],
    ["with addresses above 2^47", segment(1, 16, 2n ** 47n), "segments", /above 2\^47/],
    ["with addresses above 2^63", segment(1, 16, MAX64 - 0xfffn), "segments", /above 2\^47/],
    ["with offsets above 2^47", segment(1, 8, 2n ** 63n), "segments", /above 2\^47/],
    ["with two segments at one place", segment(1, 16, 0x3fffn), "segments", /0x3fff is in two of them/],
    ["without DT_NULL", u64("dynamic", 16 * 5, 21n), "dynamic", /no DT_NULL/],
    ["with two DT_SYMTABs", u64("dynamic", 0, 6n), "dynamic", /DT_SYMTAB: a second one/],
    ["with a PT_DYNAMIC outside", segment(4, 8, 0x7fffn), "truncated", /PT_DYNAMIC/],
    ["with a PT_DYNAMIC of a GiB", segment(4, 32, 2n ** 30n), "truncated", /PT_DYNAMIC/],
    [
      "with two PT_DYNAMICs",
      ({ bytes, at }) => bytes.writeUInt32LE(2, at.get("segment 2")!),
      "dynamic",
      /more than one/,
    ],
  ];

  it.each(REFUSED)("%s", (_, breakIt, code, message) => {
    const built = buildProgram(EVERYTHING);
    const broken = breakIt(built);
    const open = () => readCodeImage(sourceOf(broken instanceof Uint8Array ? broken : built.bytes));
    expect(open).toThrow(ElfError);
    expect(open).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });

  it("that is shorter than its source says", () => {
    const { bytes } = buildProgram();
    const short = (offset: number, length: number) => bytes.subarray(offset, offset + Math.min(length, 63));
    expect(() => readCodeImage(short)).toThrow(/ELF header: the file does not have its 64 bytes/);
  });

  it("not for having no segments, and then has no code", () => {
    const built = buildProgram();
    built.bytes.writeUInt16LE(0, 56);
    const image = readCodeImage(sourceOf(built.bytes));
    expect(image.code).toEqual([]);
    expect([image.go, image.dynamic, image.functionAt(built.code)]).toEqual([false, false, undefined]);
  });
});

describe("a malformed table is not believed", () => {
  /** By table: an address that only it knows. */
  const KNOWN = { frames: 0x200, symbols: 0x300, exports: 0x400, bare: 0x480 };
  const names = (image: CodeImage, code: number) =>
    Object.entries(KNOWN).flatMap(([name, at]) => (image.functionAt(code + at) ? [name] : []));

  it("if nothing is broken, all are", () => {
    const { bytes, code } = buildProgram(EVERYTHING);
    expect(names(readCodeImage(sourceOf(bytes)), code)).toEqual(Object.keys(KNOWN));
  });

  it.each<[string, keyof typeof KNOWN, Break]>([
    ["frames that are not where the header says", "frames", u32("eh_frame_hdr", 12 + 12, 0x7000_0000)],
    ["a frame that begins elsewhere than the header says", "frames", u32("fde 1", 8, 0x100)],
    ["a frame of no bytes", "frames", u32("fde 1", 12, 0)],
    ["a frame that leaves the code", "frames", u32("fde 1", 12, 0xf00)],
    ["a frame too short for its fields", "frames", u32("fde 1", 0, 8)],
    ["a frame of 64-bit DWARF", "frames", u32("fde 1", 0, 0xffff_ffff)],
    ["a frame whose CIE is a frame", "frames", u32("fde 1", 4, 0x30)],
    ["a frame whose CIE is outside", "frames", u32("fde 1", 4, 0x7000_0000)],
    ["a CIE of version 9", "frames", u32("cie 1", 8, 9)],
    ["a CIE of no length", "frames", u32("cie 1", 0, 0)],
    ["a CIE without an end of its augmentation", "frames", u32("cie 1", 12, 0x4141_4141)],
    ["exports at no address", "exports", u64("tag 6", 8, MAX64)],
    ["exports without a count", "exports", u64("tag 4", 8, MAX64)],
    ["more exports than there is room for", "exports", u32("hash", 4, 0xffff_ffff)],
    ["symbols outside the file", "symbols", ({ bytes, at }) => symbolHeader(bytes, at, 24, MAX64)],
    ["symbols without an end", "symbols", ({ bytes, at }) => symbolHeader(bytes, at, 32, MAX64)],
    ["symbols without strings", "symbols", ({ bytes, at }) => symbolHeader(bytes, at, 40, 0xffffn)],
  ])("%s", (_, table, breakIt) => {
    const built = buildProgram(EVERYTHING);
    breakIt(built);
    const known = names(readCodeImage(sourceOf(built.bytes)), built.code);
    expect(known).not.toContain(table);
    expect(known.length).toBeGreaterThan(0);
  });

  /** A field of .symtab's section header, the third from the end. */
  function symbolHeader(bytes: Buffer, at: BuiltProgram["at"], field: number, value: bigint): void {
    const count = bytes.readUInt16LE(60);
    bytes.writeBigUInt64LE(value, at.get("section headers")! + 64 * (count - 3) + field);
  }

  it.each<[string, Break]>([
    ["another version", u32("eh_frame_hdr", 0, 0x3b03_1b02)],
    ["no count", u32("eh_frame_hdr", 0, 0x3bff_1b01)],
    ["no table", u32("eh_frame_hdr", 0, 0xff03_1b01)],
    ["a table of other addresses", u32("eh_frame_hdr", 0, 0x0b03_1b01)],
    ["more rows than bytes", u32("eh_frame_hdr", 8, 3)],
    ["2^32 - 1 rows", u32("eh_frame_hdr", 8, 0xffff_ffff)],
  ])("a frame header with %s: the section is gone through instead", (_, breakIt) => {
    for (const sections of [true, false]) {
      const built = buildProgram({ ...EVERYTHING, sections });
      breakIt(built);
      const found = readCodeImage(sourceOf(built.bytes)).functionAt(built.code + 0x200);
      expect(found?.end).toBe(sections ? built.code + 0x240 : undefined);
    }
  });

  it.each<[string, Break]>([
    ["another magic", u32("gopclntab", 0, 0xfffffff7)],
    ["pointers of 4 bytes", u32("gopclntab", 4, 0x0401_0000)],
    ["no functions", u64("gopclntab", 8, 0n)],
    ["2^64 - 1 functions", u64("gopclntab", 8, MAX64)],
    ["more functions than bytes", u64("gopclntab", 8, 0x2000n)],
    ["entries outside", u64("gopclntab", 64, MAX64)],
    ["a text that is no code", u64("module", 22 * 8, 0x100n)],
    ["a text outside", u64("module", 22 * 8, MAX64)],
  ])("a Go table with %s", (_, breakIt) => {
    const built = buildProgram(GO);
    expect(readCodeImage(sourceOf(built.bytes)).go).toBe(true);
    breakIt(built);
    const image = readCodeImage(sourceOf(built.bytes));
    expect([image.go, image.functionAt(built.code + 0x100)]).toEqual([false, undefined]);
  });

  it("a Go table with starts further apart than code can be", () => {
    const functions = [{ name: "main.a", at: 0x100 }];
    const built = buildProgram({ go: { magic: 0xfffffffa, functions, end: 0x200 } });
    const { bytes, at } = built;
    const entries = at.get("gopclntab")! + bytes.readUInt32LE(at.get("gopclntab")! + 56);
    expect(readCodeImage(sourceOf(bytes)).go).toBe(true);
    bytes.writeUInt32LE(1, entries + 16 + 4);
    expect(readCodeImage(sourceOf(bytes)).go).toBe(false);
  });

  it("names outside their tables are none", () => {
    const built = buildProgram(EVERYTHING);
    built.bytes.writeUInt32LE(0xffff_ffff, built.at.get("symtab")! + 2 * 24);
    const go = buildProgram(GO);
    go.bytes.writeBigUInt64LE(MAX64, go.at.get("gopclntab")! + 32);
    const [symbol, golang] = [
      readCodeImage(sourceOf(built.bytes)).functionAt(built.code + 0x300),
      readCodeImage(sourceOf(go.bytes)).functionAt(go.code + 0x100),
    ];
    expect([symbol?.end, symbol?.name]).toEqual([built.code + 0x340, undefined]);
    expect([golang?.end, golang?.name]).toEqual([go.code + 0x140, undefined]);
  });
});

describe("any damage to a file", () => {
  const SEED = 20_261_121;
  const originals = [
    EVERYTHING,
    { ...EVERYTHING, hash: "gnu", frameHeader: false } satisfies ProgramOptions,
    GO,
    { ...GO, sections: false },
  ].map((options) => buildProgram(options));

  /** Opening ends in an ElfError, or every answer is a piece of code that holds what was asked for. */
  function survives(bytes: Uint8Array): void {
    let image: CodeImage;
    try {
      image = readCodeImage(sourceOf(bytes));
    } catch (error) {
      if (error instanceof ElfError) return;
      throw error;
    }
    for (const { vaddr, size } of image.code) {
      for (let at = vaddr; at < vaddr + Math.min(size, CODE_SIZE); at += 0x40) {
        const found = image.functionAt(at);
        if (found === undefined) continue;
        expect(found.start >= vaddr && found.start <= at && at < found.end).toBe(true);
        expect(found.end).toBeLessThanOrEqual(vaddr + size);
        expect(found.name).not.toBe("");
      }
    }
  }

  it("is survived", () => {
    const values = [0n, 1n, 0xffn, 0xffffn, 0xffff_ffffn, 2n ** 32n, 2n ** 47n, 2n ** 53n, 2n ** 63n, MAX64];
    const value = fc.oneof(fc.constantFrom(...values), fc.bigInt(0n, 0x8000n), fc.bigInt(0n, MAX64));
    const change = fc.record({ where: fc.nat(0x7fff), value, size: fc.constantFrom(1, 2, 4, 8) });
    fc.assert(
      fc.property(
        fc.constantFrom(...originals),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        ({ bytes, at }, changes) => {
          const broken = Buffer.from(bytes);
          const parts = [0, 0x40, ...at.values()];
          for (const { where, value, size } of changes) {
            // Near the start of a part, which is where its fields are.
            const place = parts[where % parts.length]! + ((where >> 4) % 96);
            const number = Buffer.alloc(8);
            number.writeBigUInt64LE(value);
            broken.set(number.subarray(0, size), place - (place % size));
          }
          survives(broken);
        },
      ),
      { seed: SEED, numRuns: 2000 },
    );
  });

  it("by cutting it off is survived", () => {
    for (const { bytes } of originals) {
      for (let size = 0; size < CODE_OFFSET; size += 13) survives(bytes.subarray(0, size));
      for (let size = CODE_OFFSET; size < bytes.length; size += 97) survives(bytes.subarray(0, size));
    }
  });
});
