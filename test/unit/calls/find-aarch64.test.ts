/**
 * What is found in aarch64 code: a listing of words in, sites and refusals out. All listings stand at 0x401000.
 */
import { describe, expect, it } from "vitest";
import { type Calls, findCalls } from "../../../src/calls/find.ts";
import { tableOf } from "../../../src/calls/table.ts";
import { CALLS } from "../../../src/machine/aarch64/calls.ts";
import { digits, words } from "../machine/aarch64/prologues.ts";
import { BASE, imageOf, type Known } from "./code-image.ts";

const TABLE = tableOf(CALLS);

function search(listing: string | Uint8Array, known: Known = {}, wanted = TABLE.deadlines): Calls {
  const code = typeof listing === "string" ? listed(listing) : listing;
  return findCalls(CALLS, imageOf(code, { ...known, machine: "aarch64" }), wanted);
}

/** A word at the start of each line, and what it means. */
function listed(listing: string): Uint8Array {
  return words(listing.replace(/;.*$/gm, ""));
}

/** Sites as `patch: moved words = number`, refusals as `at: why = number`; offsets in hexadecimal. */
function found(...input: Parameters<typeof search>): string[] {
  const { sites, unproved } = search(...input);
  const base = input[1]?.base ?? BASE;
  const offset = (address: number) => (address - base).toString(16);
  return [
    ...sites.map(({ patch, moved, number }) => `${offset(patch)}: ${digits(moved)} = ${number ?? "?"}`),
    ...unproved.map(({ at, why, number }) => `${offset(at)}: ${why} = ${number ?? "?"}`),
  ];
}

describe("the number right before the call", () => {
  it("is where the patch goes", () => {
    const listing = `
      aa0403e3             ; mov x3, x4
      d2800e68             ; mov x8, #115
      d4000001             ; svc #0
      d65f03c0             ; ret`;
    expect(search(listing)).toEqual({
      sites: [
        {
          patch: BASE + 4,
          moved: words("d2800e68"),
          call: BASE + 8,
          number: 115,
          free: 0b001001,
          function: "function",
        },
      ],
      unproved: [],
    });
  });

  it.each([
    ["movz x8", "d2800c48 ; mov x8, #98"],
    ["movz w8", "52800c48 ; mov w8, #98"],
  ])("by %s", (_, number) => {
    expect(found(`${number}\n d4000001 ; svc #0\n d65f03c0 ; ret`)).toEqual([
      `0: ${number.slice(0, 8)} = 98`,
    ]);
  });

  it.each([
    ["321b07e8", "orr w8, wzr, #96"],
    ["b27b07e8", "orr x8, xzr, #96"],
  ])("by %s, a logical constant", (word) => {
    const wanted = new Set([96]);
    expect(found(`${word} d4000001 d65f03c0`, {}, wanted)).toEqual([`0: ${word} = 96`]);
  });

  it("is of no interest if nobody wants it", () => {
    expect(found("d2801588 ; mov x8, #172\n d4000001 ; svc #0\n d65f03c0 ; ret")).toEqual([]);
    expect(found("92800c48 ; mov x8, #-99\n d4000001 ; svc #0\n d65f03c0 ; ret")).toEqual([]);
  });

  it("is none in another register", () => {
    const listing = `
      d2801588             ; mov x8, #172
      d2800c49             ; mov x9, #98
      d4000001             ; svc #0
      d65f03c0             ; ret`;
    expect(found(listing)).toEqual([]);
  });

  it("is not known if only a part of it is set", () => {
    const listing = `
      f2800028             ; movk x8, #1
      d4000001             ; svc #0
      d65f03c0             ; ret`;
    expect(found(listing)).toEqual(["0: f2800028 = ?"]);
  });
});

describe("a number from elsewhere", () => {
  it("is known when the call is made: libc's syscall()", () => {
    const listing = `
      2a0003e8             ; mov w8, w0
      aa0103e0             ; mov x0, x1
      aa0203e1             ; mov x1, x2
      aa0303e2             ; mov x2, x3
      aa0403e3             ; mov x3, x4
      aa0503e4             ; mov x4, x5
      aa0603e5             ; mov x5, x6
      d4000001             ; svc #0
      b13ffc1f             ; cmn x0, #4095
      54000048             ; b.hi error
      d65f03c0             ; ret
      d4207d00             ; error: brk #1000`;
    expect(found(listing)).toEqual(["18: aa0603e5 = ?"]);
    expect(search(listing).sites[0]!.free).toBe(0b111111);
  });

  it("may be a constant after all; the nearest instruction is patched", () => {
    const listing = (number: string) => `
      ${number}
      aa0903e8             ; mov x8, x9
      aa0203e3             ; mov x3, x2
      d4000001             ; svc #0
      d65f03c0             ; ret`;
    expect(found(listing("d2800c49             ; mov x9, #98"))).toEqual(["8: aa0203e3 = 98"]);
    expect(found(listing("d2801589             ; mov x9, #172"))).toEqual([]);
  });
});

describe("branches to the call", () => {
  const BRANCHES = `
      b4000080             ; cbz x0, call
      370000a6             ; tbnz w6, #0, behind
      d2801588             ; mov x8, #172
      14000001             ; b call
      d4000001             ; call: svc #0
      d65f03c0             ; ret
      d2800c48             ; behind: mov x8, #98
      17fffffd             ; b call`;

  it("are patched themselves, each that may lead there with a number that is wanted", () => {
    expect(found(BRANCHES)).toEqual(["0: b4000080 = ?", "1c: 17fffffd = 98"]);
  });

  it("glibc's __internal_syscall_cancel: behind a call that does not return, only branches lead there", () => {
    const listing = `
      35000087             ; cbnz w7, call
      37000066             ; tbnz w6, #0, call
      aa0503e3             ; mov x3, x5
      94000005             ; bl cancel
      d4000001             ; call: svc #0
      d65f03c0             ; ret`;
    expect(found(listing)).toEqual(["0: 35000087 = ?", "4: 37000066 = ?"]);
  });

  it("musl's __wait: behind a jump as well, and without a time nothing is to be done", () => {
    const listing = `
      14000004             ; b first
      d4000001             ; again: svc #0
      b100981f             ; cmn x0, #38
      d65f03c0             ; ret
      d2800c48             ; first: mov x8, #98
      ${"d2800003"}             ; mov x3, #0
      54ffff60             ; b.eq again
      d65f03c0             ; ret`;
    expect(found(listing)).toEqual([]);
    expect(found(listing, { gap: true })).toEqual([]);
    expect(found(listing.replace("d2800003", "aa0203e3"))).toEqual(["18: 54ffff60 = 98"]);
  });

  it("in between leave what stands behind them", () => {
    const listing = `
      d2800c48             ; mov x8, #98
      aa0203e3             ; again: mov x3, x2
      d4000001             ; svc #0
      54ffffc0             ; b.eq again
      d65f03c0             ; ret`;
    expect(found(listing)).toEqual(["4: aa0203e3 = 98"]);
  });

  it("more than sixty-four are too many", () => {
    // cbz x0, call
    const branches = Array.from({ length: 65 }, (_, i) => (0xb400_0000 | ((66 - i) << 5)) >>> 0);
    const code = [...branches, 0xd280_0c48, 0xd400_0001, 0xd65f_03c0];
    expect(found(words(code.map((word) => word.toString(16)).join(" ")))).toEqual(["104: d2800c48 = 98"]);
  });
});

describe("what stands before the call cannot be moved", () => {
  it.each([
    ["58000083", "a literal: ldr x3"],
    ["10000083", "an address: adr x3"],
    ["d503245f", "where an indirect branch may lead: bti c"],
    ["d503233f", "where one may lead, too: paciasp"],
    ["e400e000", "what is not known: st1b {z0.b}, p0, [x0]"],
    ["d63f0060", "a call: blr x3"],
  ])("%s, %s", (word) => {
    const listing = `d2800c48 ${word} d4000001 d65f03c0`;
    expect(found(listing)).toEqual([
      expect.stringMatching(/^8: no instruction before it that can be moved = (98|\?)$/),
    ]);
  });

  it("but the address of a page can", () => {
    expect(found("d2800c48 90000003 d4000001 d65f03c0")).toEqual(["4: 90000003 = 98"]);
  });
});

describe("a call without a time", () => {
  const futex = (operation: string, time: string) =>
    `${operation} ; x1\n ${time} ; x3\n d2800c48 ; mov x8, #98\n d4000001 ; svc #0\n d65f03c0 ; ret`;

  it("needs no patch: NULL, or an operation that does not wait", () => {
    const [wait, wake, copied] = ["d2801001", "d2801021", "aa0403e3"];
    expect(found(futex(wait!, "d2800003"))).toEqual([]);
    expect(found(futex(wait!, "aa1f03e3"))).toEqual([]);
    expect(found(futex(wait!, copied!))).toHaveLength(1);
    expect(found(futex(wake!, copied!))).toEqual([]);
    expect(found(futex("52803121 ; FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME", copied!))).toHaveLength(
      1,
    );
  });
});

describe("data among code", () => {
  it("does not end a function", () => {
    const listing = `
      14000003             ; b over
      e400e000             ; data
      00000000             ; data
      d2800c48             ; over: mov x8, #98
      d4000001             ; svc #0
      d65f03c0             ; ret`;
    expect(found(listing)).toEqual(["c: d2800c48 = 98"]);
  });

  it("but among functions that nobody knows, what stands behind it may be data as well", () => {
    const code = `e400e000 ${"d503201f ".repeat(12)} d2800c48 d4000001 d65f03c0`;
    expect(found(code, { gap: true })).toEqual(["38: an unknown instruction before it = 98"]);
    expect(found(code.replace("e400e000", "d503201f"), { gap: true })).toEqual(["34: d2800c48 = 98"]);
  });

  it("that looks like a system call, without bounds, is told from code by what stands before it", () => {
    const known = { functions: [] };
    expect(found(`${"d503201f ".repeat(12)} d2800c48 d4000001`, known)).toEqual([
      "34: no function bounds = 98",
    ]);
    expect(found(`${"d503201f ".repeat(12)} e400e000 d2800c48 d4000001`, known)).toEqual([]);
  });

  it("is no system call where no instruction can begin", () => {
    const code = Uint8Array.of(...words("d503201f d2800c48"), 0, 0, ...words("d4000001"), 0, 0);
    expect(found(code)).toEqual([]);
  });
});

it("musl's __syscall_cp_asm is known by its words", () => {
  const listing = `
      b9400000             ; ldr w0, [x0]
      35000140             ; cbnz w0, cancel
      aa0103e8             ; mov x8, x1
      aa0203e0             ; mov x0, x2
      aa0303e1             ; mov x1, x3
      aa0403e2             ; mov x2, x4
      aa0503e3             ; mov x3, x5
      aa0603e4             ; mov x4, x6
      aa0703e5             ; mov x5, x7
      d4000001             ; svc #0
      d65f03c0             ; ret
      17fffd8d             ; cancel: b`;
  expect(search(listing, { functions: [] })).toMatchObject({
    sites: [{ patch: BASE + 0x20, number: undefined, free: 0b111111, function: "__syscall_cp_asm" }],
    unproved: [],
  });
});

it("Go's runtime.futex: arguments from the stack, the result to it", () => {
  const listing = `
      f94007e0             ; ldr x0, [sp, #8]
      b94013e1             ; ldr w1, [sp, #16]
      b94017e2             ; ldr w2, [sp, #20]
      f9400fe3             ; ldr x3, [sp, #24]
      f94013e4             ; ldr x4, [sp, #32]
      b9402be5             ; ldr w5, [sp, #40]
      d2800c48             ; mov x8, #98
      d4000001             ; svc #0
      b90033e0             ; str w0, [sp, #48]
      d65f03c0             ; ret`;
  expect(search(listing)).toMatchObject({ sites: [{ number: 98, free: 0b111111 }], unproved: [] });
});
