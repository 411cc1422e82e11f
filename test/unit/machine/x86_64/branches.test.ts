/**
 * Which branches lead into the middle of a patch site.
 */
import { describe, expect, it } from "vitest";
import { UnknownInstruction } from "../../../../src/machine/errors.ts";
import { branchesInto } from "../../../../src/machine/x86_64/branches.ts";
import { assembled } from "./prologues.ts";

const patched = { name: "patched", offset: 0x100, code: assembled("55 48 89 e5 41 54 75 f8 c3") };

describe("branchesInto", () => {
  it("finds a branch of the function itself, behind its own prologue", () => {
    // At 0x106, a jne of two bytes back by 8: to 0x100, the entry.
    expect(branchesInto([patched], 0x100, 0x106)).toEqual([]);
    const loops = { ...patched, code: assembled("55 48 89 e5 41 54 75 f9 c3") };
    expect(branchesInto([loops], 0x100, 0x106)).toEqual([
      { name: "patched", offset: 0x106, target: 0x101, isCall: false },
    ]);
  });

  it.each([
    ["jmp short", "eb fe"],
    ["jmp", "e9 fb ff ff ff"],
    ["jcc short", "7f fe"],
    ["jcc", "0f 84 fa ff ff ff"],
    ["call", "e8 fb ff ff ff"],
    ["loop", "e2 fe"],
    ["jrcxz", "e3 fe"],
    ["xbegin", "c7 f8 fa ff ff ff"],
  ])("sees %s from another function", (name, listing) => {
    // Each of them leads to itself; the range is placed where that is inside the patch site.
    const other = { name: "other", offset: 0x103, code: assembled(listing) };
    expect(branchesInto([patched, other], 0x100, 0x106)).toEqual([
      { name: "other", offset: 0x103, target: 0x103, isCall: name === "call" },
    ]);
  });

  it("counts neither the first byte nor the one behind the last", () => {
    const at = (offset: number) => [{ name: "self", offset, code: assembled("eb fe") }];
    expect(branchesInto(at(0x100), 0x100, 0x105)).toHaveLength(0);
    expect(branchesInto(at(0x101), 0x100, 0x105)).toHaveLength(1);
    expect(branchesInto(at(0x104), 0x100, 0x105)).toHaveLength(1);
    expect(branchesInto(at(0x105), 0x100, 0x105)).toHaveLength(0);
  });

  it.each([
    ["padding, over which an assembler has put a jump", "c3 eb 03 90 90 90", 0],
    ["such a jump that is gone to from before it", "55 eb 03 90 90 90", 1],
    ["a jump over something else", "c3 eb 03 90 55 90", 1],
    ["a jump over nothing", "c3 eb 00", 1],
    ["a call", "c3 e8 03 00 00 00 90 90 90", 1],
    ["the same at the very beginning", "eb 03 90 90 90", 1],
  ])("before a function's entry, %s", (_what, listing, count) => {
    const code = assembled(listing);
    const before = { name: "before", offset: 0x100 - code.length, code };
    expect(branchesInto([before], 0xff, 0x106)).toHaveLength(count);
  });

  it("reads a 32-bit program's instructions in their mode", () => {
    // push es and inc eax, which 64-bit mode has not.
    const code = assembled("06 40 eb fe");
    expect(branchesInto([{ name: "f", offset: 0, code }], 0, 5, 32)).toHaveLength(1);
  });

  it("refuses to judge code that it cannot read", () => {
    const strange = { name: "strange", offset: 0, code: assembled("90 06 90") };
    expect(() => branchesInto([strange], 0x100, 0x105)).toThrow(UnknownInstruction);
  });
});
