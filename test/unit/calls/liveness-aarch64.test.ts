/**
 * Which argument registers are free after a system call of aarch64: words in, registers out.
 */
import { describe, expect, it } from "vitest";
import { Liveness } from "../../../src/calls/liveness.ts";
import { CALLS } from "../../../src/machine/aarch64/calls.ts";
import { words } from "../machine/aarch64/prologues.ts";

const ALL = "x0 x1 x2 x3 x4 x5";

/** The free registers at the start of a listing whose function changes all that it could, or `changes`. */
function free(listing: string, changes: (registers: number) => number = (registers) => registers): string {
  const bytes = words(listing.replace(/;.*$/gm, ""));
  const inside = (offset: number) => offset >= 0 && offset < bytes.length;
  const liveness = new Liveness(CALLS, (offset) => (inside(offset) ? { bytes, offset } : undefined));
  const mask = liveness.freeAfter(0, changes);
  return ALL.split(" ")
    .filter((_, n) => (mask & (1 << n)) !== 0)
    .join(" ");
}

describe("the end of the function", () => {
  it("is the end of them all", () => {
    expect(free("d65f03c0 ; ret")).toBe(ALL);
    expect(free("d50323bf d65f03c0 ; autiasp; ret")).toBe(ALL);
    expect(free("d65f0bff ; retaa")).toBe(ALL);
  });

  it("only if the function changes them; but the first holds the result", () => {
    expect(free("d65f03c0 ; ret", () => 0)).toBe("x0");
    expect(free("d65f03c0 ; ret", (registers) => registers & (1 << 3))).toBe("x0 x3");
  });

  it("is also where a compiler says that nobody comes, but not at a breakpoint", () => {
    expect(free("d4207d00 ; brk #1000", () => 0)).toBe(ALL);
    expect(free("00000000 ; udf #0", () => 0)).toBe(ALL);
    expect(free("d4200000 ; brk #0")).toBe("x0");
  });
});

describe("what reads a register", () => {
  it.each([
    ["an operand", "aa0303e0 d65f03c0 ; mov x0, x3", "x0 x1 x2 x4 x5"],
    ["the half of it", "2a0303e0 d65f03c0 ; mov w0, w3", "x0 x1 x2 x4 x5"],
    ["a store", "f90007e3 d65f03c0 ; str x3, [sp, #8]", "x0 x1 x2 x4 x5"],
    ["a pair", "a9010fe2 d65f03c0 ; stp x2, x3, [sp, #16]", "x0 x1 x4 x5"],
    ["an address", "f9400063 d65f03c0 ; ldr x3, [x3]", "x0 x1 x2 x4 x5"],
    ["a part that is set", "f2800023 d65f03c0 ; movk x3, #1", "x0 x1 x2 x4 x5"],
    ["a branch", "b4000043 d65f03c0 d65f03c0 ; cbz x3", "x0 x1 x2 x4 x5"],
    ["a vector's address", "4c407c61 d65f03c0 ; ld1 {v1.2d}, [x3]", "x0 x1 x2 x4 x5"],
    ["another system call", "d4000001 d65f03c0 ; svc #0", "x0"],
    ["what is not known", "e400e000 d65f03c0 ; st1b", "x0"],
    ["who jumps elsewhere", "d61f0200 ; br x16", "x0"],
  ])("%s", (_, listing, expected) => {
    expect(free(listing)).toBe(expected);
  });

  it("not if it is overwritten before", () => {
    expect(free("d2800003 aa0303e0 d65f03c0 ; mov x3, #0; mov x0, x3")).toBe(ALL);
    expect(free("f94007e3 aa0303e0 d65f03c0 ; ldr x3, [sp, #8]; mov x0, x3")).toBe(ALL);
  });
});

describe("a call", () => {
  it("may pass any of them, which its code tells", () => {
    const listing = (callee: string) => `
      94000002             ; bl callee
      d65f03c0             ; ret
      ${callee}            ; callee
      d65f03c0             ; ret`;
    expect(free(listing("d503201f"))).toBe(ALL);
    expect(free(listing("aa0303e0 ; mov x0, x3"))).toBe("x0 x1 x2 x4 x5");
    expect(free(listing("d61f0200 ; br x16, as in a stub for another library"))).toBe("x0");
  });

  it("through a pointer passes what nobody knows", () => {
    expect(free("d63f0040 d65f03c0 ; blr x2; ret")).toBe("x0");
  });

  // glibc's futex_fatal_error(): __libc_fatal loops around a function with a variable number of arguments.
  it("of a function that never returns passes none", () => {
    const listing = (last: string) => `
      94000002             ; bl fatal
      d65f03c0             ; ret
      aa0003f4             ; fatal: mov x20, x0
      aa1403e2             ; again: mov x2, x20
      94000003             ; bl message
      ${last}
      d65f03c0             ; ret
      a9010fe2             ; message: stp x2, x3, [sp, #16]
      d65f03c0             ; ret`;
    expect(free(listing("17fffffe             ; b again"))).toBe(ALL);
    expect(free(listing("d503201f             ; nop"))).toBe("x0 x1 x2 x4 x5");
  });

  it("that calls itself may return", () => {
    expect(free("94000002 d65f03c0 94000000 aa0303e0 d65f03c0 ; bl f; ret; f: bl f; mov x0, x3")).toBe("x0");
  });
});

it("has an end in code that goes round", () => {
  expect(free("aa0403e3 17ffffff ; again: mov x3, x4; b again")).toBe("x0 x1 x2 x3 x5");
});
