/**
 * The relocator on the prologues of real kernels, bytes in and bytes out, and on everything it must refuse.
 */
import { describe, expect, it } from "vitest";
import { address } from "../../../../src/machine/address.ts";
import { RelocationError, type RelocationErrorCode } from "../../../../src/machine/errors.ts";
import { JUMP_LENGTH } from "../../../../src/machine/x86_64/encode.ts";
import { disassemble } from "../../../../src/machine/x86_64/format.ts";
import { relocatePrologue, relocateRun } from "../../../../src/machine/x86_64/relocate.ts";
import { assembled, hex, IMAGE, meanings, TRAMPOLINE } from "./prologues.ts";
import { PROLOGUES as OLDER } from "./prologues-4.15-to-5.10.ts";
import { PROLOGUES as NEWER } from "./prologues-6.1-to-7.2.ts";
import { PROLOGUES as NO_CLOCKS } from "./prologues-no-clocks.ts";

const FROM = address(IMAGE);
const TO = address(TRAMPOLINE);

describe("the prologues of real kernels", () => {
  it.each([...OLDER, ...NEWER, ...NO_CLOCKS])(
    "$name",
    ({ offset, prologueLength, code: listing, trampoline, map }) => {
      const code = assembled(listing);
      const tail = Uint8Array.of(0x90, 0xcc, 0x06);
      const whole = Uint8Array.from([...code, ...tail]);
      const from = address(IMAGE + BigInt(offset));

      const moved = relocatePrologue(whole, from, TO);
      expect(moved.prologueLength).toBe(prologueLength);
      expect(hex(moved.bytes)).toBe(hex(assembled(trampoline)));
      expect(moved.map.map(({ from, to }) => [from, to])).toEqual(map);
      expect(moved.jumpBack).toBe(moved.bytes.length - JUMP_LENGTH);
      expect(hex(whole), "the function itself stays as it was").toBe(hex(code) + hex(tail));

      expect(disassemble(code, from).map(({ text }) => text)).toEqual(meanings(listing));
      expect(disassemble(moved.bytes, TO).map(({ text }) => text)).toEqual(meanings(trampoline));
    },
  );
});

it("leaves a Node Buffer alone, whose slice() is a view", () => {
  const code = Buffer.from("5556488b058dc1ffffc3", "hex");
  expect(hex(relocatePrologue(code, FROM, TO).bytes)).toBe("5556488b058dd10000e9fb0f0100");
  expect(code.toString("hex")).toBe("5556488b058dc1ffffc3");
});

describe("moved branches", () => {
  it("widens short ones and keeps near ones, with their prefixes", () => {
    expectMoved(
      `
      74 10                    ; je 0x7ffff7fc1012
      2e 75 0d                 ; jne 0x7ffff7fc1012, hinted
      0f 8f 07 00 00 00        ; jg 0x7ffff7fc1012
      90                       ; nop`,
      `
      0f 84 0c 10 01 00        ; je 0x7ffff7fc1012
      2e 0f 85 05 10 01 00     ; jne 0x7ffff7fc1012, hinted
      0f 8f ff 0f 01 00        ; jg 0x7ffff7fc1012
      e9 f3 0f 01 00           ; jmp 0x7ffff7fc100b`,
      {
        minimum: 10,
        map: [
          [0, 0],
          [2, 6],
          [5, 13],
        ],
        jumpBack: 19,
      },
    );
  });

  it("needs no jump back behind an instruction that never falls through", () => {
    expectMoved("31 c0 e9 f9 0f 00 00 90", "31 c0 e9 f9 1f 01 00", {
      map: [
        [0, 0],
        [2, 2],
      ],
    });
    expectMoved("48 89 f8 eb 7b 90", "48 89 f8 e9 78 10 01 00", {
      map: [
        [0, 0],
        [3, 3],
      ],
    });
    expectMoved("48 8b 07 90 c3 90", "48 8b 07 90 c3", {
      map: [
        [0, 0],
        [3, 3],
        [4, 4],
      ],
    });
    expectMoved("ff 25 fa 00 00 00 90", "ff 25 fa 10 01 00", { map: [[0, 0]] });
    expectMoved("48 89 f8 ff e0 90", "48 89 f8 ff e0", {
      map: [
        [0, 0],
        [3, 3],
      ],
    });
  });

  it("retargets a branch to the instruction behind the prologue", () => {
    expectMoved("48 85 ff 74 00 90", "48 85 ff 0f 84 fc 0f 01 00 e9 f7 0f 01 00", {
      map: [
        [0, 0],
        [3, 3],
      ],
      jumpBack: 9,
    });
  });

  it("moves a function that is exactly as long as the jump", () => {
    expectMoved("48 89 f8 90 c3", "48 89 f8 90 c3", {
      map: [
        [0, 0],
        [3, 3],
        [4, 4],
      ],
    });
  });
});

describe("what cannot be moved", () => {
  const cases: [reason: string, code: RelocationErrorCode, listing: string][] = [
    ["no code at all", "TOO_SHORT", ""],
    ["a function of four bytes", "TOO_SHORT", "48 89 f8 c3"],
    ["padding (nop) behind a return", "TOO_SHORT", "48 89 f8 c3 90 90 90 90"],
    ["padding (int3) behind a return", "TOO_SHORT", "48 89 f8 c3 cc cc cc cc"],
    ["padding behind a short jump", "TOO_SHORT", "31 c0 eb 20 90 90 90 90"],
    ["padding behind an indirect jump", "TOO_SHORT", "ff e0 66 90 66 90 66 90"],
    ["a last instruction that continues", "FALLS_OFF_END", "48 89 f8 31 c0"],
    ["an unknown instruction", "UNKNOWN_INSTRUCTION", "55 06 90 90 90 90"],
    ["a truncated instruction", "UNKNOWN_INSTRUCTION", "48 89 f8 e9 00 00"],
    ["a near call", "CALL", "55 e8 00 00 00 00 c3"],
    ["an indirect call", "CALL", "55 ff d0 90 90 c3"],
    ["a call through memory", "CALL", "ff 15 00 00 00 00 c3"],
    ["loop", "UNSUPPORTED_BRANCH", "55 e2 20 90 90 90 c3"],
    ["loope", "UNSUPPORTED_BRANCH", "55 e1 20 90 90 90 c3"],
    ["jrcxz", "UNSUPPORTED_BRANCH", "55 e3 20 90 90 90 c3"],
    ["xbegin", "UNSUPPORTED_BRANCH", "c7 f8 00 01 00 00 c3"],
    ["syscall", "SYSCALL", "89 f8 0f 05 90 90 c3"],
    ["sysenter", "SYSCALL", "89 f8 0f 34 90 90 c3"],
    ["a breakpoint", "TRAP", "cc 48 89 e5 90 90 c3"],
    ["a software interrupt", "TRAP", "89 f8 cd 80 90 90 c3"],
    ["ud2", "STOP", "31 c0 0f 0b 90 90 c3"],
    ["hlt", "STOP", "31 c0 90 f4 90 90 c3"],
    ["a branch to the entry", "BRANCH_INTO_PROLOGUE", "48 85 ff 75 fb 90 c3"],
    ["a branch to an instruction that moves", "BRANCH_INTO_PROLOGUE", "48 85 ff 75 fe 90 c3"],
    ["a branch into an instruction that moves", "BRANCH_INTO_PROLOGUE", "75 01 48 85 ff 90 c3"],
    ["a jump onto itself, the last to move", "BRANCH_INTO_PROLOGUE", "48 85 ff eb fe 90 c3"],
  ];

  it.each(cases)("%s: %s", (_reason, code, listing) => {
    expect(refusal(assembled(listing))).toMatchObject({ name: "RelocationError", code });
  });

  it("keeps what the decoder said as the cause, and says where", () => {
    expect(refusal(assembled("55 06 90 90 90 90"))).toMatchObject({
      offset: 1,
      message: expect.stringContaining("06 90 90 90 90"),
      cause: expect.objectContaining({ name: "UnknownInstruction", offset: 1 }),
    });
    expect(refusal(assembled("48 89 f8 c3")).message).toBe("the function ends before byte 5 (at offset 0x4)");
  });

  it.each([
    ["a RIP-relative operand", "48 8b 05 00 00 00 80 c3", 0x1000n],
    ["a conditional branch", "0f 84 fa ff ff 7f c3", -0x1000n],
    ["a jump", "e9 fb ff ff 7f", -0x1000n],
    ["the jump back, forwards", "48 89 f8 66 90 c3", -(1n << 31n) - 0x100n],
    ["the jump back, backwards", "48 89 f8 66 90 c3", (1n << 31n) + 0x100n],
  ])("%s that would not reach", (_what, listing, distance) => {
    const to = address(FROM + distance);
    expect(() => relocatePrologue(assembled(listing), FROM, to)).toThrow(
      expect.objectContaining({ code: "OUT_OF_REACH" }),
    );
  });

  it("reaches exactly 2 GiB", () => {
    const code = assembled("48 89 f8 66 90 c3");
    // The jump back stands behind 5 moved bytes and leads from its own end to the sixth byte.
    const farthest = FROM + 5n - 10n - 0x7fff_ffffn;
    expect(hex(relocatePrologue(code, FROM, address(farthest)).bytes)).toBe("4889f86690e9ffffff7f");
    expect(() => relocatePrologue(code, FROM, address(farthest - 1n))).toThrow(RelocationError);
  });
});

describe("a run of instructions", () => {
  it("moves as it is, but for what is relative to where it stands", () => {
    const run = `
      b8 ca 00 00 00           ; mov eax, 0xca
      48 8b 35 f4 0f 00 00     ; mov rsi, [0x7ffff7fc2000]
      8b 7c 24 08              ; mov edi, [rsp + 8]
      48 8d 15 e9 ff ff ff     ; lea rdx, [0x7ffff7fc1000]`;
    const there = `
      b8 ca 00 00 00           ; mov eax, 0xca
      48 8b 35 f4 1f 01 00     ; mov rsi, [0x7ffff7fc2000]
      8b 7c 24 08              ; mov edi, [rsp + 8]
      48 8d 15 e9 0f 01 00     ; lea rdx, [0x7ffff7fc1000]`;
    const code = assembled(run);
    expect(hex(relocateRun(code, FROM, TO))).toBe(hex(assembled(there)));
    expect(hex(code), "the original stays as it was").toBe(hex(assembled(run)));
    expect(disassemble(assembled(there), TO).map(({ text }) => text)).toEqual(
      disassemble(code, FROM).map(({ text }) => text),
    );
  });

  it("moves nothing, and back again", () => {
    expect(relocateRun(new Uint8Array(), FROM, TO)).toEqual(new Uint8Array());
    const code = assembled("48 8b 05 8d c1 ff ff 55");
    expect(relocateRun(relocateRun(code, FROM, TO), TO, FROM)).toEqual(code);
  });

  it.each<[what: string, code: RelocationErrorCode, offset: number, listing: string]>([
    ["a conditional branch", "UNSUPPORTED_BRANCH", 3, "48 89 f8 74 00"],
    ["a jump", "UNSUPPORTED_BRANCH", 0, "eb 00"],
    ["an indirect jump", "UNSUPPORTED_BRANCH", 0, "ff e0"],
    ["loop", "UNSUPPORTED_BRANCH", 0, "e2 00"],
    ["a return", "UNSUPPORTED_BRANCH", 1, "90 c3"],
    ["a call", "CALL", 0, "e8 00 00 00 00"],
    ["an indirect call", "CALL", 0, "ff d0"],
    ["syscall", "SYSCALL", 5, "b8 ca 00 00 00 0f 05"],
    ["a breakpoint", "TRAP", 0, "cc"],
    ["ud2", "STOP", 0, "0f 0b"],
    ["an unknown instruction", "UNKNOWN_INSTRUCTION", 1, "90 06"],
    ["the first part of one", "UNKNOWN_INSTRUCTION", 3, "48 89 f8 b8 ca 00"],
  ])("refuses %s: %s", (_what, code, offset, listing) => {
    expect(() => relocateRun(assembled(listing), FROM, TO)).toThrow(
      expect.objectContaining({ code, offset }),
    );
  });

  it("reaches as far as 2 GiB", () => {
    const code = assembled("90 48 8b 05 00 00 00 00");
    const farthest = FROM - 0x7fff_ffffn;
    expect(hex(relocateRun(code, FROM, address(farthest)))).toBe("90488b05ffffff7f");
    expect(() => relocateRun(code, FROM, address(farthest - 1n))).toThrow(
      expect.objectContaining({ code: "OUT_OF_REACH", offset: 1 }),
    );
  });
});

function expectMoved(
  before: string,
  after: string,
  { minimum = 5, map, jumpBack }: { minimum?: number; map: number[][]; jumpBack?: number },
): void {
  const moved = relocatePrologue(assembled(before), FROM, TO, minimum);
  expect(hex(moved.bytes)).toBe(hex(assembled(after)));
  expect(moved.map.map(({ from, to }) => [from, to])).toEqual(map);
  expect(moved.jumpBack).toBe(jumpBack);
}

function refusal(code: Uint8Array): RelocationError {
  try {
    relocatePrologue(code, FROM, TO);
  } catch (error) {
    if (error instanceof RelocationError) return error;
    throw error;
  }
  return expect.fail("it was moved");
}
