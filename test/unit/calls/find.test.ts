/**
 * What is found in code, rule by rule: a listing in, sites and refusals out. All listings stand at 0x401000.
 */
import { describe, expect, it } from "vitest";
import { type Calls, findCalls } from "../../../src/calls/find.ts";
import { tableOf } from "../../../src/calls/table.ts";
import { CALLS } from "../../../src/machine/x86_64/calls.ts";
import { hex } from "../machine/x86_64/prologues.ts";
import { BASE, imageOf, type Known } from "./code-image.ts";

const DEADLINES = tableOf(CALLS).deadlines;

/** Sites as `patch: moved bytes = number`, refusals as `at: why = number`; offsets in hexadecimal. */
function found(
  code: string | Uint8Array,
  known: Known = {},
  wanted: ReadonlySet<number> = DEADLINES,
): string[] {
  return told(findCalls(CALLS, imageOf(code, known), wanted), known.base ?? BASE);
}

function told({ sites, unproved }: Calls, base: number): string[] {
  const offset = (address: number) => (address - base).toString(16);
  return [
    ...sites.map(({ patch, moved, number }) => `${offset(patch)}: ${hex(moved)} = ${number ?? "?"}`),
    ...unproved.map(({ at, why, number }) => `${offset(at)}: ${why} = ${number ?? "?"}`),
  ];
}

describe("the number right before the call", () => {
  it("is where the patch goes", () => {
    const listing = `
      49 89 ca             ; mov r10, rcx
      b8 e6 00 00 00       ; mov eax, 230
      0f 05                ; syscall
      c3                   ; ret`;
    expect(findCalls(CALLS, imageOf(listing), DEADLINES)).toMatchObject({
      sites: [
        {
          patch: BASE + 3,
          moved: Uint8Array.of(0xb8, 0xe6, 0, 0, 0),
          number: 230,
          free: 0b001000,
          function: "function",
        },
      ],
      unproved: [],
    });
  });

  it("is of no interest if nobody wants it", () => {
    expect(found("b8 27 00 00 00 0f 05 c3 ; mov eax, 39; syscall; ret")).toEqual([]);
    expect(found("b8 27 00 00 00 0f 05 c3", {}, new Set([39]))).toEqual(["0: b827000000 = 39"]);
  });

  it("is none in another register", () => {
    const listing = `
      b8 27 00 00 00       ; mov eax, 39
      41 b8 ca 00 00 00    ; mov r8d, 202
      0f 05                ; syscall
      c3                   ; ret`;
    expect(found(listing)).toEqual([]);
  });

  it("may be followed by others in the same function", () => {
    const listing = `
      b8 e6 00 00 00       ; mov eax, 230
      0f 05                ; syscall
      b8 c9 00 00 00       ; mov eax, 201
      0f 05                ; syscall
      c3                   ; ret`;
    expect(found(listing)).toEqual(["0: b8e6000000 = 230", "7: b8c9000000 = 201"]);
  });

  it("a branch that passes by with another number does no harm", () => {
    const listing = `
      b8 27 00 00 00       ; mov eax, 39
      74 05                ; je call
      b8 e6 00 00 00       ; mov eax, 230
      0f 05                ; call: syscall
      c3                   ; ret`;
    expect(found(listing)).toEqual(["7: b8e6000000 = 230"]);
  });

  it("one that passes by with a number that is wanted, or not known, is named", () => {
    const same = `
      b8 e6 00 00 00       ; mov eax, 230
      74 05                ; je call
      b8 e6 00 00 00       ; mov eax, 230
      0f 05                ; call: syscall
      c3                   ; ret`;
    expect(found(same)).toEqual(["7: b8e6000000 = 230", "c: a branch leads there past the number = 230"]);
    const unknown = `
      89 f8                ; mov eax, edi
      74 05                ; je call
      b8 e6 00 00 00       ; mov eax, 230
      0f 05                ; call: syscall
      c3                   ; ret`;
    expect(found(unknown)).toEqual(["4: b8e6000000 = 230", "9: a branch leads there past the number = ?"]);
  });

  it("what stands behind the call need not be known", () => {
    const listing = `
      b8 e6 00 00 00       ; mov eax, 230
      0f 05                ; syscall
      06                   ; unknown
      eb fb                ; perhaps a branch to the call`;
    expect(found(listing)).toEqual(["0: b8e6000000 = 230"]);
  });
});

describe("instructions between the number and the call", () => {
  it("are moved", () => {
    const listing = `
      b8 ca 00 00 00       ; mov eax, 202
      8b 7c 24 10          ; mov edi, [rsp+16]
      40 80 f6 81          ; xor sil, 0x81
      0f 05                ; syscall
      c3                   ; ret`;
    expect(found(listing)).toEqual(["0: b8ca0000008b7c24104080f681 = 202"]);
  });

  it("the number is what is replaced, not a nearer instruction of five bytes", () => {
    const listing = `
      b8 ca 00 00 00       ; mov eax, 202
      ba 01 00 00 00       ; mov edx, 1
      0f 05                ; syscall
      c3                   ; ret`;
    expect(found(listing)).toEqual(["0: b8ca000000ba01000000 = 202"]);
  });

  it("a branch to one of them leaves those behind it", () => {
    const listing = `
      b8 ca 00 00 00       ; mov eax, 202
      31 f6                ; xor esi, esi
      74 00                ; je behind
      ba 01 00 00 00       ; behind: mov edx, 1
      0f 05                ; syscall
      c3                   ; ret`;
    expect(found(listing)).toEqual(["9: ba01000000 = 202"]);
  });

  it("if none is left, nothing can be done", () => {
    const listing = `
      b8 ca 00 00 00       ; mov eax, 202
      89 fa                ; again: mov edx, edi
      0f 05                ; syscall
      74 fa                ; je again
      c3                   ; ret`;
    expect(found(listing)).toEqual(["7: a branch leads in between = 202"]);
    const harmless = listing.replace("0f 05", "0f 05 b8 ca 00 00 00").replace("74 fa", "74 f5");
    expect(found(harmless)).toEqual(["7: a branch leads in between = 202"]);
  });

  it("a call is not moved", () => {
    const listing = `
      bb ca 00 00 00       ; mov ebx, 202
      e8 00 00 00 00       ; call
      89 d8                ; mov eax, ebx
      0f 05                ; syscall
      c3                   ; ret`;
    expect(found(listing)).toEqual(["c: no instruction of five bytes before it = 202"]);
  });

  it("bytes that only look like a branch are none", () => {
    const listing = `
      b8 ca 00 00 00       ; mov eax, 202
      89 fa                ; mov edx, edi
      0f 05                ; syscall
      b9 74 f8 00 00       ; mov ecx, 0xf874
      c3                   ; ret`;
    expect(found(listing)).toEqual(["0: b8ca00000089fa = 202"]);
  });

  it("with an unknown instruction behind, they might be one", () => {
    const listing = `
      b8 ca 00 00 00       ; mov eax, 202
      89 fa                ; mov edx, edi
      0f 05                ; syscall
      06                   ; unknown
      eb f9                ; perhaps a branch behind the number
      c3                   ; ret`;
    expect(found(listing)).toEqual(["7: an unknown instruction in its function = 202"]);
    expect(found(listing.replace("eb f9", "eb 00"))).toEqual(["0: b8ca00000089fa = 202"]);
  });

  it("may be sixteen, and no more", () => {
    const listing = (nops: number) => `b8 ca 00 00 00 ${"f8 ".repeat(nops)} 0f 05 c3 ; clc`;
    expect(found(listing(15))).toEqual([`0: b8ca000000${"f8".repeat(15)} = 202`]);
    expect(found(listing(16))).toEqual(["15: no instruction of five bytes before it = 202"]);
  });
});

describe("a number in a register", () => {
  it("is known when the call is made: libc's syscall()", () => {
    const listing = `
      48 89 f8             ; mov rax, rdi
      48 89 f7             ; mov rdi, rsi
      48 89 d6             ; mov rsi, rdx
      48 89 ca             ; mov rdx, rcx
      4d 89 c2             ; mov r10, r8
      4d 89 c8             ; mov r8, r9
      4c 8b 4c 24 08       ; mov r9, [rsp+8]
      0f 05                ; syscall
      48 3d 01 f0 ff ff    ; cmp rax, -4095
      73 01                ; jae error
      c3                   ; ret
      0f 0b                ; error: ud2`;
    const { sites } = findCalls(CALLS, imageOf(listing), DEADLINES);
    expect(told({ sites, unproved: [] }, BASE)).toEqual(["12: 4c8b4c2408 = ?"]);
    expect(sites[0]!.free).toBe(0b111111);
  });

  it("needs an instruction of five bytes: Go's Syscall6", () => {
    const listing = `
      48 89 fa             ; mov rdx, rdi
      48 89 ce             ; mov rsi, rcx
      48 89 df             ; mov rdi, rbx
      0f 05                ; syscall
      c3                   ; ret`;
    expect(found(listing)).toEqual(["9: no instruction of five bytes before it = ?"]);
  });

  it("the nearest is taken", () => {
    const listing = `
      be 01 00 00 00       ; mov esi, 1
      ba 01 00 00 00       ; mov edx, 1
      89 f8                ; mov eax, edi
      0f 05                ; syscall
      c3                   ; ret`;
    expect(found(listing)).toEqual(["5: ba0100000089f8 = ?"]);
  });

  const through = (set: string) => `
      ${set}
      31 f6                ; again: xor esi, esi
      ba 01 00 00 00       ; mov edx, 1
      44 89 c0             ; mov eax, r8d
      0f 05                ; syscall
      83 f8 fc             ; cmp eax, -4
      74 ef                ; je again
      c3                   ; ret`;

  it("may be a constant after all", () => {
    expect(found(through("41 b8 ca 00 00 00    ; mov r8d, 202"))).toEqual(["8: ba010000004489c0 = 202"]);
    expect(found(through("41 b8 27 00 00 00    ; mov r8d, 39"))).toEqual([]);
    expect(found(through("49 c7 c0 ca 00 00 00 ; mov r8, 202"))).toEqual(["9: ba010000004489c0 = 202"]);
    expect(found(through("45 31 c0             ; xor r8d, r8d"))).toEqual([]);
    expect(found(through("45 31 c8             ; xor r8d, r9d"))).toEqual(["5: ba010000004489c0 = ?"]);
    expect(found(through("41 b0 ca             ; mov r8b, 202"))).toEqual(["5: ba010000004489c0 = ?"]);
    expect(found(through("bb ca 00 00 00 41 89 d8 ; mov ebx, 202; mov r8d, ebx"))).toEqual([
      "a: ba010000004489c0 = 202",
    ]);
  });

  const either = (first: string, second: string) => `
      74 08                ; je other
      41 b8 ${first}       ; mov r8d
      eb 06                ; jmp call
      41 b8 ${second}      ; other: mov r8d
      ba 01 00 00 00       ; call: mov edx, 1
      44 89 c0             ; mov eax, r8d
      0f 05                ; syscall
      c3                   ; ret`;

  it("is known if all paths set the same", () => {
    expect(found(either("ca 00 00 00", "ca 00 00 00"))).toEqual(["10: ba010000004489c0 = 202"]);
    expect(found(either("ca 00 00 00", "27 00 00 00"))).toEqual(["10: ba010000004489c0 = ?"]);
    expect(found(either("26 00 00 00", "27 00 00 00"))).toEqual([]);
  });

  it("is not known behind another system call, which changes rax", () => {
    const listing = `
      b8 ca 00 00 00       ; mov eax, 202
      be 80 00 00 00       ; mov esi, 128
      0f 05                ; syscall
      ba 01 00 00 00       ; mov edx, 1
      0f 05                ; syscall
      c3                   ; ret`;
    expect(found(listing)).toEqual(["0: b8ca000000be80000000 = 202", "c: ba01000000 = ?"]);
  });

  it("may be set as code does that is written to be small", () => {
    const byte = "31 c0 b0 e6 0f 05 c3 ; xor eax, eax; mov al, 230; syscall; ret";
    expect(found(byte)).toEqual(["4: no instruction of five bytes before it = ?"]);
    const popped = "31 c0 68 e6 00 00 00 58 0f 05 c3 ; xor eax, eax; push 230; pop rax; syscall; ret";
    expect(found(popped)).toEqual(["2: 68e600000058 = ?"]);
    const short = "31 c0 6a 60 58 0f 05 c3 ; xor eax, eax; push 96; pop rax; syscall; ret";
    expect(found(short)).toEqual(["5: no instruction of five bytes before it = ?"]);
    expect(found("31 c0 b0 27 0f 05 c3 ; xor eax, eax; mov al, 39; syscall; ret")).toEqual([]);
    expect(found("31 c0 6a 27 58 0f 05 c3 ; xor eax, eax; push 39; pop rax; syscall; ret")).toEqual([]);
  });

  it("the padding behind a jump leads nowhere", () => {
    const listing = `
      41 b8 27 00 00 00    ; mov r8d, 39
      eb 04                ; jmp call
      0f 1f 40 00          ; nop
      44 89 c0             ; call: mov eax, r8d
      0f 05                ; syscall
      83 f8 fc             ; cmp eax, -4
      74 f6                ; je call
      c3                   ; ret`;
    expect(found(listing)).toEqual([]);
  });
});

describe("a call without a time", () => {
  const futex = (operation: string, time: string) => `
      ${operation}
      ${time}
      b8 ca 00 00 00       ; mov eax, 202
      0f 05                ; syscall
      c3                   ; ret`;

  it("needs no patch: NULL, or an operation that does not wait", () => {
    const wait = "be 80 00 00 00       ; mov esi, FUTEX_WAIT_PRIVATE";
    expect(found(futex(wait, "45 31 d2             ; xor r10d, r10d"))).toEqual([]);
    expect(found(futex(wait, "49 89 ca             ; mov r10, rcx"))).toEqual(["8: b8ca000000 = 202"]);
    const wake = "be 81 00 00 00       ; mov esi, FUTEX_WAKE_PRIVATE";
    expect(found(futex(wake, "49 89 ca             ; mov r10, rcx"))).toEqual([]);
  });

  it.each([
    [0x00, "FUTEX_WAIT"],
    [0x86, "FUTEX_LOCK_PI_PRIVATE"],
    [0x189, "FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME"],
    [0x0b, "FUTEX_WAIT_REQUEUE_PI"],
    [0x8d, "FUTEX_LOCK_PI2_PRIVATE"],
  ])("but one that does: %i, %s", (operation) => {
    const set = Buffer.alloc(5, 0xbe);
    set.writeUInt32LE(operation, 1);
    expect(found(futex(set.toString("hex"), "49 89 ca ; mov r10, rcx"))).toHaveLength(1);
  });

  it("is one only if all paths are without", () => {
    const listing = `
      45 31 d2             ; xor r10d, r10d
      85 ff                ; test edi, edi
      74 03                ; je call
      49 89 ca             ; mov r10, rcx
      b8 ca 00 00 00       ; call: mov eax, 202
      0f 05                ; syscall
      c3                   ; ret`;
    expect(found(listing)).toEqual(["a: b8ca000000 = 202"]);
  });

  it("a clock's reading has no such argument", () => {
    expect(found("31 f6 b8 e4 00 00 00 0f 05 c3 ; clock_gettime with 0")).toEqual(["2: b8e4000000 = 228"]);
  });
});

describe("pages", () => {
  const call = "b8 e6 00 00 00 0f 05 c3";

  it("a patch is in one", () => {
    const at = (base: number) => found(call, { base });
    expect(at(0x401ffb)).toEqual(["0: b8e6000000 = 230"]);
    for (const base of [0x401ffc, 0x401ffd, 0x401ffe, 0x401fff]) {
      expect(at(base)).toEqual(["5: crosses a page = 230"]);
    }
    expect(at(0x402000)).toEqual(["0: b8e6000000 = 230"]);
  });

  it("with others in between as well", () => {
    expect(found("b8 e6 00 00 00 31 ff 0f 05 c3", { base: 0x401ffd })).toEqual(["7: crosses a page = 230"]);
  });

  it("another instruction is taken where the number crosses", () => {
    const listing = `
      be 01 00 00 00       ; mov esi, 1
      b8 e6 00 00 00       ; mov eax, 230
      0f 05                ; syscall
      c3                   ; ret`;
    expect(found(listing, { base: 0x401ff9 })).toEqual(["0: be01000000b8e6000000 = 230"]);
  });
});

describe("the two bytes within another instruction", () => {
  it("are none", () => {
    expect(found("b8 e6 00 00 00 b9 b8 e6 00 0f 05 c3 ; mov ecx")).toEqual([]);
    expect(found("48 8b 05 b8 e6 00 00 81 c1 0f 05 00 00 c3 ; add ecx, 0x50f")).toEqual([]);
  });
});

describe("functions", () => {
  const call = "b8 e6 00 00 00 0f 05 c3 ";

  it("an unknown instruction before the call leaves nothing certain", () => {
    expect(found(`06 ${"90 ".repeat(50)} ${call}`)).toEqual(["38: an unknown instruction before it = 230"]);
    expect(found(`06 ${"90 ".repeat(50)} b8 27 00 00 00 0f 05 c3`)).toEqual([]);
  });

  it("without bounds, nothing is certain", () => {
    const known = { functions: [] };
    expect(found(`${"90 ".repeat(48)} ${call}`, known)).toEqual(["35: no function bounds = 230"]);
    expect(found(`${"90 ".repeat(48)} 89 f8 0f 05 c3`, known)).toEqual(["32: no function bounds = ?"]);
    expect(found(`${"90 ".repeat(48)} b8 27 00 00 00 0f 05 c3`, known)).toEqual([]);
    expect(found(`${"90 ".repeat(48)} b8 e6 00 00 00 b9 0f 05 00 00 c3`, known)).toEqual([]);
    expect(found(`${"90 ".repeat(43)} 45 31 d2 b8 ca 00 00 00 0f 05 c3`, known)).toEqual([]);
  });

  it("are not looked at if they are longer than any that makes system calls", () => {
    const code = Uint8Array.from([
      ...new Uint8Array(1 << 20).fill(0x90),
      0xb8,
      0xe6,
      0,
      0,
      0,
      0x0f,
      0x05,
      0xc3,
    ]);
    expect(found(code)).toEqual(["100005: too far from where a function is known to begin = 230"]);
  });

  it("in a gap between functions, instructions are known to begin at its start", () => {
    expect(found(`c3 ${call}`, { gap: true })).toEqual(["1: b8e6000000 = 230"]);
  });

  it("in a gap, somebody may call what others jump to", () => {
    const listing = `
      45 31 d2             ; first: xor r10d, r10d
      eb 01                ; jmp second
      c3                   ; ret
      b8 ca 00 00 00       ; second: mov eax, 202
      0f 05                ; syscall
      c3                   ; ret`;
    expect(found(listing)).toEqual([]);
    expect(found(listing, { gap: true })).toEqual(["6: b8ca000000 = 202"]);
  });

  it("in a gap, a return tells only of its own function what it changes", () => {
    const listing = `
      49 89 ca             ; first: mov r10, rcx
      c3                   ; ret
      b8 ca 00 00 00       ; second: mov eax, 202
      0f 05                ; syscall
      c3                   ; ret`;
    const free = (known: Known) =>
      findCalls(CALLS, imageOf(listing, known), DEADLINES).sites.map((site) => site.free);
    expect(free({})).toEqual([0b001000]);
    expect(free({ gap: true })).toEqual([0]);
  });
});

describe("musl's __syscall_cp_asm", () => {
  const listing = `
      8b 07                ; mov eax, [rdi]
      85 c0                ; test eax, eax
      75 24                ; jnz cancel
      49 89 fb             ; mov r11, rdi
      48 89 f0             ; mov rax, rsi
      48 89 d7             ; mov rdi, rdx
      48 89 ce             ; mov rsi, rcx
      4c 89 c2             ; mov rdx, r8
      4d 89 ca             ; mov r10, r9
      4c 8b 44 24 08       ; mov r8, [rsp+8]
      4c 8b 4c 24 10       ; mov r9, [rsp+16]
      4c 89 5c 24 08       ; mov [rsp+8], r11
      0f 05                ; syscall
      c3                   ; ret
      e9 22 13 ff ff       ; cancel: jmp`;

  it("is known by its bytes", () => {
    expect(findCalls(CALLS, imageOf(listing, { functions: [] }), DEADLINES)).toMatchObject({
      sites: [
        {
          patch: BASE + 0x22,
          moved: Uint8Array.of(0x4c, 0x89, 0x5c, 0x24, 0x08),
          number: undefined,
          free: 0b111111,
          function: "__syscall_cp_asm",
        },
      ],
      unproved: [],
    });
  });

  it("by all of them", () => {
    const other = listing.replace("48 89 d7", "48 89 d6");
    expect(found(other, { functions: [] })).toEqual(["27: no function bounds = ?"]);
  });
});

describe("the search", () => {
  it("goes over the borders of what is read at once", () => {
    const call = [0xb8, 0xe6, 0, 0, 0, 0x0f, 0x05, 0xc3];
    for (const at of [0x100000 - 7, 0x100000 - 6, 0x100000 - 5, 0x100000]) {
      const code = new Uint8Array(0x180000).fill(0x90);
      code.set(call, at);
      const functions = [{ start: BASE + at, end: BASE + at + 8, name: undefined }];
      expect(found(code, { functions })).toEqual([`${at.toString(16)}: b8e6000000 = 230`]);
    }
  });

  it("has an end in code that is nothing but system calls", () => {
    const code = Uint8Array.from(
      { length: 0x10000 },
      (_, at) => [0xb8, 0xe6, 0, 0, 0, 0x0f, 0x05, 0x90][at % 8]!,
    );
    const { sites, unproved } = findCalls(CALLS, imageOf(code), DEADLINES);
    expect(unproved.slice(-1)).toMatchObject([{ why: "too many system calls before it", number: undefined }]);
    expect(sites.length + unproved.length).toBe(4096);
  });

  it("finds nothing in nothing", () => {
    expect(found("")).toEqual([]);
    expect(found("0f 05")).toEqual(["0: no instruction of five bytes before it = ?"]);
    expect(found("0f")).toEqual([]);
  });
});
