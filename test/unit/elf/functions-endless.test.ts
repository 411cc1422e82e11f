/** No file can make anybody wait, or take much memory: sparse files can be as large as their headers say. */
import { describe, expect, it } from "vitest";
import { readCodeImage } from "../../../src/elf/functions.ts";
import { EVERYTHING, GO, segment, u32 } from "./breaks.ts";
import { buildProgram, CODE_SIZE, type ProgramOptions } from "./build-program.ts";

describe("a file that never ends", () => {
  /** What is behind the built file is `filler`, for ever; every segment and table may grow into it. */
  it.each([
    ["zeros", 0],
    ["ones", 0xff],
    ["odd numbers", 1],
  ])("in %s takes little memory and time", (_, filler) => {
    for (const options of [EVERYTHING, { ...EVERYTHING, hash: "gnu" } satisfies ProgramOptions, GO]) {
      for (const sections of [true, false]) {
        const built = buildProgram({ ...options, sections });
        const { bytes, at, code } = built;
        segment(0, 32, 0x7fff_0000_0000n)(built);
        segment(0, 40, 0x7fff_0000_0000n)(built);
        segment(1, 16, 0x7fff_0000_0000n)(built);
        if (at.has("hash")) bytes.fill(filler, at.get("hash"), at.get("hash")! + 12);
        if (!sections && at.has("gopclntab"))
          bytes.fill(filler, at.get("gopclntab"), at.get("gopclntab")! + 8);
        const { source, read } = endless(bytes, filler);
        const image = readCodeImage(source);
        for (let offset = 0; offset < CODE_SIZE; offset += 0x40) {
          image.functionAt(code + offset)?.name;
          image.functionAt(0x7fff_0000_0000 + offset)?.name;
        }
        expect(read.largest).toBeLessThanOrEqual(2 ** 26);
        expect(read.count).toBeLessThan(10_000);
      }
    }
  });

  it.each([
    ["60,000 sections", 60_000, 0n],
    ["a million sections", 0, 2n ** 20n],
  ])("with %s whose names are all one of a MiB takes little, too", (_, count, size) => {
    const { bytes, at } = buildProgram({ symbols: [] });
    const headers = at.get("section headers")!;
    bytes.writeUInt16LE(count, 60);
    bytes.writeUInt16LE(1, 62);
    bytes.writeBigUInt64LE(size, headers + 32);
    const namesAt = 2 ** 40;
    bytes.writeBigUInt64LE(BigInt(namesAt), headers + 64 + 24);
    bytes.writeBigUInt64LE(2n ** 20n, headers + 64 + 32);
    const names = new Uint8Array(2 ** 20).fill(0x61, 0, -1);
    const { source, read } = endless(bytes, 0);
    const image = readCodeImage((offset, length) => (offset === namesAt ? names : source(offset, length)));
    expect(image.go).toBe(false);
    expect(read.largest).toBeLessThan(2 ** 22);
    expect(process.memoryUsage().heapUsed).toBeLessThan(2 ** 29);
  });

  it("whose last hash chain never ends takes little, too", () => {
    const built = buildProgram({ ...EVERYTHING, hash: "gnu" });
    segment(0, 32, 0x7fff_0000_0000n)(built);
    segment(0, 40, 0x7fff_0000_0000n)(built);
    segment(1, 16, 0x7fff_0000_0000n)(built);
    // A bloom filter so large that buckets and chains are behind the file's own bytes.
    u32("hash", 4, 0)(built);
    u32("hash", 8, 2 ** 20)(built);
    const { source, read } = endless(built.bytes, 0);
    expect(readCodeImage(source).functionAt(0x7fff_0000_0400)).toBeUndefined();
    expect(read.count).toBeGreaterThan(1000);
    expect(read.count).toBeLessThan(10_000);
  });

  function endless(bytes: Uint8Array, filler: number) {
    const read = { largest: 0, count: 0 };
    const behind = new Uint8Array(2 ** 26).fill(filler);
    const source = (offset: number, length: number) => {
      read.count++;
      read.largest = Math.max(read.largest, length);
      if (offset >= bytes.length) return behind.subarray(0, length);
      if (offset + length <= bytes.length) return bytes.subarray(offset, offset + length);
      const both = new Uint8Array(length).fill(filler);
      both.set(bytes.subarray(offset));
      return both;
    };
    return { source, read };
  }
});
