/**
 * Which branches lead into the middle of a patch site.
 */
import { describe, expect, it } from "vitest";
import { branchesInto } from "../../../../src/machine/x86_64/branches.ts";
import { UnknownInstruction } from "../../../../src/machine/x86_64/errors.ts";
import { assembled } from "./prologues.ts";

const patched = { name: "patched", offset: 0x100, code: assembled("55 48 89 e5 41 54 75 f8 c3") };

describe("branchesInto", () => {
  it("finds a branch of the function itself, behind its own prologue", () => {
    // At 0x106, a jne of two bytes back by 8: to 0x100, the entry.
    expect(branchesInto([patched], 0x100, 0x106)).toEqual([]);
    const loops = { ...patched, code: assembled("55 48 89 e5 41 54 75 f9 c3") };
    expect(branchesInto([loops], 0x100, 0x106)).toEqual([{ name: "patched", offset: 0x106, target: 0x101 }]);
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
  ])("sees %s from another function", (_name, listing) => {
    // Each of them leads to itself; the range is placed where that is inside the patch site.
    const other = { name: "other", offset: 0x103, code: assembled(listing) };
    expect(branchesInto([patched, other], 0x100, 0x106)).toEqual([
      { name: "other", offset: 0x103, target: 0x103 },
    ]);
  });

  it("counts neither the first byte nor the one behind the last", () => {
    const at = (offset: number) => [{ name: "self", offset, code: assembled("eb fe") }];
    expect(branchesInto(at(0x100), 0x100, 0x105)).toHaveLength(0);
    expect(branchesInto(at(0x101), 0x100, 0x105)).toHaveLength(1);
    expect(branchesInto(at(0x104), 0x100, 0x105)).toHaveLength(1);
    expect(branchesInto(at(0x105), 0x100, 0x105)).toHaveLength(0);
  });

  it("refuses to judge code that it cannot read", () => {
    const strange = { name: "strange", offset: 0, code: assembled("90 06 90") };
    expect(() => branchesInto([strange], 0x100, 0x105)).toThrow(UnknownInstruction);
  });
});
