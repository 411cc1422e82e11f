/**
 * The relocator on the prologues of the vDSOs that 32-bit programs have, bytes in and bytes out, and on what only 32-bit
 * mode has. (What it has in common with 64-bit mode: ../x86_64/relocate.test.ts.)
 */
import { describe, expect, it } from "vitest";
import { address } from "../../../../src/machine/address.ts";
import { RelocationError } from "../../../../src/machine/errors.ts";
import { JUMP_LENGTH } from "../../../../src/machine/i386/encode.ts";
import { I386 } from "../../../../src/machine/i386/machine.ts";
import { relocatePrologue } from "../../../../src/machine/i386/relocate.ts";
import { assembled, hex, meanings } from "../x86_64/prologues.ts";
import { IMAGE, TRAMPOLINE } from "./prologues.ts";
import { PROLOGUES as OLDER } from "./prologues-4.15-to-5.4.ts";
import { PROLOGUES as NEWER } from "./prologues-5.10-to-7.2.ts";

const FROM = address(IMAGE);
const TO = address(TRAMPOLINE);
const THUNK_EBX = "8b 1c 24 c3";

describe("the prologues of real kernels", () => {
  it.each([...OLDER, ...NEWER])("$name", (prologue) => {
    const { offset, prologueLength, code: listing, thunk, trampoline, map } = prologue;
    const code = assembled(listing);
    const whole = Uint8Array.from([...code, 0x90, 0xcc]);
    const from = address(IMAGE + BigInt(offset));
    const moved = relocatePrologue(whole, from, TO, JUMP_LENGTH, (at, length) => {
      expect(at).toBe(IMAGE + BigInt(thunk!.offset));
      return assembled(thunk!.code).subarray(0, length);
    });
    expect(moved.prologueLength).toBe(prologueLength);
    expect(hex(moved.bytes)).toBe(hex(assembled(trampoline)));
    expect(moved.map.map(({ from, to }) => [from, to])).toEqual(map);
    expect(moved.jumpBack).toBe(moved.bytes.length - JUMP_LENGTH);
    expect(I386.disassemble(code, from).map(({ text }) => text)).toEqual(meanings(listing));
    expect(I386.disassemble(moved.bytes, TO).map(({ text }) => text)).toEqual(meanings(trampoline));
    if (thunk === undefined) return;
    const texts = I386.disassemble(assembled(thunk.code), IMAGE + BigInt(thunk.offset));
    expect(texts.map(({ text }) => text)).toEqual(meanings(thunk.code));
  });
});

describe("a call at the entry", () => {
  const CALL = "55 e8 fa 00 00 00 90 c3";

  it("of a PC thunk leaves the address behind it, as it stood", () => {
    const moved = relocatePrologue(assembled(CALL), FROM, TO, 5, () => assembled(THUNK_EBX));
    // push ebp; mov ebx, 0xf7fc1006; jmp 0xf7fc1006
    expect(hex(moved.bytes)).toBe(hex(assembled("55 bb 06 10 fc f7 e9 fb 8d 0a 0b")));
  });

  it("of what follows it pushes the same address, which that takes from the stack", () => {
    const moved = relocatePrologue(assembled("e8 00 00 00 00 5b 90 c3"), FROM, TO, 6);
    // push 0xf7fc1005; pop ebx; jmp 0xf7fc1006
    expect(hex(moved.bytes)).toBe(hex(assembled("68 05 10 fc f7 5b e9 fb 8d 0a 0b")));
    expect(moved.map).toEqual([
      { from: 0, to: 0 },
      { from: 5, to: 5 },
    ]);
  });

  it.each([
    ["nothing that is known", undefined],
    ["a thunk that is cut off", assembled("8b 1c 24")],
    ["a function that does more", assembled("8b 1c 24 90")],
    ["one that changes the stack pointer", assembled("8b 24 24 c3")],
    ["one that takes another word of the stack", assembled("8b 5c 24 c3")],
    ["one that stores", assembled("89 1c 24 c3")],
  ])("of %s is refused", (_what, thunk) => {
    expect(() => relocatePrologue(assembled(CALL), FROM, TO, 5, () => thunk)).toThrow(
      expect.objectContaining({ code: "CALL", offset: 1 }),
    );
  });

  it("is refused where it cannot be looked at, or leads nowhere that is known", () => {
    expect(() => relocatePrologue(assembled(CALL), FROM, TO)).toThrow(RelocationError);
    const thunk = () => assembled(THUNK_EBX);
    expect(() => relocatePrologue(assembled("55 ff d0 90 90 c3"), FROM, TO, 5, thunk)).toThrow(
      RelocationError,
    );
  });
});

describe("addresses wrap at 4 GiB", () => {
  it("for the jump back, and for branches", () => {
    const low = address(0x1000n);
    const moved = relocatePrologue(assembled("85 c0 74 10 90 90"), address(0xffff_f000n), low);
    // test eax, eax; je 0xfffff014; nop; jmp 0xfffff005
    expect(hex(moved.bytes)).toBe(hex(assembled("85 c0 0f 84 0c e0 ff ff 90 e9 f7 df ff ff")));
    expect(I386.disassemble(moved.bytes, low).map(({ text }) => text)).toEqual([
      "test eax, eax",
      "je 0xfffff014",
      "nop",
      "jmp 0xfffff005",
    ]);
  });

  it("for jumps of ours, which reach everything", () => {
    for (const [from, to] of [
      [0xf7fc_1000n, 0x1000n],
      [0x1000n, 0xf7fc_1000n],
      [0xffff_fff0n, 0x8000_0000n],
      [0x8048_000n, 0x8048_000n],
    ] as const) {
      const jump = I386.encodeJump(address(from), address(to));
      expect(jump).toHaveLength(JUMP_LENGTH);
      expect(I386.decodeJump(jump, address(from))).toBe(to);
    }
    expect(I386.decodeJump(assembled("eb 00 00 00 00"), FROM)).toBeUndefined();
    expect(I386.decodeJump(assembled("e9 00 00 00"), FROM)).toBeUndefined();
  });
});

describe("what only 32-bit mode has", () => {
  it("moves as it is", () => {
    // inc eax; dec edi; pusha; mov eax, [0x1234]; movs with an absolute address are no RIP-relative operands
    const code = assembled("40 4f 60 8b 05 34 12 00 00 c3");
    expect(hex(relocatePrologue(code, FROM, TO).bytes.subarray(0, 9))).toBe("404f608b0534120000");
  });

  it.each([
    ["int 0x80: a system call", "SYSCALL", "90 cd 80 90 90 c3"],
    ["sysenter", "SYSCALL", "90 0f 34 90 90 c3"],
    ["another interrupt", "TRAP", "90 cd 81 90 90 c3"],
    ["into", "TRAP", "90 ce 90 90 90 c3"],
    ["a far call", "UNKNOWN_INSTRUCTION", "9a 00 00 00 00 00 00 c3"],
    ["jecxz", "UNSUPPORTED_BRANCH", "90 e3 20 90 90 c3"],
  ])("%s is refused: %s", (_what, code, listing) => {
    expect(() => relocatePrologue(assembled(listing), FROM, TO)).toThrow(expect.objectContaining({ code }));
  });
});
