/** What lies around an address that no table knows. */
import { describe, expect, it } from "vitest";
import { readCodeImage } from "../../../src/elf/functions.ts";
import { buildProgram, CODE_SIZE, type ProgramOptions, sourceOf } from "./build-program.ts";
import { symbol } from "./opened.ts";

describe("a gap", () => {
  /** "start-end", in hexadecimal offsets of the code. */
  function gapsOf(options: ProgramOptions, entry?: number) {
    const built = buildProgram(options);
    if (entry !== undefined) built.bytes.writeBigUInt64LE(BigInt(built.code + entry), 24);
    const image = readCodeImage(sourceOf(built.bytes));
    return (offset: number) => {
      const gap = image.gapAt(built.code + offset);
      return gap && `${(gap.start - built.code).toString(16)}-${(gap.end - built.code).toString(16)}`;
    };
  }

  it("goes from where a function ends to where the next one begins, whoever tells it", () => {
    const gap = gapsOf({
      frames: [{ at: 0x100, size: 0x40 }],
      symbols: [symbol("f", 0x200, 0x40)],
      exports: [symbol("g", 0x300, 0x40)],
    });
    expect([0x140, 0x1ff, 0x240, 0x2f0].map(gap)).toEqual(["140-200", "140-200", "240-300", "240-300"]);
    expect([0x100, 0x200, 0x33f].map(gap)).toEqual([undefined, undefined, undefined]);
  });

  it("goes to the end of the code behind the last function, and begins nowhere before the first", () => {
    const gap = gapsOf({ frames: [{ at: 0x100, size: 0x40 }] });
    expect([0xff, 0x800].map(gap)).toEqual([undefined, "140-1000"]);
    expect([-1, CODE_SIZE, Number.NaN].map(gap)).toEqual([undefined, undefined, undefined]);
  });

  it("may begin where the section does, and ends there", () => {
    const gap = gapsOf({ frames: [{ at: 0x100, size: 0x40 }], text: { at: 0x40, size: 0x800 } });
    expect([0x3f, 0x40, 0xff, 0x83f, 0x840].map(gap)).toEqual([
      undefined,
      "40-100",
      "40-100",
      "140-840",
      // Behind it there are constants, as in old libraries and in those of arm64.
      undefined,
    ]);
  });

  it("may begin at the program's entry", () => {
    const gap = gapsOf({ type: 2, sections: false }, 0x80);
    expect([0x7f, 0x80, 0xfff].map(gap)).toEqual([undefined, "80-1000", "80-1000"]);
  });

  it("may be a function without a size, or what follows one that is inside another", () => {
    const gap = gapsOf({
      exports: [
        symbol("outer", 0x100, 0x100),
        symbol("inner", 0x140, 0x10),
        symbol("bare", 0x300, 0),
        symbol("next", 0x400, 0x10),
      ],
    });
    expect([0x180, 0x250, 0x350].map(gap)).toEqual([undefined, "200-300", "300-400"]);
  });

  it("may be before or behind Go's functions, and is never among them", () => {
    const functions = [
      { name: "a.a", at: 0x100 },
      { name: "b.b", at: 0x180 },
    ];
    const gap = gapsOf({ go: { magic: 0xfffffff1, functions, end: 0x200 }, text: { at: 0, size: 0x800 } });
    expect([0xff, 0x100, 0x200].map(gap)).toEqual(["0-100", undefined, "200-800"]);
  });

  it("is not told where a description is malformed, or one of a signal's return", () => {
    const gap = gapsOf({
      frames: [
        { at: 0x100, size: 0x40, encoding: 0x50 },
        { at: 0x200, size: 0x40, augmentation: "zRS" },
      ],
      text: { at: 0, size: CODE_SIZE },
    });
    expect([0x120, 0x180, 0x210, 0x240].map(gap)).toEqual([undefined, undefined, undefined, "240-1000"]);
  });
});
