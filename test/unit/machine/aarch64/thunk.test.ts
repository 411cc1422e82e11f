/** Thunks on aarch64 word for word, and where they lead. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CALLS } from "../../../../src/machine/aarch64/calls.ts";
import { decode } from "../../../../src/machine/aarch64/decode.ts";
import { decodeJump, encodeJump } from "../../../../src/machine/aarch64/encode.ts";
import { isMovable } from "../../../../src/machine/aarch64/thunk.ts";
import { type Address, address } from "../../../../src/machine/address.ts";
import { JumpOutOfReach, RelocationError } from "../../../../src/machine/errors.ts";
import { digits, words } from "./prologues.ts";

const SITE = address(0xffff_8008_0000n);
const AT = address(0xffff_8000_0100n);
const ENTER = address(0xffff_8000_0028n);
const WORD = 4n;
const TAIL = 10;

function thunk(moved: string, more: Partial<Parameters<typeof CALLS.encodeThunk>[0]> = {}): Uint8Array {
  const code = words(moved);
  const call = address(SITE + BigInt(code.length));
  return CALLS.encodeThunk({ moved: code, site: SITE, call, free: 0b1001, at: AT, enter: ENTER, ...more });
}

/** Where the branch leads that is a thunk's word; negative indices count from the end. */
function leadsTo(bytes: Uint8Array, index: number, at: Address = AT): Address | undefined {
  const offset = index * 4 + (index < 0 ? bytes.length : 0);
  return decodeJump(bytes.subarray(offset, offset + 4), address(at + BigInt(offset)));
}

describe("a thunk", () => {
  it("of a number that is loaded right before the call", () => {
    expect(digits(thunk("d2800c48"))).toBe(
      [
        "d2800c48", // mov  x8, #98
        "f81e0ffe", // str  x30, [sp, #-32]!
        "58fff91e", // ldr  x30, ENTER
        "d63f03c0", // blr  x30
        "f94007fe", // ldr  x30, [sp, #8]
        "b500007e", // cbnz x30, .+12
        "f84207fe", // ldr  x30, [sp], #32
        "1401ffba", // b    SITE+4              ; the call
        "f84207fe", // ldr  x30, [sp], #32
        "1401ffb9", // b    SITE+8              ; behind it
        "00000009", // .word 0b1001
      ].join(" "),
    );
  });

  it("of several instructions, one of which refers to a page", () => {
    const bytes = thunk("d2800c48 90000003 f9400063"); // mov x8, #98; adrp x3, SITE's page; ldr x3, [x3]
    expect(bytes).toHaveLength(CALLS.thunkLength(words("d2800c48 90000003 f9400063")));
    const { reference } = decode(bytes, 4);
    expect((AT >> 12n) + (reference?.distance ?? 0n)).toBe(SITE >> 12n);
    expect(digits(bytes.subarray(8, 12))).toBe("f9400063");
    expect(leadsTo(bytes, -4)).toBe(SITE + 12n);
    expect(leadsTo(bytes, -2)).toBe(SITE + 16n);
  });

  it.each([
    ["cbz x0", "b4000080", "b4000040"],
    ["tbnz w6, #0", "37000046", "37000046"],
    ["b.eq, backwards", "54ffff60", "54000040"],
  ])("of a branch to the call: %s", (_, branch, overOne) => {
    const call = address(SITE + 0x40n);
    const bytes = thunk(branch, { call });
    expect(bytes).toHaveLength(CALLS.thunkLength(words(branch)));
    expect(digits(bytes.subarray(0, 4)), "taken: over one").toBe(overOne);
    expect(leadsTo(bytes, 1), "not taken: back").toBe(SITE + WORD);
    expect(digits(bytes.subarray(8, 12))).toBe("f81e0ffe");
    expect(leadsTo(bytes, -4)).toBe(call);
    expect(leadsTo(bytes, -2)).toBe(call + WORD);
  });

  it("of a jump to the call has nothing else", () => {
    const call = address(SITE - 0x20n);
    const bytes = thunk("17fffff8", { call });
    expect(bytes).toHaveLength(CALLS.thunkLength(words("17fffff8")));
    expect(digits(bytes.subarray(0, 4))).toBe("f81e0ffe");
    expect(leadsTo(bytes, -4)).toBe(call);
  });

  it("leads where it should from wherever it is", () => {
    const distance = fc.integer({ min: -(2 ** 24), max: 2 ** 24 }).map((words) => 4n * BigInt(words));
    const head = fc.constantFrom("aa0203e3", "90000003", "b0ffffe3", "b4000080", "14000020");
    fc.assert(
      fc.property(distance, fc.integer({ min: 1, max: 2 ** 16 }), head, (away, before, moved) => {
        const at = address(SITE + away);
        const enter = address(at - 4n * BigInt(before));
        const call = address(SITE + 0x40n);
        const bytes = thunk(moved, { at, enter, call });
        expect(bytes.length).toBe(CALLS.thunkLength(words(moved)));
        const load = bytes.length - (TAIL - 1) * 4;
        expect(at + BigInt(load) + decode(bytes, load).reference!.distance).toBe(enter);
        expect(leadsTo(bytes, -4, at)).toBe(call);
        expect(leadsTo(bytes, -2, at)).toBe(call + WORD);
        const site = decode(words(moved), 0).reference;
        if (site?.kind === "adrp") {
          const pages = decode(bytes, 0).reference!.distance;
          expect((at >> 12n) + pages).toBe((SITE >> 12n) + site.distance);
        }
      }),
    );
  });
});

describe("is refused", () => {
  it.each([
    ["58000083", "ldr of a literal"],
    ["10000083", "adr"],
    ["d503245f", "bti c"],
    ["d503233f", "paciasp"],
    ["d503237f", "pacibsp"],
    ["d4000001", "svc"],
    ["94000002", "bl"],
    ["d65f03c0", "ret"],
    ["e400e000", "what is not known"],
    ["d2800c48 b4000080", "a branch behind another instruction"],
  ])("for %s, %s", (moved) => {
    expect(() => thunk(moved)).toThrow(RelocationError);
    expect(isMovable(new DataView(words(moved).buffer).getUint32(words(moved).length - 4, true))).toBe(false);
  });

  it.each([
    ["d50323bf", "autiasp"],
    ["d503201f", "nop"],
    ["910003fd", "mov x29, sp"],
  ])("but not for %s, %s", (moved) => {
    expect(digits(thunk(moved))).toContain(moved);
  });

  it("beyond the reach of its jumps, and of the load", () => {
    const far = address(SITE - (1n << 27n) - 0x100n);
    expect(() => thunk("d2800c48", { at: far, enter: far })).toThrow(JumpOutOfReach);
    expect(() => thunk("d2800c48", { enter: address(AT + (1n << 20n) + 0x100n) })).toThrow(JumpOutOfReach);
  });

  it("where what it refers to is too far away", () => {
    // adrp x3, 4 GiB below: from 64 MiB above it does not reach.
    expect(() =>
      thunk("90800003", { at: address(SITE + (1n << 26n)), enter: address(SITE + (1n << 26n)) }),
    ).toThrow(RelocationError);
  });
});

it("a jump fits where any instruction stood", () => {
  expect(encodeJump(SITE, AT)).toHaveLength(CALLS.replaced);
});
