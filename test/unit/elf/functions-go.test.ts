/** The bounds of functions that Go's function table tells. */
import { describe, expect, it } from "vitest";
import { readCodeImage } from "../../../src/elf/functions.ts";
import { writeSegment } from "./build-image.ts";
import { buildProgram, sourceOf } from "./build-program.ts";
import type { BuildGo } from "./build-tables.ts";
import { open, relative } from "./opened.ts";

describe("Go's function table", () => {
  const functions = [
    { name: "internal/cpu.Initialize", at: 0x40 },
    { name: "main.(*T).µs", at: 0x100 },
    { name: "main.main", at: 0x140 },
  ];
  const latin1 = functions.map(({ name, at }) => ({ name: Buffer.from(name).toString("latin1"), at }));
  const table = (magic: number, text: BuildGo["text"] = "table"): BuildGo => ({
    magic,
    text,
    functions: latin1,
    end: 0x180,
  });
  const expected = [
    undefined,
    "40-100 internal/cpu.Initialize",
    "100-140 main.(*T).µs",
    "140-180 main.main",
    undefined,
  ];
  const PLACES = [0x3f, 0x40, 0x100, 0x17f, 0x180];

  it.each([
    ["1.2", 0xfffffffb],
    ["1.16", 0xfffffffa],
    ["1.18", 0xfffffff0],
    ["1.20", 0xfffffff1],
  ])("of Go %s, by its section and by its magic", (_, magic) => {
    for (const sections of [true, false]) {
      const { image, at } = open({ type: 2, go: table(magic), sections });
      expect(image.go).toBe(true);
      expect(PLACES.map(at)).toEqual(expected);
    }
  });

  it.each<BuildGo["text"]>(["relocation", "module", "relocated module"])(
    "whose text is told by: %s",
    (text) => {
      const { image, at } = open({ go: table(0xfffffff1, text) });
      expect(image.go).toBe(true);
      expect(PLACES.map(at)).toEqual(expected);
    },
  );

  it("is found by its magic wherever it begins", () => {
    const { bytes, code, at } = buildProgram({ go: table(0xfffffff1), sections: false });
    const from = at.get("gopclntab")!;
    const part = Buffer.from(bytes.subarray(from, from + 0x200));
    bytes.fill(0, from, from + 8);
    // A segment of its own, in which four bytes of the magic belong to another MiB than the rest.
    const [offset, before] = [0x1_0004, 2 ** 20 - 4];
    const larger = Buffer.concat([bytes, Buffer.alloc(2 ** 21)]);
    part.copy(larger, offset + before);
    const count = larger.readUInt16LE(56);
    larger.writeUInt16LE(count + 1, 56);
    const segment = { type: 1, flags: 4, offset, vaddr: BigInt(0x10_0000 + offset), size: before + 0x200 };
    writeSegment(larger, 64 + 56 * count, segment);
    const image = readCodeImage(sourceOf(larger));
    expect(PLACES.map((place) => relative(image.functionAt(code + place), code))).toEqual(expected);
  });

  it("is not searched for in a file that the Go linker has not made", () => {
    const { built } = open({ go: table(0xfffffff1), sections: false });
    built.bytes.fill(0, built.at.get("note")!, built.at.get("note")! + 24);
    const reads: [number, number][] = [];
    expect(readCodeImage(sourceOf(built.bytes, reads)).go).toBe(false);
    expect(Math.max(...reads.map(([, length]) => length))).toBeLessThan(1000);
  });
});
