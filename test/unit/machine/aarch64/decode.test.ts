/**
 * What is known of instructions: where they lead, and what they refer to; and branches over a whole image.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { branchesInto } from "../../../../src/machine/aarch64/branches.ts";
import { decode, decodeIfKnown, type Flow } from "../../../../src/machine/aarch64/decode.ts";
import { UnknownInstruction } from "../../../../src/machine/errors.ts";
import { machineOf } from "../../../../src/machine/machine.ts";
import { words } from "./prologues.ts";

const NOP = "d503201f";

/** Of one instruction at offset 4. */
function read(word: string) {
  return decode(words(`${NOP} ${word}`), 4);
}

it.each<[string, string, Flow, number | undefined]>([
  ["b .+8", "14000002", "jump", 12],
  ["b .-4", "17ffffff", "jump", 0],
  ["bl .+8", "94000002", "call", 12],
  ["b.ne .+8", "54000041", "conditional", 12],
  ["bc.eq .-4", "54fffff0", "conditional", 0],
  ["cbz w0, .+8", "34000040", "conditional", 12],
  ["cbnz x0, .-1 MiB", "b5800000", "conditional", 4 - (1 << 20)],
  ["tbz w0, #31, .+8", "36f80040", "conditional", 12],
  ["tbnz x0, #32, .-32 KiB", "b7040000", "conditional", 4 - (32 << 10)],
  ["br x16", "d61f0200", "indirect", undefined],
  ["blr x16", "d63f0200", "call", undefined],
  ["ret", "d65f03c0", "return", undefined],
  ["retab", "d65f0fff", "return", undefined],
  ["svc #0", "d4000001", "syscall", undefined],
  ["brk #1", "d4200020", "trap", undefined],
  ["udf #0", "00000000", "stop", undefined],
  ["bti c", "d503245f", "next", undefined],
  ["isb", "d5033fdf", "next", undefined],
  ["mrs x0, cntvct_el0", "d53be040", "next", undefined],
  ["stp x29, x30, [sp, #-16]!", "a9bf7bfd", "next", undefined],
  ["fmadd d0, d1, d2, d3", "1f420c20", "next", undefined],
])("%s", (_, word, flow, target) => {
  expect(read(word)).toMatchObject({ offset: 4, word: Number.parseInt(word, 16), flow, target });
});

it.each([
  ["adr x0, .+1", "30000000", { kind: "adr", distance: 1n }],
  ["adr x0, .-1 MiB", "10800000", { kind: "adr", distance: -(1n << 20n) }],
  ["adrp x0, the next page", "b0000000", { kind: "adrp", distance: 1n }],
  ["adrp x0, the page before", "f0ffffe0", { kind: "adrp", distance: -1n }],
  ["ldr x0, .+8", "58000040", { kind: "literal", distance: 8n }],
  ["ldrsw x0, .-4", "98ffffe0", { kind: "literal", distance: -4n }],
  ["ldr q0, .+8", "9c000040", { kind: "literal", distance: 8n }],
  ["tbz w0, #0, .+8", "36000040", { kind: "branch", distance: 8n, bits: 14 }],
  ["b .", "14000000", { kind: "branch", distance: 0n, bits: 26 }],
  ["ldr x0, [x1]", "f9400020", undefined],
  ["add x0, x1, #1", "91000420", undefined],
])("%s refers to that", (_, word, reference) => {
  expect(read(word).reference).toEqual(reference);
});

it.each([
  ["ld64b, which sets eight registers", "f83fd000"],
  ["ldr of a literal, size 3 of vectors", "dc000000"],
  ["ldpsw that is not temporal", "68400000"],
  ["movn of 32 bits, shifted by 32", "12c00000"],
  ["the missing opcode of move wide", "32800000"],
  ["and of an immediate that is all ones", "1200fc00"],
  ["add of a shift by 3", "0bc00000"],
  ["extr of 32 bits by 32", "13808000"],
  ["crc32x by a word", "1ac04c00"],
  ["ldapr with a size that is not there", "f8bfe000"],
])("refuses %s", (_, word) => {
  expect(() => read(word)).toThrow(UnknownInstruction);
  expect(decodeIfKnown(words(word), 0)).toBeUndefined();
});

it("ends where the bytes end", () => {
  expect(() => decode(words(NOP), 4)).toThrow("the bytes end within the instruction");
  expect(() => decode(words(NOP).subarray(0, 3), 0)).toThrow("the bytes end within the instruction");
  expect(decodeIfKnown(words(NOP).subarray(0, 3), 0)).toBeUndefined();
  expect(decodeIfKnown(words(NOP), 4)).toBeUndefined();
});

it("takes any word for one instruction, or for none", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (code) => {
      const instruction = decodeIfKnown(code, 0);
      const [line, ...more] = machineOf("aarch64").disassemble(code, 0n);
      expect(more).toEqual([]);
      expect(line!.bytes).toEqual(code);
      if (instruction === undefined) expect(line!.text).toMatch(/^\.inst 0x[0-9a-f]{8}$/);
      else if (instruction.target !== undefined) expect(instruction.reference?.kind).toBe("branch");
    }),
    { numRuns: 5_000, seed: 3 },
  );
});

describe("branches into a site", () => {
  // b 12; nop; bl 12; cbz x0, 0; tbz w1, #3, 4; a constant that looks like b.eq 12; nop
  const code = words(`14000003 ${NOP} 94000001 b4ffffa0 361fffa1 54ffffc0 ${NOP}`);
  const ranges = [
    { name: "first", offset: 0x100, code },
    { name: "second", offset: 0x200, code: words("17ffffc2") }, // b 0x108
  ];

  it("are those that lead between its ends", () => {
    const found = branchesInto(ranges, 0x100, 0x110);
    expect(found.map(({ name, offset, target }) => [name, offset, target])).toEqual([
      ["first", 0x100, 0x10c],
      ["first", 0x108, 0x10c],
      ["first", 0x110, 0x104],
      ["first", 0x114, 0x10c],
      ["second", 0x200, 0x108],
    ]);
  });

  it("are not those to its ends", () => {
    expect(branchesInto(ranges, 0x108, 0x10c)).toEqual([]);
    expect(branchesInto(ranges, 0x107, 0x10c).map(({ name }) => name)).toEqual(["second"]);
  });

  it("are found past words that are none, and not in a rest of less than a word", () => {
    const odd = Uint8Array.from([...words("ffffffff 17ffffff"), 0x01, 0x00, 0x00]);
    const found = branchesInto([{ name: "odd", offset: 0, code: odd }], -1, 8);
    expect(found.map(({ offset, target }) => [offset, target])).toEqual([[4, 0]]);
  });
});
