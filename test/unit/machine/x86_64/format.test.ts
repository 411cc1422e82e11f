/**
 * The disassembler against iced-x86's MASM formatter: the same text, or honest bytes.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UnknownInstruction } from "../../../../src/machine/errors.ts";
import { decode, decodeAll } from "../../../../src/machine/x86_64/decode.ts";
import { disassemble, formatInstruction } from "../../../../src/machine/x86_64/format.ts";
import type { Bits } from "../../../../src/machine/x86_64/instruction.ts";
import { functionsOf, ownVdso } from "./images.ts";
import { ask } from "./oracle.ts";
import { assembled, hex, IMAGE, IMAGE_32 } from "./prologues.ts";

describe("formatInstruction", () => {
  it.each([
    ["f3 0f 1e fa", "endbr64"],
    ["81 3d 3a 95 ff ff ff ff ff 7f", "cmp dword ptr [0x7ffff7fba544], 0x7fffffff"],
    ["48 8d 05 2f a5 ff ff", "lea rax, [0x7ffff7fbb536]"],
    ["41 ff 72 f8", "push qword ptr [r10 - 8]"],
    ["48 63 df", "movsxd rbx, edi"],
    ["48 0f 45 c2", "cmovne rax, rdx"],
    ["48 c7 c0 ff ff ff ff", "mov rax, 0xffffffffffffffff"],
    ["64 48 8b 04 25 28 00 00 00", "mov rax, fs:[0x28]"],
    ["8b 04 c5 f8 ff ff ff", "mov eax, [rax*8 - 8]"],
    ["4a 8b 14 c5 00 10 00 00", "mov rdx, [r8*8 + 0x1000]"],
    ["0f 1f 44 00 00", "nop dword ptr [rax + rax]"],
    ["66 2e 0f 1f 84 00 00 00 00 00", "nop word ptr [rax + rax]"],
    ["40 8a f7", "mov sil, dil"],
    ["88 fc", "mov ah, bh"],
    ["c1 e0 1f", "shl eax, 0x1f"],
    ["d0 20", "shl byte ptr [rax], 1"],
    ["0f b6 00", "movzx eax, byte ptr [rax]"],
    ["74 fe", "je 0x7ffff7fc1000"],
    ["0f ae e8", "lfence"],
    ["0f 01 f9", "rdtscp"],
    ["f3 90", "pause"],
    ["48 98", "cdqe"],
  ])("%s is %s", (listing, text) => {
    const code = assembled(listing);
    expect(formatInstruction(code, decode(code, 0), IMAGE)).toBe(text);
    expect(ask(code, 0, IMAGE).text).toBe(text);
  });

  it("shows what it cannot spell as bytes", () => {
    expect(spell("c5 f8 77")).toBe("db 0xc5, 0xf8, 0x77");
    expect(spell("f0 48 ff 07")).toBe("db 0xf0, 0x48, 0xff, 0x07");
    expect(spell("cc")).toBe("int3");
  });

  it.each<[Bits, bigint]>([
    [64, IMAGE],
    [32, IMAGE_32],
  ])(
    "agrees with iced-x86 on random bytes, wherever it spells an instruction, in %i-bit mode",
    (bits, at) => {
      let spelled = 0;
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 116, maxLength: 116 }), fc.boolean(), (code, isEscaped) => {
          for (let offset = 0; offset < 100; offset += 1) {
            const bytes = Uint8Array.from([
              ...(isEscaped ? [0x0f] : []),
              ...code.subarray(offset, offset + 15),
            ]);
            const text = spellIfKnown(bytes, at, bits);
            if (text === undefined || text.startsWith("db ")) continue;
            spelled += 1;
            const expected = ask(bytes, 0, at, bits).text;
            if (text !== expected) expect.fail(`${hex(bytes)}: ${text}, not ${expected}`);
          }
        }),
        { seed: 0x7153_6577, numRuns: 1000 },
      );
      expect(spelled).toBeGreaterThan(30_000);
    },
  );

  const vdso = process.arch === "x64" ? ownVdso() : undefined;
  it.skipIf(vdso === undefined)(
    "spells the beginning of every clock function of the own vDSO, as iced-x86 does",
    () => {
      for (const { name, offset, code } of functionsOf(vdso!)) {
        const isClock = /time|clock/.test(name);
        const base = IMAGE + BigInt(offset);
        for (const instruction of decodeAll(code)) {
          const text = formatInstruction(code, instruction, base + BigInt(instruction.offset));
          if (isClock && instruction.offset < 16)
            expect(text, `${name}+${instruction.offset}`).not.toMatch(/^db /);
          if (!text.startsWith("db ")) expect(text).toBe(ask(code, instruction.offset, base).text);
        }
      }
    },
  );
});

describe("disassemble", () => {
  it("gives each instruction its address and bytes, and what does not decode as data", () => {
    expect(disassemble(assembled("55 48 89 e5 06 90"), IMAGE)).toEqual([
      { address: IMAGE, bytes: Uint8Array.of(0x55), text: "push rbp" },
      { address: IMAGE + 1n, bytes: Uint8Array.of(0x48, 0x89, 0xe5), text: "mov rbp, rsp" },
      { address: IMAGE + 4n, bytes: Uint8Array.of(0x06, 0x90), text: "db 0x06, 0x90" },
    ]);
  });
});

function spell(listing: string): string {
  const code = assembled(listing);
  return formatInstruction(code, decode(code, 0), IMAGE);
}

function spellIfKnown(code: Uint8Array, at: bigint, bits: Bits): string | undefined {
  try {
    return formatInstruction(code, decode(code, 0, bits), at);
  } catch (error) {
    if (error instanceof UnknownInstruction) return undefined;
    throw error;
  }
}
