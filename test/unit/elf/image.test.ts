import { describe, expect, it } from "vitest";
import { findFunction, identify, parseImage } from "../../../src/elf/image.ts";
import { buildImage, OLD_KERNEL_BIAS, writeSegment } from "./build-image.ts";

describe("parseImage", () => {
  const tables = [
    { sysvHash: true, gnuHash: false },
    { sysvHash: false, gnuHash: true },
    { sysvHash: true, gnuHash: true },
  ];
  const biases = [0n, 0x1000n, 0x7fff_0000_0000n, 2n ** 63n, OLD_KERNEL_BIAS];
  const cases = tables.flatMap((table) => biases.map((bias) => ({ ...table, bias })));

  it.each(cases)("reads every symbol: DT_HASH $sysvHash, DT_GNU_HASH $gnuHash, bias $bias", (options) => {
    const { bytes, at, symbols } = buildImage(options);
    const image = parseImage(bytes);
    expect(image).toMatchObject({ class: 64, byteOrder: "little", machine: "x86_64", type: "dyn" });
    expect(image.loadBias).toBe(options.bias);
    expect(image.soname).toBe("linux-vdso.so.1");
    expect(image.tail).toEqual({ start: at.end, end: bytes.length });
    expect(image.text).toEqual({ start: 0, end: at.end });

    // The version's name is absolute: it has no place in the image.
    const expected = symbols.filter((symbol) => symbol.name !== "LINUX_2.6");
    expect([...image.symbols.values()].map(({ name, offset, size }) => ({ name, offset, size }))).toEqual(
      expected,
    );
  });

  const narrow = tables.flatMap((table) =>
    [0n, 0x1000n, 0xffff_e000n].map((bias) => ({ ...table, bias, bits: 32 as const })),
  );

  it.each(narrow)(
    "reads a 32-bit program's: DT_HASH $sysvHash, DT_GNU_HASH $gnuHash, bias $bias",
    (options) => {
      const { bytes, at, symbols } = buildImage(options);
      const image = parseImage(bytes);
      expect(image).toMatchObject({ class: 32, byteOrder: "little", machine: "i386", type: "dyn" });
      expect(image.loadBias).toBe(options.bias);
      expect(image.soname).toBe("linux-vdso.so.1");
      expect(image.tail).toEqual({ start: at.end, end: bytes.length });
      expect(image.text).toEqual({ start: 0, end: at.end });
      const expected = symbols.filter((symbol) => symbol.name !== "LINUX_2.6");
      expect([...image.symbols.values()].map(({ name, offset, size }) => ({ name, offset, size }))).toEqual(
        expected,
      );
      expect(findFunction(image, ["__vdso_time"])).toMatchObject({ type: "func", binding: "global" });
    },
  );

  it.each<[32 | 64, number, number, number]>([
    [32, 32, 48, 40],
    [64, 40, 60, 64],
  ])("knows what is behind the section headers of %i-bit images", (bits, shoff, shnum, size) => {
    const { bytes, at } = buildImage({ bits });
    expect(parseImage(bytes).padding, "headers outside").toEqual({ start: 8192, end: 8192 });
    bytes.fill(0, shoff, shoff + bits / 8);
    bytes.writeUInt32LE(at.end + 8, shoff);
    bytes.writeUInt16LE(3, shnum);
    expect(parseImage(bytes).padding).toEqual({ start: at.end + 8 + 3 * size, end: 8192 });
    bytes.fill(0, shoff, shoff + bits / 8);
    bytes.writeUInt16LE(0, shnum);
    expect(parseImage(bytes).padding, "no headers").toEqual({ start: at.end, end: 8192 });
  });

  it("keeps type, binding and section", () => {
    const { bytes } = buildImage({
      symbols: [
        { name: "f", binding: 2 },
        { name: "o", type: 1, binding: 0, section: 3 },
        { name: "x", type: 10, binding: 10 },
      ],
    });
    const { symbols } = parseImage(bytes);
    expect(symbols.get("f")).toMatchObject({ type: "func", binding: "weak", section: 12 });
    expect(symbols.get("o")).toMatchObject({ type: "object", binding: "local", section: 3 });
    expect(symbols.get("x")).toMatchObject({ type: "type 10", binding: "binding 10" });
  });

  it("reads images without symbols or soname", () => {
    const image = parseImage(buildImage({ symbols: [], gnuHash: false, soname: undefined }).bytes);
    expect(image.symbols.size).toBe(0);
    expect(image.soname).toBeUndefined();
  });

  it("ignores a DT_GNU_HASH that hashes nothing if DT_HASH counts", () => {
    const { bytes, at, symbols } = buildImage();
    bytes.fill(0, at.gnu + 24, at.gnu + 24 + 12);
    expect(parseImage(bytes).symbols.size).toBe(symbols.length - 1);
  });

  it("reads from a view into a larger buffer", () => {
    const { bytes, symbols } = buildImage();
    const larger = new Uint8Array(bytes.length + 100).fill(0xff);
    larger.set(bytes, 37);
    expect(parseImage(larger.subarray(37, 37 + bytes.length)).symbols.size).toBe(symbols.length - 1);
  });

  it("does not change the bytes", () => {
    const { bytes } = buildImage();
    const copy = Buffer.from(bytes);
    parseImage(bytes);
    expect(bytes.equals(copy)).toBe(true);
  });

  it("tells no text when there is not exactly one executable PT_LOAD", () => {
    const { bytes, at } = buildImage();
    bytes.writeUInt32LE(4, at.load + 4);
    expect(parseImage(bytes).text).toBeUndefined();
  });

  it("starts the tail after the last of several PT_LOADs", () => {
    const { bytes, at } = buildImage();
    // A third header does not fit where the two are: the table moves into the last page.
    const table = 4096;
    bytes.writeBigUInt64LE(BigInt(table), 32);
    bytes.writeUInt16LE(3, 56);
    writeSegment(bytes, table, { type: 1, flags: 5, offset: 0, vaddr: 0n, size: at.end });
    writeSegment(bytes, table + 56, { type: 1, flags: 6, offset: table, vaddr: BigInt(table), size: 500 });
    bytes.copy(bytes, table + 112, at.dynamicHeader, at.dynamicHeader + 56);

    const image = parseImage(bytes);
    expect(image.tail).toEqual({ start: table + 500, end: 8192 });
    expect(image.text).toEqual({ start: 0, end: at.end });
    expect(image.segments.map(({ type, executable, writable }) => [type, executable, writable])).toEqual([
      ["load", true, false],
      ["load", false, true],
      ["dynamic", false, false],
    ]);
  });
});

describe("findFunction", () => {
  const image = parseImage(
    buildImage({
      symbols: [
        { name: "__vdso_time" },
        { name: "time", binding: 2 },
        { name: "untyped", type: 0 },
        { name: "local", binding: 0 },
        { name: "data", type: 1 },
        { name: "in_tail", offset: 8000 },
      ],
    }).bytes,
  );

  it("takes the first name that the image exports", () => {
    expect(findFunction(image, ["__vdso_time", "time"])?.name).toBe("__vdso_time");
    expect(findFunction(image, ["__kernel_time", "time"])?.name).toBe("time");
    expect(findFunction(image, ["untyped"])?.type).toBe("notype");
  });

  it.each(["missing", "local", "data", "in_tail", "constructor"])("does not take %s", (name) => {
    expect(findFunction(image, [name])).toBeUndefined();
  });
});

describe("identify", () => {
  it("knows a 64-bit image", () => {
    expect(identify(buildImage({ machine: 183 }).bytes)).toEqual({
      class: 64,
      byteOrder: "little",
      machine: "aarch64",
      type: "dyn",
    });
  });

  it.each([
    [3, "i386"],
    [40, "arm"],
    [62, "x86_64"],
    [243, "machine 243"],
  ])("knows a 32-bit image of machine %i", (machine, name) => {
    const header = Buffer.alloc(52);
    header.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
    header.writeUInt16LE(3, 16);
    header.writeUInt16LE(machine, 18);
    expect(identify(header)).toEqual({ class: 32, byteOrder: "little", machine: name, type: "dyn" });
  });

  it("knows a big-endian image, and a type without a name", () => {
    const header = Buffer.alloc(64);
    header.set([0x7f, 0x45, 0x4c, 0x46, 2, 2, 1]);
    header.writeUInt16BE(0xfe00, 16);
    header.writeUInt16BE(21, 18);
    expect(identify(header)).toEqual({ class: 64, byteOrder: "big", machine: "ppc64", type: "type 65024" });
  });
});
