/**
 * The decoder on instructions written by hand: what it reports, and everything that it refuses.
 */
import { describe, expect, it } from "vitest";
import { UnknownInstruction } from "../../../../src/machine/errors.ts";
import { decode, decodeAll } from "../../../../src/machine/x86_64/decode.ts";
import { ask } from "./oracle.ts";
import { assembled } from "./prologues.ts";

describe("what an instruction is", () => {
  it.each([
    ["f3 0f 1e fa ; endbr64", "next"],
    ["48 89 e5 ; mov rbp, rsp", "next"],
    ["66 90 ; xchg ax, ax", "next"],
    ["66 2e 0f 1f 84 00 00 00 00 00 ; nop word ptr cs:[rax + rax]", "next"],
    ["48 b8 88 77 66 55 44 33 22 11 ; mov rax, 0x1122334455667788", "next"],
    ["66 b8 34 12 ; mov ax, 0x1234", "next"],
    ["66 81 c1 34 12 ; add cx, 0x1234", "next"],
    ["48 a1 88 77 66 55 44 33 22 11 ; mov rax, [moffs64]", "next"],
    ["67 a1 44 33 22 11 ; mov eax, [moffs32]", "next"],
    ["c8 10 00 01 ; enter 16, 1", "next"],
    ["f6 c1 01 ; test cl, 1", "next"],
    ["f6 d1 ; not cl", "next"],
    ["f7 c1 01 00 00 00 ; test ecx, 1", "next"],
    ["66 f7 c1 01 00 ; test cx, 1", "next"],
    ["f7 e1 ; mul ecx", "next"],
    ["0f 01 f9 ; rdtscp", "next"],
    ["f3 0f c7 f8 ; rdpid rax", "next"],
    ["f0 48 0f b1 0f ; lock cmpxchg [rdi], rcx", "next"],
    ["c5 f8 77 ; vzeroupper", "next"],
    ["c4 e2 68 f5 c1 ; bzhi eax, ecx, edx", "next"],
    ["62 f1 fe 28 6f 06 ; vmovdqu64 ymm0, [rsi]", "next"],
    ["74 10 ; je", "conditional"],
    ["0f 84 00 01 00 00 ; je", "conditional"],
    ["e3 10 ; jrcxz", "conditional"],
    ["e2 10 ; loop", "conditional"],
    ["c7 f8 00 01 00 00 ; xbegin", "conditional"],
    ["eb fe ; jmp", "jump"],
    ["e9 00 01 00 00 ; jmp", "jump"],
    ["ff e0 ; jmp rax", "indirect"],
    ["ff 25 00 01 00 00 ; jmp [rip + 0x100]", "indirect"],
    ["e8 00 01 00 00 ; call", "call"],
    ["66 48 e8 00 01 00 00 ; call, padded as for __tls_get_addr", "call"],
    ["ff d0 ; call rax", "call"],
    ["c3 ; ret", "return"],
    ["f3 c3 ; rep ret", "return"],
    ["c2 08 00 ; ret 8", "return"],
    ["0f 05 ; syscall", "syscall"],
    ["0f 34 ; sysenter", "syscall"],
    ["cc ; int3", "trap"],
    ["cd 80 ; int 0x80", "trap"],
    ["0f 0b ; ud2", "stop"],
    ["f4 ; hlt", "stop"],
  ])("%s", (listing, flow) => {
    const code = assembled(listing);
    const instruction = decode(code, 0);
    expect(instruction.length).toBe(code.length);
    expect(instruction.flow).toBe(flow);
    expect(ask(code, 0)).toMatchObject({ isValid: true, length: code.length });
  });

  it("finds the displacement of a RIP-relative operand, with an immediate behind it", () => {
    const code = assembled("81 3d 3a 95 ff ff ff ff ff 7f ; cmp dword ptr [rip - 0x6ac6], 0x7fffffff");
    expect(decode(code, 0)).toMatchObject({ ripDisp: 2, length: 10 });
    expect(decode(assembled("8b 05 00 00 00 00"), 0).ripDisp).toBe(2);
    expect(decode(assembled("8b 04 25 00 00 00 00 ; absolute, by SIB"), 0).ripDisp).toBeUndefined();
    expect(decode(assembled("8b 85 00 00 00 00 ; [rbp + disp32]"), 0).ripDisp).toBeUndefined();
    expect(decode(assembled("c5 fd 6f 05 00 00 00 00 ; VEX"), 0).ripDisp).toBe(4);
  });

  it("gives branch targets in the buffer's coordinates, outside the buffer too", () => {
    const code = assembled("90 77 fb 0f 85 fa ff ff 7f eb fe e3 00");
    const branches = [...decodeAll(code)].flatMap(({ branch }) => (branch === undefined ? [] : [branch]));
    expect(branches).toEqual([
      { kind: "jcc", width: 1, target: -2, condition: 7 },
      { kind: "jcc", width: 4, target: 9 + 0x7ffffffa, condition: 5 },
      { kind: "jmp", width: 1, target: 9, condition: undefined },
      { kind: "jcxz", width: 1, target: 13, condition: undefined },
    ]);
  });
});

describe("what is refused", () => {
  it.each([
    ["", "no bytes"],
    ["48", "a REX prefix alone"],
    ["66 66 66", "prefixes alone"],
    ["e8 00 00 00", "a truncated displacement"],
    ["8b 04", "a truncated SIB byte"],
    ["06", "push es: not in 64-bit mode"],
    ["9a 00 00 00 00 00 00", "far call: not in 64-bit mode"],
    ["ea 00 00 00 00 00 00", "far jump: not in 64-bit mode"],
    ["82 c0 00", "alias of 80: not in 64-bit mode"],
    ["d6", "salc: not in 64-bit mode"],
    ["0f 04", "undefined"],
    ["0f ff c0", "ud0"],
    ["0f 38 0c c0", "undefined"],
    ["0f 3a 00 c0 00", "undefined"],
    ["fe d0", "undefined in group 4"],
    ["ff f8", "undefined in group 5"],
    ["c7 c8 00 00 00 00", "undefined in group 11"],
    ["8d c0", "lea of a register"],
    ["0f c3 c0", "movnti to a register"],
    ["0f 50 00", "movmskps of memory"],
    ["f0 89 c8", "LOCK on a register"],
    ["f0 8b 08", "LOCK on a load"],
    ["f0 90", "LOCK on nop"],
    ["f2 f3 90", "both F2 and F3"],
    ["48 66 90", "a prefix behind REX"],
    ["48 48 89 c8", "two REX prefixes"],
    ["66 c5 f8 77", "66 before VEX"],
    ["48 c5 f8 77", "REX before VEX"],
    ["c4 e0 78 77", "VEX map 0"],
    ["c5 f0 77", "vzeroupper with vvvv"],
    ["c4 e2 f9 18 c0", "vbroadcastss with W"],
    ["62 f1 fe 28 77 c0", "undefined EVEX"],
    ["62 f9 fe 28 6f 06", "reserved EVEX bit"],
    ["62 f1 fe a8 6f 06", "EVEX zeroing without a mask"],
    ["62 f1 fe 38 6f c6", "EVEX rounding on a move"],
    ["67 8b 05 00 00 00 00", "EIP-relative"],
    ["66 e9 00 00 00 00", "a 16-bit jump on AMD, not on Intel"],
    ["66 eb 00", "the same, short"],
    ["66 c3", "a 16-bit return"],
    ["e4 00", "port input: privileged"],
    ["0f 30", "wrmsr: privileged"],
    ["cf", "iret: privileged or far"],
    ["cb", "far return"],
    ["66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", "16 bytes"],
    ["66 66 66 66 66 66 66 66 66 66 66 66 81 c1 00 00", "16 bytes, in the immediate"],
  ])("%s (%s)", (listing) => {
    const code = assembled(listing);
    expect(() => decode(code, 0)).toThrow(UnknownInstruction);
  });

  it("says where and what", () => {
    const code = assembled("90 90 06 90");
    expect(() => [...decodeAll(code)]).toThrow(
      expect.objectContaining({
        name: "UnknownInstruction",
        offset: 2,
        bytes: Uint8Array.of(0x06, 0x90),
        message: "unknown instruction at offset 0x2 (06 90): opcode not listed",
      }),
    );
  });

  it("an instruction that crosses the end of the range", () => {
    const code = assembled("90 48 89 e5");
    expect(() => [...decodeAll(code, 0, 3)]).toThrow(UnknownInstruction);
    expect([...decodeAll(code, 1, 4)]).toHaveLength(1);
  });
});
