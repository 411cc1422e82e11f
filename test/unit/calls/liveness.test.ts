/**
 * Which argument registers are free after a `syscall`: code in, registers out.
 */
import { describe, expect, it } from "vitest";
import { Liveness } from "../../../src/calls/liveness.ts";
import { CALLS } from "../../../src/machine/x86_64/calls.ts";
import { assembled } from "../machine/x86_64/prologues.ts";

const NAMES = ["rdi", "rsi", "rdx", "r10", "r8", "r9"];
const ALL = NAMES.join(" ");

/** The free registers at the start of a listing whose function changes all that it could, or `changes`. */
function free(listing: string, changes: (registers: number) => number = (registers) => registers): string {
  const bytes = assembled(listing);
  const inside = (offset: number) => offset >= 0 && offset < bytes.length;
  const liveness = new Liveness(CALLS, (offset) => (inside(offset) ? { bytes, offset } : undefined));
  const mask = liveness.freeAfter(0, changes);
  return NAMES.filter((_, n) => (mask & (1 << n)) !== 0).join(" ");
}

describe("the end of the function", () => {
  it("is the end of them all", () => {
    expect(free("c3 ; ret")).toBe(ALL);
    expect(free("c2 08 00 ; ret 8")).toBe(ALL);
  });

  it("only if the function changes them: who calls it may know which it leaves alone", () => {
    const r10 = CALLS.arguments[3]!;
    expect(free("c3 ; ret", (registers) => registers & r10)).toBe("r10");
    expect(free("c3 ; ret", () => 0)).toBe("");
  });

  it("is not asked about what is overwritten before", () => {
    const asked: number[] = [];
    const listing = `
      45 31 d2             ; xor r10d, r10d
      c3                   ; ret`;
    expect(free(listing, (registers) => asked.push(registers) * 0)).toBe("r10");
    expect(asked).toEqual([CALLS.arguments.filter((_, n) => n !== 3).reduce((sum, bit) => sum | bit)]);
  });
});

describe("what reads a register", () => {
  it.each([
    ["an operand", "4c 89 d0 c3          ; mov rax, r10", "r10"],
    ["a store", "4c 89 55 f8 c3       ; mov [rbp-8], r10", "r10"],
    ["a base", "49 8b 02 c3          ; mov rax, [r10]", "r10"],
    ["an index", "4a 8b 04 d0 c3       ; mov rax, [rax+r10*8]", "r10"],
    ["an address that is only computed", "48 8d 04 17 c3       ; lea rax, [rdi+rdx]", "rdi rdx"],
    ["a part of it", "44 88 d0 c3          ; mov al, r10b", "r10"],
    ["its second byte", "88 f0 c3             ; mov al, dh", "rdx"],
    ["the low byte of another", "40 88 f0 c3          ; mov al, sil", "rsi"],
    ["what changes it", "49 83 c2 01 c3       ; add r10, 1", "r10"],
    ["a move that may not happen", "4c 0f 44 d0 c3       ; cmove r10, rax", "r10"],
    ["an exchange", "4c 87 d0 c3          ; xchg rax, r10", "r10"],
    ["a short exchange", "49 92 c3             ; xchg rax, r10", "r10"],
    ["push", "41 52 c3             ; push r10", "r10"],
    ["a comparison", "4d 85 d2 c3          ; test r10, r10", "r10"],
    ["cmpxchg", "f0 4c 0f b1 07 c3    ; lock cmpxchg [rdi], r8", "rdi r8"],
    ["a vector's address", "0f 11 07 c3          ; movups [rdi], xmm0", "rdi"],
    ["string instructions", "f3 48 ab c3          ; rep stosq", "rdi rsi"],
    ["a division", "48 f7 f1 c3          ; div rcx", "rdx"],
    ["xor of two registers", "4d 31 c2 c3          ; xor r10, r8", "r10 r8"],
  ])("%s", (_what, listing, read) => {
    expect(free(listing)).toBe(NAMES.filter((name) => !read.split(" ").includes(name)).join(" "));
  });

  it("the next system call: all six, but what is written before", () => {
    expect(free("0f 05 ; syscall")).toBe("");
    expect(free("31 ff 41 b8 01 00 00 00 0f 05 ; xor edi, edi; mov r8d, 1; syscall")).toBe("rdi r8");
  });
});

describe("what overwrites a register", () => {
  // Each is followed by a system call, which reads what is left.
  it.each([
    ["mov", "4c 89 d7             ; mov rdi, r10", "rdi", "r10"],
    ["of 32 bits", "89 c7                ; mov edi, eax", "rdi", ""],
    ["a load", "4c 8b 54 24 08       ; mov r10, [rsp+8]", "r10", ""],
    ["lea", "4c 8d 54 24 20       ; lea r10, [rsp+32]", "r10", ""],
    ["a constant", "ba 01 00 00 00       ; mov edx, 1", "rdx", ""],
    ["one of 64 bits", "48 c7 c2 ff ff ff ff ; mov rdx, -1", "rdx", ""],
    ["movzx", "0f b6 f0             ; movzx esi, al", "rsi", ""],
    ["movsxd", "48 63 f0             ; movsxd rsi, eax", "rsi", ""],
    ["pop", "5f                   ; pop rdi", "rdi", ""],
    ["xor with itself", "45 31 d2             ; xor r10d, r10d", "r10", ""],
    ["sub from itself", "29 d2                ; sub edx, edx", "rdx", ""],
    ["a sign", "48 99                ; cqo", "rdx", ""],
    ["a product", "48 f7 e1             ; mul rcx", "rdx", ""],
    ["not 16 bits", "66 89 c7             ; mov di, ax", "", ""],
    ["not a byte", "b2 01                ; mov dl, 1", "", ""],
    ["not a condition's byte", "0f 94 c2             ; sete dl", "", ""],
    ["not 16 bits of zero", "66 31 d2             ; xor dx, dx", "", ""],
    ["not a pop of 16 bits", "66 5f                ; pop di", "", ""],
  ])("%s", (_what, listing, written) => {
    expect(free(`${listing}\n0f 05 ; syscall`)).toBe(written);
  });
});

describe("paths", () => {
  it("follows both ways of a branch", () => {
    const listing = `
      85 c0                ; test eax, eax
      74 04                ; je over
      4c 89 d0             ; mov rax, r10
      c3                   ; ret
      4c 89 c0             ; over: mov rax, r8
      c3                   ; ret`;
    expect(free(listing)).toBe("rdi rsi rdx r9");
  });

  it("needs a register overwritten on all of them", () => {
    const listing = `
      74 02                ; je over
      31 ff                ; xor edi, edi
      31 f6                ; over: xor esi, esi
      0f 05                ; syscall`;
    expect(free(listing)).toBe("rsi");
  });

  it("goes around a loop once", () => {
    const listing = `
      ff c8                ; again: dec eax
      75 fc                ; jne again
      eb fa                ; jmp again`;
    expect(free(listing)).toBe(ALL);
  });

  it("sees what a loop reads when it begins anew", () => {
    const listing = `
      83 f8 fc             ; cmp eax, -4
      75 06                ; jne out
      4c 89 54 24 08       ; mov [rsp+8], r10
      c3                   ; ret
      c3                   ; out: ret`;
    expect(free(listing)).toBe("rdi rsi rdx r8 r9");
  });

  it("ends at ud2 and hlt", () => {
    expect(free("0f 0b ; ud2")).toBe(ALL);
    expect(free("f4 ; hlt")).toBe(ALL);
  });

  it.each([
    ["an indirect jump", "ff e0                ; jmp rax"],
    ["an indirect call", "ff d0 c3             ; call rax"],
    ["a breakpoint", "cc                   ; int3"],
    ["what the decoder does not know", "06"],
    ["what only the decoder knows", "c5 f8 77 c3          ; vzeroupper"],
    ["loop", "e2 00 c3             ; loop"],
    ["a transaction", "c7 f8 00 00 00 00 c3 ; xbegin"],
    ["the end of the code", "90                   ; nop"],
    ["a branch out of the code", "e9 00 10 00 00       ; jmp"],
    ["a branch before the code", "e9 00 f0 ff ff       ; jmp"],
  ])("gives up at %s", (_what, listing) => {
    expect(free(listing)).toBe("");
  });

  it("has an end for code of any length", () => {
    expect(free(`${"90 ".repeat(550)} c3`)).toBe(ALL);
    expect(free(`${"90 ".repeat(650)} c3`)).toBe("");
  });
});

describe("calls", () => {
  it("asks the callee what it reads, and what it overwrites", () => {
    const listing = `
      e8 03 00 00 00       ; call callee
      0f 05                ; syscall
      cc
      48 89 fa             ; callee: mov rdx, rdi
      31 f6                ; xor esi, esi
      45 31 d2             ; xor r10d, r10d
      c3                   ; ret`;
    expect(free(listing)).toBe("rsi rdx r10");
  });

  it("goes on with what the callee leaves alone: the caller may know that it does", () => {
    const listing = `
      e8 04 00 00 00       ; call callee
      4c 89 d0             ; mov rax, r10
      c3                   ; ret
      31 c0                ; callee: xor eax, eax
      c3                   ; ret`;
    expect(free(listing)).toBe("rdi rsi rdx r8 r9");
  });

  it("r10 carries no argument into a call that is not understood; the others may", () => {
    const unknown = `
      e8 01 00 00 00       ; call callee
      c3                   ; ret
      ff 25 00 00 00 00    ; callee: jmp [rip]`;
    expect(free(unknown)).toBe("r10");
    // As if the callee read it before it is written, which happens to what is saved and restored.
    const saving = `
      e8 01 00 00 00       ; call callee
      c3                   ; ret
      41 52                ; callee: push r10
      0f 0b                ; ud2`;
    expect(free(saving)).toBe(ALL);
  });

  it("follows a jump to another function", () => {
    const listing = `
      eb 01                ; jmp callee
      cc
      48 89 f8             ; callee: mov rax, rdi
      c3                   ; ret`;
    expect(free(listing)).toBe("rsi rdx r10 r8 r9");
  });

  const chain = (calls: number) =>
    `${"e8 01 00 00 00 c3 ; call the next; ret\n".repeat(calls)} 31 ff c3 ; xor edi, edi; ret`;

  it("follows calls that are three deep, and no deeper", () => {
    expect(free(chain(3))).toBe(ALL);
    expect(free(chain(4))).toBe("r10");
  });

  it("comes back from recursion", () => {
    expect(free("e8 fb ff ff ff c3 ; call itself; ret")).toBe("r10");
  });
});
