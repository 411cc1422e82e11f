/** The bounds of functions that symbol tables tell. */
import { describe, expect, it } from "vitest";
import { readCodeImage } from "../../../src/elf/functions.ts";
import { buildProgram, type ProgramOptions, sourceOf } from "./build-program.ts";
import { open, relative, symbol } from "./opened.ts";

const FUNC = 2;
const IFUNC = 10;
const LOCAL = 0;
const WEAK = 2;

describe("symbols", () => {
  const symbols = [
    symbol("f", 0x100, 0x40),
    symbol("g", 0x140, 0x10, { binding: LOCAL }),
    symbol("chooser", 0x200, 0x80, { type: IFUNC }),
    symbol("data", 0x300, 0x80, { type: 1 }),
    symbol("label", 0x110, 0, { type: 0 }),
    symbol("undefined", 0x400, 0x10, { section: 0 }),
    symbol("absolute", 0x400, 0x10, { section: 0xfff1 }),
    symbol("outside", 0x5000, 0x10),
    symbol("too long", 0xff0, 0x20),
  ];

  it.each<[string, ProgramOptions]>([
    [".symtab", { symbols }],
    [".dynsym, counted by DT_HASH", { exports: symbols }],
    [".dynsym, counted by DT_GNU_HASH", { exports: symbols, hash: "gnu" }],
    [".dynsym, without section headers", { exports: symbols, sections: false }],
  ])("of %s", (_, options) => {
    const { at } = open(options);
    expect([0x100, 0x13f, 0x140, 0x150, 0x210].map(at)).toEqual([
      "100-140 f",
      "100-140 f",
      "140-150 g",
      undefined,
      "200-280 chooser",
    ]);
    expect([0x300, 0x400, 0xff8].map(at)).toEqual([undefined, undefined, undefined]);
  });

  it("that are inside another count for what they hold only", () => {
    const { at } = open({ symbols: [symbol("outer", 0x100, 0x100), symbol("inner", 0x140, 0x20)] });
    expect([0x13f, 0x140, 0x15f, 0x160, 0x1ff].map(at)).toEqual([
      "100-200 outer",
      "140-160 inner",
      "140-160 inner",
      "100-200 outer",
      "100-200 outer",
    ]);
  });

  it("that leave the code do not hide those that do not", () => {
    const { at } = open({ symbols: [symbol("f", 0xe00, 0x200), symbol("long", 0xf00, 0x200)] });
    expect(at(0xf80)).toBe("e00-1000 f");
  });

  it("of a file whose sections are too many for its header", () => {
    const { bytes, code, at } = buildProgram({ symbols });
    const headers = at.get("section headers")!;
    bytes.writeBigUInt64LE(BigInt(bytes.readUInt16LE(60)), headers + 32);
    bytes.writeUInt32LE(bytes.readUInt16LE(62), headers + 40);
    bytes.writeUInt16LE(0, 60);
    bytes.writeUInt16LE(0xffff, 62);
    expect(relative(readCodeImage(sourceOf(bytes)).functionAt(code + 0x100), code)).toBe("100-140 f");
  });

  it("without a size end where the next function begins, as .symtab or a frame tells", () => {
    const sizeless = symbol("bare", 0x100, 0);
    const all = [sizeless, symbol("next", 0x180, 0x20), symbol("label", 0x120, 0, { type: 0 })];
    expect(open({ symbols: all }).at(0x17f)).toBe("100-180 bare");
    expect(open({ symbols: [symbol("_bare", 0x100, 0), ...all] }).at(0x17f)).toBe("100-180 bare");
    expect(open({ symbols: [sizeless] }).at(0xfff)).toBe("100-1000 bare");
    const frames = [{ at: 0x160, size: 0x10 }];
    expect(open({ symbols: all, frames }).at(0x10f)).toBe("100-160 bare");
    expect(open({ symbols: all, frames }).at(0x170)).toBeUndefined();
  });

  it("without a size say nothing in .dynsym, which has not every function", () => {
    expect(
      open({ exports: [symbol("bare", 0x100, 0), symbol("next", 0x180, 0x20)] }).at(0x110),
    ).toBeUndefined();
  });

  it("of one place: the name that others may see, with the fewest underscores", () => {
    const aliases = [
      symbol("__f", 0x100, 0x10),
      symbol("f", 0x100, 0x10, { binding: WEAK }),
      symbol("_f", 0x100, 0x10),
      symbol("a", 0x100, 0x10, { binding: LOCAL, type: FUNC }),
    ];
    expect(open({ symbols: aliases }).at(0x100)).toBe("100-110 f");
    expect(open({ symbols: aliases.slice(3) }).at(0x100)).toBe("100-110 a");
  });
});
