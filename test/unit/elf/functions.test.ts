/** The bounds of functions in built files: what an image is, its frame descriptions, and several tables together. */
import { describe, expect, it } from "vitest";
import type { CodeImage } from "../../../src/elf/functions.ts";
import { CODE_OFFSET, CODE_SIZE, type ProgramOptions } from "./build-program.ts";
import type { BuildGo } from "./build-tables.ts";
import { open, symbol } from "./opened.ts";

describe("an image", () => {
  const facts = ({ machine, fixed, dynamic, go }: CodeImage) => ({ machine, fixed, dynamic, go });

  it.each<[string, ProgramOptions, object]>([
    ["a static executable", { type: 2 }, { fixed: true, dynamic: false }],
    ["a static PIE", { exports: [] }, { fixed: false, dynamic: false }],
    ["a program with a loader", { interpreter: true }, { fixed: false, dynamic: true }],
    ["a library that needs others", { needed: 2 }, { fixed: false, dynamic: true }],
  ])("of %s", (_, options, expected) => {
    expect(facts(open(options).image)).toEqual({ machine: "x86_64", go: false, ...expected });
  });

  it("lists code, and gives its bytes, and no others", () => {
    const { image, built } = open({});
    expect(image.code).toEqual([{ vaddr: built.code, offset: CODE_OFFSET, size: CODE_SIZE }]);
    built.bytes.set([0x0f, 0x05], CODE_OFFSET + 0x20);
    expect(Buffer.from(image.bytes(built.code + 0x20, 2)!).toString("hex")).toBe("0f05");
    expect(image.bytes(built.code, CODE_SIZE)).toHaveLength(CODE_SIZE);
    expect(image.bytes(built.code, CODE_SIZE + 1)).toBeUndefined();
    expect(image.bytes(built.code - 1, 2)).toBeUndefined();
    expect(image.bytes(built.code + CODE_SIZE, 1)).toBeUndefined();
    expect(image.bytes(0, 16)).toBeUndefined();
  });

  it("knows nothing of what is no code, and no address", () => {
    const { image, built } = open({ symbols: [symbol("f", 0, CODE_SIZE)] });
    expect(image.functionAt(built.code)).toBeDefined();
    for (const address of [0, built.code - 1, built.code + CODE_SIZE, -1, 0.5, Number.NaN, Infinity, 2 ** 60])
      expect(image.functionAt(address)).toBeUndefined();
  });
});

describe("frame descriptions", () => {
  const frames = [
    { at: 0x100, size: 0x40 },
    { at: 0x140, size: 0x10 },
    { at: 0x200, size: 0x80 },
  ];

  it.each([
    ["by their header", true],
    ["by their section, where there is no header", false],
  ])("%s", (_, frameHeader) => {
    const { at } = open({ frames, frameHeader });
    expect([0xff, 0x100, 0x13f, 0x140, 0x14f].map(at)).toEqual([
      undefined,
      "100-140",
      "100-140",
      "140-150",
      "140-150",
    ]);
    expect([0x150, 0x1ff, 0x200, 0x27f, 0x280].map(at)).toEqual([
      undefined,
      undefined,
      "200-280",
      "200-280",
      undefined,
    ]);
  });

  it("are sorted if only their section is there", () => {
    const { at } = open({ frames: frames.toReversed(), frameHeader: false });
    expect([0x100, 0x140, 0x200].map(at)).toEqual(["100-140", "140-150", "200-280"]);
  });

  it.each([
    ["pcrel | sdata4", 0x1b],
    ["pcrel | udata4", 0x13],
    ["pcrel | sdata8", 0x1c],
    ["absptr", 0x00],
    ["udata4", 0x03],
    ["sdata4", 0x0b],
    ["udata8", 0x04],
  ])("whose addresses are %s", (_, encoding) => {
    // Below the code, so that pcrel is positive as an unsigned value, too.
    for (const frameHeader of [true, false]) {
      expect(open({ frames: [{ at: 0x100, size: 0x40, encoding }], frameHeader }).at(0x120)).toBe("100-140");
    }
  });

  it.each([
    ["datarel", 0x3b],
    ["aligned", 0x50],
    ["indirect", 0x9b],
    ["uleb128", 0x01],
    ["omitted", 0xff],
  ])("whose addresses are %s are not believed", (_, encoding) => {
    for (const frameHeader of [true, false]) {
      expect(open({ frames: [{ at: 0x100, size: 0x40, encoding }], frameHeader }).at(0x120)).toBeUndefined();
    }
  });

  it.each(["zPLR", "zPR", "zRL", "zRB"])("of a CIE with the augmentation %s", (augmentation) => {
    expect(open({ frames: [{ at: 0x100, size: 0x40, augmentation }] }).at(0x120)).toBe("100-140");
  });

  it("of a CIE without an augmentation have plain addresses", () => {
    const { at } = open({ frames: [{ at: 0x100, size: 0x40, augmentation: "", encoding: 0 }] });
    expect(at(0x120)).toBe("100-140");
  });

  it.each(["eh", "R", "zR?", "zX"])("of a CIE with the augmentation %s are not believed", (augmentation) => {
    for (const encoding of [0, 0x1b]) {
      const { at } = open({ frames: [{ at: 0x100, size: 0x40, augmentation, encoding }] });
      expect(at(0x120)).toBeUndefined();
    }
  });

  it("of a signal's return begin a byte early, and are left to the symbols", () => {
    const frame = { at: 0xff, size: 0x11, augmentation: "zRS" };
    expect(open({ frames: [frame] }).at(0x100)).toBeUndefined();
    expect(open({ frames: [frame], symbols: [symbol("restore", 0x100, 0)] }).at(0x107)).toBe(
      "100-1000 restore",
    );
  });
});

describe("several tables", () => {
  it("frames decide before symbols, which name them", () => {
    const { at } = open({
      frames: [
        { at: 0x100, size: 0x20 },
        { at: 0x140, size: 0x20 },
      ],
      symbols: [symbol("clone", 0x100, 0x60)],
      exports: [symbol("__clone", 0x100, 0x60)],
    });
    expect([0x110, 0x130, 0x150].map(at)).toEqual(["100-120 clone", "100-160 clone", "140-160 clone"]);
  });

  it("what .symtab does not know .dynsym may", () => {
    const { at } = open({ symbols: [symbol("f", 0x100, 0x20)], exports: [symbol("g", 0x200, 0x20)] });
    expect([0x100, 0x200].map(at)).toEqual(["100-120 f", "200-220 g"]);
  });

  it("a Go function's table decides before both", () => {
    const go: BuildGo = { magic: 0xfffffff1, functions: [{ name: "main.main", at: 0x100 }], end: 0x200 };
    const frames = [
      { at: 0x100, size: 0x10 },
      { at: 0x200, size: 0x10 },
    ];
    const { at } = open({ go, frames, symbols: [symbol("main", 0x100, 8), symbol("c", 0x200, 8)] });
    expect([0x100, 0x1ff, 0x200].map(at)).toEqual(["100-200 main.main", "100-200 main.main", "200-210 c"]);
  });
});

describe("reading", () => {
  const options: ProgramOptions = {
    frames: Array.from({ length: 100 }, (_, index) => ({ at: 16 * index, size: 16 })),
    symbols: Array.from({ length: 100 }, (_, index) => symbol(`f${index}`, 16 * index, 16)),
  };

  it("takes the headers only, until something is asked", () => {
    const { reads } = open(options);
    expect(reads).toEqual([
      [0, 64],
      [64, 56 * 3],
    ]);
  });

  it("takes a table once, a description for each question, and symbols for names", () => {
    const { at, image, built, reads } = open(options);
    const overlaps = (name: string, size: number) =>
      reads.filter(([offset, length]) => {
        const part = built.at.get(name)!;
        return offset < part + size && part < offset + length;
      }).length;
    image.functionAt(built.code);
    image.functionAt(built.code + 0x100);
    expect(overlaps("eh_frame_hdr", 12)).toBe(1);
    expect(overlaps("symtab", 24)).toBe(0);
    expect(overlaps("eh_frame", 100 * 44)).toBeLessThan(8);
    expect([at(0), at(0x100)]).toEqual(["0-10 f0", "100-110 f16"]);
    expect(overlaps("symtab", 24)).toBe(1);
  });
});
