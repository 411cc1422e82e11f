/** Thunks byte for byte, and disassembled by an independent decoder. */
import { describe, expect, it } from "vitest";
import { address } from "../../../../src/machine/address.ts";
import { JumpOutOfReach, RelocationError } from "../../../../src/machine/errors.ts";
import { encodeThunk, thunkLength } from "../../../../src/machine/x86_64/thunk.ts";
import { assembled } from "./prologues.ts";

const SITE = address(0x7fff_f7e8_0000n);
const AT = address(0x7fff_f7e0_0100n);
const ENTER = address(0x7fff_f7e0_0028n);

const thunk = (moved: Uint8Array, more: Partial<Parameters<typeof encodeThunk>[0]> = {}) =>
  encodeThunk({
    moved,
    site: SITE,
    call: address(SITE + BigInt(moved.length)),
    free: 0b1000,
    at: AT,
    enter: ENTER,
    ...more,
  });

describe("a thunk", () => {
  it("of a number that is loaded right before the call", () => {
    expect(thunk(assembled("b8 ca 00 00 00"))).toEqual(
      assembled(
        [
          "b8 ca 00 00 00", // mov  eax, 202
          "48 8d 64 24 80", // lea  rsp, [rsp-128]
          "68 08 00 00 00", // push 8
          "ff 15 13 ff ff ff", // call [rip-0xed]          ; ENTER
          "48 8d a4 24 88 00 00 00", // lea  rsp, [rsp+136]
          "72 05", // jc   +5
          "e9 e1 fe 07 00", // jmp  SITE+5              ; the syscall
          "e9 de fe 07 00", // jmp  SITE+7              ; behind it
        ].join(" "),
      ),
    );
  });

  it("with instructions in between, one of which refers to its own address", () => {
    const moved = assembled(
      [
        "b8 f2 00 00 00", // mov  eax, 242
        "4c 8b 05 00 10 00 00", // mov  r8, [rip+0x1000]
      ].join(" "),
    );
    const bytes = thunk(moved);
    expect(bytes).toHaveLength(thunkLength(moved));
    expect(bytes.subarray(0, 5)).toEqual(moved.subarray(0, 5));
    const displacement = new DataView(bytes.buffer).getInt32(8, true);
    expect(AT + 12n + BigInt(displacement), "the same operand").toBe(SITE + 12n + 0x1000n);
    const jump = bytes.length - 10;
    expect(AT + BigInt(jump + 5 + new DataView(bytes.buffer).getInt32(jump + 1, true))).toBe(SITE + 12n);
  });

  it("says which registers may be changed", () => {
    for (const free of [0, 1, 0b111111]) {
      const bytes = thunk(assembled("4c 8b 4c 24 08"), { free });
      expect(bytes.subarray(10, 15)).toEqual(Uint8Array.of(0x68, free, 0, 0, 0));
    }
  });
});

describe("is refused", () => {
  it("for what cannot be moved", () => {
    expect(() => thunk(assembled("e8 00 00 00 00"))).toThrow(RelocationError);
    expect(() => thunk(assembled("b8 ca 00 00 00 74 00"))).toThrow(RelocationError);
  });

  it("beyond the reach of its jumps", () => {
    const at = address(SITE - 2n ** 31n - 100n);
    expect(() => thunk(assembled("b8 ca 00 00 00"), { at, enter: at })).toThrow(JumpOutOfReach);
    expect(() => thunk(assembled("b8 ca 00 00 00"), { enter: address(AT + 2n ** 31n + 100n) })).toThrow(
      JumpOutOfReach,
    );
  });
});
