/** The system calls of 32-bit programs that do not go by the vDSO, as far as they carry times. */
import { describe, expect, it } from "vitest";
import { findDirectCalls } from "../../../src/calls/int80.ts";
import { assembled } from "../machine/x86_64/prologues.ts";

describe("findDirectCalls", () => {
  it("tells which call it is, and where", () => {
    const code = assembled(`
      55                      ; push ebp
      b8 f0 00 00 00          ; mov eax, 0xf0: futex
      8b 5c 24 08             ; mov ebx, [esp + 8]
      31 d2                   ; xor edx, edx
      cd 80                   ; int 0x80
      c3                      ; ret
      b8 93 01 00 00          ; mov eax, 0x193: clock_gettime64
      cd 80                   ; int 0x80`);
    expect(findDirectCalls(code)).toEqual([
      { offset: 12, call: "futex" },
      { offset: 20, call: "clock_gettime" },
    ]);
  });

  it.each([
    ["one without a time (write)", "b8 04 00 00 00 cd 80"],
    ["one whose number comes from elsewhere", "8b 44 24 04 cd 80"],
    ["one behind a branch, to which another number may be carried", "b8 f0 00 00 00 74 00 cd 80"],
    ["the bytes within another instruction", "b8 f0 00 00 00 68 cd 80 00 00"],
    ["nothing before it", "cd 80"],
    ["no code", ""],
  ])("leaves out %s", (_what, listing) => {
    expect(findDirectCalls(assembled(listing))).toEqual([]);
  });

  it("reads a part of a larger buffer", () => {
    const code = assembled("cd 80 b8 f0 00 00 00 cd 80 b8");
    expect(findDirectCalls(code.subarray(2, 9))).toEqual([{ offset: 5, call: "futex" }]);
    expect(findDirectCalls(code.subarray(2, 8))).toEqual([]);
  });
});
