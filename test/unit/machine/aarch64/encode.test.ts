/**
 * The jumps that are written over a function's entry: one instruction, or two.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeJump, encodeFarJump, encodeJump } from "../../../../src/machine/aarch64/encode.ts";
import { address } from "../../../../src/machine/address.ts";
import { JumpOutOfReach } from "../../../../src/machine/errors.ts";
import { digits, words } from "./prologues.ts";

const FROM = address(0x7fff_f7fc_1af0n);
const PAGE = 0x7fff_f7fc_1000n;
const MIB = 1n << 20n;
const GIB = 1n << 30n;

describe("B", () => {
  it("counts words from itself", () => {
    expect(digits(encodeJump(FROM, FROM))).toBe("14000000");
    expect(digits(encodeJump(FROM, address(FROM + 4n)))).toBe("14000001");
    expect(digits(encodeJump(FROM, address(FROM - 4n)))).toBe("17ffffff");
    expect(digits(encodeJump(FROM, address(0x7fff_f7fb_0000n)))).toBe("17ffb944");
  });

  it("reaches 128 MiB and no word more", () => {
    expect(digits(encodeJump(FROM, address(FROM + 128n * MIB - 4n)))).toBe("15ffffff");
    expect(digits(encodeJump(FROM, address(FROM - 128n * MIB)))).toBe("16000000");
    expect(() => encodeJump(FROM, address(FROM - 128n * MIB - 4n))).toThrow(JumpOutOfReach);
    expect(() => encodeJump(FROM, address(FROM + 128n * MIB))).toThrow(
      "a jump at 0x7ffff7fc1af0 does not reach 0x7ffffffc1af0: more than 128 MiB away",
    );
  });

  it("leads to words only", () => {
    for (const odd of [1n, 2n, 3n]) {
      expect(() => encodeJump(FROM, address(FROM + odd))).toThrow(JumpOutOfReach);
    }
  });

  it("is read by decodeJump as the same jump, wherever it stands", () => {
    fc.assert(
      fc.property(
        fc.bigInt(-32n * MIB, 32n * MIB - 1n),
        fc.bigInt(1n << 32n, 1n << 46n),
        (distance, place) => {
          const from = address(4n * place);
          const to = address(from + 4n * distance);
          expect(decodeJump(encodeJump(from, to), from)).toBe(to);
        },
      ),
      { seed: 1 },
    );
  });
});

describe("ADRP and BR", () => {
  it("counts pages from its own", () => {
    // adrp x16, .; br x16
    expect(digits(encodeFarJump(FROM, address(PAGE)))).toBe("90000010 d61f0200");
    expect(digits(encodeFarJump(FROM, address(PAGE + 0x1000n)))).toBe("b0000010 d61f0200");
    expect(digits(encodeFarJump(FROM, address(PAGE - 0x1000n)))).toBe("f0fffff0 d61f0200");
    expect(digits(encodeFarJump(FROM, address(PAGE + 0x4000n)))).toBe("90000030 d61f0200");
  });

  it("reaches 4 GiB and no page more", () => {
    expect(digits(encodeFarJump(FROM, address(PAGE + 4n * GIB - 0x1000n)))).toBe("f07ffff0 d61f0200");
    expect(digits(encodeFarJump(FROM, address(PAGE - 4n * GIB)))).toBe("90800010 d61f0200");
    expect(() => encodeFarJump(FROM, address(PAGE + 4n * GIB))).toThrow("more than 4 GiB away");
    expect(() => encodeFarJump(FROM, address(PAGE - 4n * GIB - 0x1000n))).toThrow(JumpOutOfReach);
  });

  it("leads to the beginning of a page only", () => {
    expect(() => encodeFarJump(FROM, address(PAGE + 0x1004n))).toThrow(JumpOutOfReach);
  });

  it("is read by decodeJump as the same jump", () => {
    fc.assert(
      fc.property(fc.bigInt(-(1n << 20n), (1n << 20n) - 1n), (pages) => {
        const to = address(PAGE + 0x1000n * pages);
        expect(decodeJump(encodeFarJump(FROM, to), FROM)).toBe(to);
      }),
      { seed: 2 },
    );
  });
});

it.each([
  ["nothing", ""],
  ["bl", "94000001"],
  ["b.eq", "54000020"],
  ["adrp x16 with anything but br x16 behind", "90000010 d61f0220"],
  ["adrp x16 and blr x16", "90000010 d63f0200"],
  ["adrp x16 alone", "90000010"],
  ["adrp x17 and br x16", "90000011 d61f0200"],
  ["adr x16 and br x16", "10000010 d61f0200"],
])("%s is no jump of ours", (_, code) => {
  expect(decodeJump(words(code), FROM)).toBeUndefined();
});

it("does not read beyond three bytes", () => {
  expect(decodeJump(words("14000001").subarray(0, 3), FROM)).toBeUndefined();
});
