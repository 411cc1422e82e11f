/**
 * The jump that is written over a function's entry.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { address } from "../../../../src/machine/address.ts";
import { JumpOutOfReach } from "../../../../src/machine/errors.ts";
import { decodeJump, encodeJump, JUMP_LENGTH } from "../../../../src/machine/x86_64/encode.ts";
import { ask } from "./oracle.ts";
import { hex } from "./prologues.ts";

const FROM = address(0x7fff_f7fc_1af0n);

describe("encodeJump", () => {
  it("writes E9 and the distance from its own end", () => {
    expect(hex(encodeJump(FROM, address(FROM + 5n)))).toBe("e900000000");
    expect(hex(encodeJump(FROM, FROM))).toBe("e9fbffffff");
    expect(hex(encodeJump(FROM, address(0x7fff_f7fb_0000n)))).toBe("e90be5feff");
  });

  it("reaches 2 GiB from its end and no byte more", () => {
    const end = FROM + BigInt(JUMP_LENGTH);
    expect(hex(encodeJump(FROM, address(end + 0x7fff_ffffn)))).toBe("e9ffffff7f");
    expect(hex(encodeJump(FROM, address(end - 0x8000_0000n)))).toBe("e900000080");
    expect(() => encodeJump(FROM, address(end + 0x8000_0000n))).toThrow(JumpOutOfReach);
    expect(() => encodeJump(FROM, address(end - 0x8000_0001n))).toThrow(
      "a jump at 0x7ffff7fc1af0 does not reach 0x7fff77fc1af4: more than 2 GiB away",
    );
  });

  it("is read by decodeJump, and by iced-x86, as the same jump", () => {
    fc.assert(
      fc.property(fc.bigInt(-0x7fff_fff0n, 0x7fff_fff0n), (distance) => {
        const bytes = encodeJump(FROM, address(FROM + distance));
        expect(decodeJump(bytes, FROM)).toBe(FROM + distance);
        expect(ask(bytes, 0, FROM)).toMatchObject({ length: JUMP_LENGTH, branchTarget: FROM + distance });
      }),
      { seed: 1 },
    );
  });
});

describe("decodeJump", () => {
  it("is undefined for anything but a whole JMP rel32", () => {
    expect(decodeJump(Uint8Array.of(), FROM)).toBeUndefined();
    expect(decodeJump(Uint8Array.of(0xe9, 0, 0, 0), FROM)).toBeUndefined();
    expect(decodeJump(Uint8Array.of(0xe8, 0, 0, 0, 0), FROM)).toBeUndefined();
    expect(decodeJump(Uint8Array.of(0xeb, 0, 0, 0, 0), FROM)).toBeUndefined();
  });

  it("reads a view into a larger buffer, and ignores what follows the jump", () => {
    const bytes = Uint8Array.of(0x90, 0xe9, 0x10, 0, 0, 0, 0x90);
    expect(decodeJump(bytes.subarray(1), FROM)).toBe(FROM + 0x15n);
  });
});
