/**
 * What instructions do with the general registers: never less than iced-x86 says they read or change, never more than it
 * says they overwrite.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode, decodeAll, decodeIfKnown } from "../../../../src/machine/x86_64/decode.ts";
import type { Instruction } from "../../../../src/machine/x86_64/instruction.ts";
import { registerUse } from "../../../../src/machine/x86_64/registers.ts";
import { functionsOf, ownLibc } from "./images.ts";
import { ask, askUse } from "./oracle.ts";
import { assembled, hex } from "./prologues.ts";

const SEED = 0x7153_6577;
const [RAX, RCX, RDX, RSP, RSI, RDI, R8, R10] = [0, 1, 2, 4, 6, 7, 8, 10].map((n) => 1 << n) as number[];

describe("some instructions", () => {
  it.each([
    ["4c 89 d7             ; mov rdi, r10", { reads: R10, writes: RDI, changes: RDI }],
    ["41 8b 3c 90          ; mov edi, [r8+rdx*4]", { reads: R8! | RDX!, writes: RDI, changes: RDI }],
    ["8b 3d 00 00 00 00    ; mov edi, [rip]", { reads: 0, writes: RDI, changes: RDI }],
    ["40 b7 01             ; mov dil, 1", { reads: 0, writes: 0, changes: RDI }],
    ["b7 01                ; mov bh, 1", { reads: 0, writes: 0, changes: 1 << 3 }],
    ["31 ff                ; xor edi, edi", { reads: 0, writes: RDI, changes: RDI }],
    ["41 31 f8             ; xor r8d, edi", { reads: R8! | RDI!, writes: 0, changes: R8 }],
    ["5f                   ; pop rdi", { reads: RSP, writes: RDI, changes: RSP! | RDI! }],
    ["49 90                ; xchg r8, rax", { reads: RAX! | R8!, writes: 0, changes: RAX! | R8! }],
    ["f3 90                ; pause", { reads: 0, writes: 0, changes: 0 }],
    ["f3 0f 1e fa          ; endbr64", { reads: 0, writes: 0, changes: 0 }],
    [
      "f0 0f b1 37          ; lock cmpxchg [rdi], esi",
      { reads: RAX! | RSI! | RDI!, writes: 0, changes: RAX },
    ],
    ["75 00                ; jne", { reads: 0, writes: 0, changes: 0 }],
  ])("%s", (listing, use) => {
    const code = assembled(listing);
    expect(registerUse(code, decode(code, 0))).toEqual(use);
  });

  it.each([
    ["call", "e8 00 00 00 00"],
    ["ret", "c3"],
    ["syscall", "0f 05"],
    ["jmp", "eb 00"],
    ["loop", "e2 00"],
    ["jrcxz", "e3 00"],
    ["xbegin", "c7 f8 00 00 00 00"],
    ["cpuid", "0f a2"],
    ["rdtsc", "0f 31"],
    ["xsave, which reads rdx", "0f ae 27"],
    ["rdfsbase rdi", "f3 0f ae c7"],
    ["rdssp rdi", "f3 48 0f 1e cf"],
    ["fnstsw ax", "df e0"],
    ["maskmovdqu, which stores at rdi", "66 0f f7 c1"],
    ["cmpxchg8b", "0f c7 0f"],
    ["vmovups [rdi], ymm0", "c5 fc 11 07"],
  ])("%s is not listed", (_name, listing) => {
    const code = assembled(listing);
    expect(registerUse(code, decode(code, 0))).toBeUndefined();
  });
});

describe("agreement with iced-x86", () => {
  const libc = process.arch === "x64" ? ownLibc() : undefined;
  if (libc === undefined) console.log("libc skipped: not an x86-64 process, or it runs without libc.so.6");

  it.skipIf(libc === undefined)("on the C library", () => {
    const tally = { listed: 0, refused: 0 };
    for (const { code } of functionsOf(libc!)) {
      for (const instruction of decodeAll(code)) check(code, instruction, tally);
    }
    expect(tally.listed).toBeGreaterThan(50_000);
    // Calls, VEX and EVEX, for the most part.
    expect(tally.refused).toBeLessThan(tally.listed / 5);
  });

  it("on random bytes behind prefixes and escapes (200,000 instructions)", () => {
    const tally = { listed: 0, refused: 0 };
    const heads = ["", "66", "f2", "f3", "67", "f0", "40", "48", "41", "44", "4d", "664f", "f348", "f245"];
    const head = fc.tuple(fc.constantFrom(...heads), fc.constantFrom("", "0f", "0f", "c4e2"));
    fc.assert(
      fc.property(head, fc.uint8Array({ minLength: 216, maxLength: 216 }), ([prefix, map], bytes) => {
        const fixed = Buffer.from(prefix + map, "hex");
        for (let offset = 0; offset < 200; offset += 1) {
          const code = Uint8Array.from([...fixed, ...bytes.subarray(offset, offset + 16)]);
          const instruction = decodeIfKnown(code, 0);
          if (instruction !== undefined) check(code, instruction, tally);
        }
      }),
      { seed: SEED, numRuns: 1000 },
    );
    expect(tally.listed).toBeGreaterThan(50_000);
  });

  it("is no matter of course", () => {
    const code = assembled("4c 89 d7 ; mov rdi, r10");
    expect(askUse(code, 0)).toEqual({ reads: R10, writes: RDI, changes: RDI });
    expect(askUse(assembled("0f a2 ; cpuid"), 0)).toMatchObject({ reads: RAX! | RCX! });
  });
});

function check(code: Uint8Array, instruction: Instruction, tally: { listed: number; refused: number }): void {
  const use = registerUse(code, instruction);
  if (use === undefined) {
    tally.refused += 1;
    return;
  }
  tally.listed += 1;
  const { offset, length } = instruction;
  const oracle = askUse(code, offset);
  const isSame =
    (oracle.reads & ~use.reads) === 0 &&
    (use.writes & ~oracle.writes) === 0 &&
    (oracle.changes & ~use.changes) === 0 &&
    (use.writes & ~use.changes) === 0;
  // An expect() for each of half a million instructions would take most of the time.
  if (isSame) return;
  const bytes = hex(code.subarray(offset, offset + length));
  expect.fail(`${bytes} is ${ask(code, offset).code}: ${JSON.stringify({ oracle, use })}`);
}
