/**
 * The relocator on the prologues of real kernels, bytes in and bytes out; on each kind of instruction that depends on where it
 * stands, to the edges of its reach; and on everything it must refuse.
 */
import { describe, expect, it } from "vitest";
import { disassemble } from "../../../../src/machine/aarch64/format.ts";
import { relocatePrologue } from "../../../../src/machine/aarch64/relocate.ts";
import { address } from "../../../../src/machine/address.ts";
import type { Relocation } from "../../../../src/machine/code.ts";
import { RelocationError, type RelocationErrorCode } from "../../../../src/machine/errors.ts";
import { assembled, hex, meanings } from "../x86_64/prologues.ts";
import { AWAY, digits, FAR, IMAGE, NEAR, words } from "./prologues.ts";
import { PROLOGUES as OLDER } from "./prologues-5.10-to-6.12.ts";
import { PROLOGUES as NEWER } from "./prologues-6.18-to-7.2.ts";

const NOP = "d503201f";
const RET = "d65f03c0";
const KIB = 1n << 10n;
const MIB = 1n << 20n;
const GIB = 1n << 30n;

/** A value among the code has no meaning as an instruction. */
function withoutValues(listing: string): string {
  return listing
    .split("\n")
    .filter((line) => !line.includes("; 0x"))
    .join("\n");
}

/** The texts of the lines that stand for instructions. */
function texts(listing: string, at: bigint): string[] {
  const whole = disassemble(assembled(listing), at).map(({ text }) => text);
  const values = listing.split("\n").filter((line) => line.trim() !== "");
  const isValue = values.flatMap((line) => (line.includes("; 0x") ? [true, true] : [false]));
  return whole.filter((_, i) => !isValue[i]);
}

describe("the prologues of real kernels", () => {
  it.each([...OLDER, ...NEWER])("$name", ({ offset, code: listing, near, away, far }) => {
    const whole = Uint8Array.from([...assembled(listing), ...words(NOP)]);
    const from = address(IMAGE + BigInt(offset));
    const expectMoved = (to: bigint, wanted: string, minimum: number) => {
      const { bytes, ...moved } = relocatePrologue(whole, from, address(to), minimum);
      expect(hex(bytes)).toBe(hex(assembled(wanted)));
      expect(texts(wanted, to)).toEqual(meanings(withoutValues(wanted)));
      expect(moved.prologueLength).toBe(minimum);
      expect(moved.map.map((each) => each.from)).toEqual(minimum === 4 ? [0] : [0, 4]);
    };

    expect(disassemble(assembled(listing), from).map(({ text }) => text)).toEqual(meanings(listing));
    expectMoved(NEAR, near, 4);
    expectMoved(AWAY, away, 4);
    if (far.includes("\n")) expectMoved(FAR, far, 8);
    else expectRefusal(() => relocatePrologue(whole, from, address(FAR), 8), far as RelocationErrorCode, 4);
    expect(hex(whole), "the function itself stays as it was").toBe(hex(assembled(listing)) + hex(words(NOP)));
  });
});

/** One instruction at IMAGE, and a return behind it, so far from its trampoline. */
function moved(word: string, distance: bigint): Relocation {
  return relocatePrologue(words(`${word} ${RET}`), address(IMAGE), address(IMAGE + distance));
}

/** What stands there for the instruction, without the jump back. */
function placed(word: string, distance: bigint): string {
  const { bytes, jumpBack } = moved(word, distance);
  return digits(bytes.subarray(0, jumpBack));
}

function expectRefusal(act: () => unknown, code: RelocationErrorCode, offset: number): void {
  let refusal: unknown;
  try {
    act();
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toBeInstanceOf(RelocationError);
  expect(refusal).toMatchObject({ code, offset });
}

describe("adr", () => {
  // adr x3, IMAGE + 16
  const ADR = "10000083";

  it("stays one where it reaches", () => {
    expect(placed(ADR, 0x1000n)).toBe("10ff8083");
    expect(placed(ADR, MIB + 16n)).toBe("10800003");
    expect(placed(ADR, -(MIB - 20n))).toBe("107fffe3");
  });

  it("becomes adrp and add where it does not", () => {
    // adrp x3, IMAGE; add x3, x3, #0x10
    expect(placed(ADR, MIB + 20n)).toBe("90fff803 91004063");
    expect(placed(ADR, -(MIB - 16n))).toBe("90000803 91004063");
    expect(placed(ADR, -128n * MIB + 0x1000n)).toBe("f003ffe3 91004063");
  });

  it("becomes adrp alone for the beginning of a page", () => {
    // adr x3, IMAGE - 0x1000
    expect(placed("10ff8003", 64n * MIB)).toBe("f0fdffe3");
  });

  it("keeps what it adds below a word", () => {
    // adr x0, IMAGE + 1: bits 30 and 29 of the word
    expect(placed("30000000", 4n)).toBe("30ffffe0");
    expect(placed("70000000", 4n), "IMAGE + 3").toBe("70ffffe0");
  });

  it("of the zero register is nothing, not the stack pointer's change", () => {
    expect(placed("1000009f", 0n)).toBe(NOP);
    expect(placed("1000009f", 64n * MIB)).toBe(NOP);
  });

  it("reaches 4 GiB", () => {
    expect(placed(ADR, 4n * GIB)).toBe("90800003 91004063");
    expect(placed(ADR, -4n * GIB + 0x1000n)).toBe("f07fffe3 91004063");
    expectRefusal(() => moved(ADR, 4n * GIB + 0x1000n), "OUT_OF_REACH", 0);
    expectRefusal(() => moved(ADR, -4n * GIB), "OUT_OF_REACH", 0);
  });
});

it("adrp is counted from the page in which it stands", () => {
  // adrp x5, IMAGE + 0x2000; at offset 0xffc of its page, and moved to the next one
  const code = words(`d0000005 ${RET}`);
  const at = (to: bigint) =>
    digits(relocatePrologue(code, address(IMAGE + 0xffcn), address(to)).bytes.subarray(0, 4));
  expect(at(IMAGE + 0x1000n)).toBe("10008005"); // adr reaches as well
  expect(at(IMAGE + 16n * MIB)).toBe("d0ff8005");
  expect(at(IMAGE - 16n * MIB + 0xff8n)).toBe("d0008005");
});

/** From IMAGE + 8. */
describe("ldr of a literal", () => {
  it.each([
    ["ldr w1", "18000041", "18fc0041", "90fe0001 91002021 b9400021"],
    ["ldr x1", "58000041", "58fc0041", "90fe0001 91002021 f9400021"],
    ["ldrsw x1", "98000041", "98fc0041", "90fe0001 91002021 b9800021"],
    ["prfm pldl1keep", "d8000040", "d8fc0040", "90fe0010 91002210 f9800200"],
    ["ldr s1", "1c000041", "1cfc0041", "90fe0010 91002210 bd400201"],
    ["ldr d1", "5c000041", "5cfc0041", "90fe0010 91002210 fd400201"],
    ["ldr q1", "9c000041", "9cfc0041", "90fe0010 91002210 3dc00201"],
    ["ldr wzr", "1800005f", "18fc005f", "90fe0010 91002210 b940021f"],
    ["ldrsw xzr", "9800005f", "98fc005f", "90fe0010 91002210 b980021f"],
  ])("%s: as it was, or by its own register, or by x16", (_, word, near, away) => {
    expect(placed(word, 32n * KIB)).toBe(near);
    expect(placed(word, 64n * MIB)).toBe(away);
  });

  it("reaches 1 MiB", () => {
    expect(placed("58000041", MIB + 8n)).toBe("58800001");
    expect(placed("58000041", -(MIB - 12n))).toBe("587fffe1");
    expect(placed("58000041", MIB + 12n)).toBe("90fff801 91002021 f9400021");
    expect(placed("58000041", -(MIB - 8n))).toBe("90000801 91002021 f9400021");
  });

  it("is refused where it would need x16, and has that already", () => {
    // adr x16, .; prfm pldl1keep, IMAGE + 12
    const code = words(`10000010 d8000040 ${RET}`);
    const away = address(IMAGE + 64n * MIB);
    expectRefusal(() => relocatePrologue(code, address(IMAGE), away, 8), "OUT_OF_REACH", 4);
  });
});

/** To IMAGE + 0x100, from where a jump 64 MiB away leads back by 1700003f. */
describe("branches", () => {
  it.each([
    ["b.hi", "54000808", "54ff8808", "54000049 1700003f"],
    ["b.ls", "54000809", "54ff8809", "54000048 1700003f"],
    ["bc.hi", "54000818", "54ff8818", "54000059 1700003f"],
    ["cbz x0", "b4000800", "b4ff8800", "b5000040 1700003f"],
    ["cbnz w9", "35000809", "35ff8809", "34000049 1700003f"],
    ["tbnz w7, #0", "37000807", "37078807", "36000047 1700003f"],
    ["tbz x3, #63", "b6f80803", "b6ff8803", "b7f80043 1700003f"],
  ])("%s: as it was, or the inverse over a jump", (_, word, near, away) => {
    expect(placed(word, 4n * KIB)).toBe(near);
    expect(placed(word, 64n * MIB)).toBe(away);
  });

  it("reach by 19 bits of words, and by 14", () => {
    expect(placed("54000808", MIB + 0x100n)).toBe("54800008");
    expect(placed("54000808", MIB + 0x104n)).toBe("54000049 17fbfffe");
    expect(placed("54000808", -(MIB - 0x104n))).toBe("547fffe8");
    expect(placed("54000808", -(MIB - 0x100n))).toBe("54000049 1403ffff");
    expect(placed("37000807", 32n * KIB + 0x100n)).toBe("37040007");
    expect(placed("37000807", 32n * KIB + 0x104n)).toBe("36000047 17ffdffe");
    expect(placed("37000807", -(32n * KIB - 0x104n))).toBe("3703ffe7");
    expect(placed("37000807", -(32n * KIB - 0x100n))).toBe("36000047 14001fff");
  });

  it("are b where their condition always holds", () => {
    expect(placed("5400080e", 4n * KIB)).toBe("17fffc40");
    expect(placed("5400080f", 4n * KIB)).toBe("17fffc40");
  });

  it("lead by x16 where a jump does not reach", () => {
    const value = "f7fc1100 00007fff";
    expect(placed("54000808", 2n * GIB)).toBe(`540000a9 58000050 d61f0200 ${value}`);
    expect(placed("b4000800", -2n * GIB)).toBe(`b50000a0 58000050 d61f0200 ${value}`);
    expect(placed("37000807", 2n * GIB)).toBe(`360000a7 58000050 d61f0200 ${value}`);
  });

  it("need no jump back behind b", () => {
    expect(moved("14000040", 4n * KIB)).toMatchObject({ bytes: words("17fffc40"), jumpBack: undefined });
    const far = words("58000050 d61f0200 f7fc1100 00007fff");
    expect(moved("14000040", 2n * GIB)).toMatchObject({ bytes: far, jumpBack: undefined });
    // The function may end there.
    expect(relocatePrologue(words("14000040"), address(IMAGE), address(NEAR)).prologueLength).toBe(4);
  });

  it.each([
    ["b to itself", "14000000", 4, 0],
    ["cbz to itself", "b4000000", 4, 0],
    ["a loop over both", `${NOP} 54ffffe0`, 8, 4],
    ["a branch over nothing", `54000020 ${NOP}`, 8, 0],
  ])("into the moved bytes are refused: %s", (_, code, minimum, offset) => {
    const act = () => relocatePrologue(words(`${code} ${RET}`), address(IMAGE), address(NEAR), minimum);
    expectRefusal(act, "BRANCH_INTO_PROLOGUE", offset);
  });

  it("to what is behind them are not", () => {
    expect(placed("54000020", 4n * KIB)).toBe("54ff8020");
  });
});

describe("the jump back", () => {
  it("reaches 128 MiB", () => {
    expect(digits(moved(NOP, 128n * MIB).bytes)).toBe(`${NOP} 16000000`);
    expect(digits(moved(NOP, -128n * MIB + 4n).bytes)).toBe(`${NOP} 15ffffff`);
  });

  it("is by x16 beyond", () => {
    const far = `${NOP} 58000050 d61f0200 f7fc1004 00007fff`;
    expect(digits(moved(NOP, 128n * MIB + 4n).bytes)).toBe(far);
    expect(digits(moved(NOP, -128n * MIB).bytes)).toBe(far);
    expect(moved(NOP, 1n << 40n)).toMatchObject({ bytes: words(far), jumpBack: 4 });
  });

  it.each([
    ["mov x16, #1", "d2800030"],
    ["ldp x0, x16, [x1]", "a9404020"],
    ["ldr x0, [x16, #8]!", "f8408e00"],
    ["ldadd x16, x0, [x1]", "f8300020"],
    ["mrs x16, cntvct_el0", "d53be050"],
    ["fmov x16, d0", "9e660010"],
    ["adr x16, .", "10000010"],
  ])("is refused where %s has put something into x16", (_, word) => {
    expect(moved(word, 64n * MIB).prologueLength).toBe(4);
    expectRefusal(() => moved(word, 2n * GIB), "OUT_OF_REACH", 4);
  });

  it.each([
    ["cmp w0, #16", "7100401f"],
    ["mov w2, #16", "52800202"],
    ["add x0, x16, #1", "91000600"],
    ["adr x4, IMAGE + 64", "10000204"],
    ["b.ne IMAGE + 64", "54000201"],
    ["svc's number: mov x8, #0x71", "d2800e28"],
  ])("is not where %s only looks like it, or reads it", (_, word) => {
    expect(moved(word, 2n * GIB).prologueLength).toBe(4);
  });
});

describe("refusals", () => {
  it.each<[string, string, RelocationErrorCode]>([
    ["svc #0", "d4000001", "SYSCALL"],
    ["brk #0", "d4200000", "TRAP"],
    ["brk #0xf000", "d43e0000", "TRAP"],
    ["hlt #0", "d4400000", "TRAP"],
    ["ret", RET, "RETURN"],
    ["ret x16", "d65f0200", "RETURN"],
    ["retaa", "d65f0bff", "RETURN"],
    ["br x1", "d61f0020", "RETURN"],
    ["braa x1, x2", "d71f0822", "RETURN"],
    ["bl", "94000001", "CALL"],
    ["blr x1", "d63f0020", "CALL"],
    ["blraaz x1", "d63f083f", "CALL"],
    ["udf #0", "00000000", "STOP"],
    ["udf #65535", "0000ffff", "STOP"],
    ["hvc #0", "d4000002", "UNKNOWN_INSTRUCTION"],
    ["smc #0", "d4000003", "UNKNOWN_INSTRUCTION"],
    ["eret", "d69f03e0", "UNKNOWN_INSTRUCTION"],
    ["dcps1", "d4a00001", "UNKNOWN_INSTRUCTION"],
    ["movprfx z0, z0", "0420bc00", "UNKNOWN_INSTRUCTION"],
    ["pacm, which is for what is behind it", "d50324ff", "UNKNOWN_INSTRUCTION"],
    ["cpyfp, the first of three", "19010400", "UNKNOWN_INSTRUCTION"],
    ["cbgt, of FEAT_CMPBR", "74010000", "UNKNOWN_INSTRUCTION"],
    ["a shift of 32 by 32", "53200000", "UNKNOWN_INSTRUCTION"],
    ["a word of ones", "ffffffff", "UNKNOWN_INSTRUCTION"],
  ])("%s", (_, word, code) => {
    expectRefusal(() => moved(word, 4n * KIB), code, 0);
  });

  it.each<[string, Uint8Array, number, RelocationErrorCode, number]>([
    ["nothing", words(""), 4, "TOO_SHORT", 0],
    ["one instruction of two", words("14000040"), 8, "TOO_SHORT", 4],
    ["what is behind a jump", words(`14000040 ${NOP}`), 8, "TOO_SHORT", 4],
    ["an end that goes on", words(NOP), 4, "FALLS_OFF_END", 0],
    ["an end within an instruction", words(`${NOP} ${NOP}`).subarray(0, 6), 8, "UNKNOWN_INSTRUCTION", 4],
  ])("%s", (_, code, minimum, error, offset) => {
    expectRefusal(() => relocatePrologue(code, address(IMAGE), address(NEAR), minimum), error, offset);
  });

  it("say which instruction, and why", () => {
    expect(() => moved("d4000002", 0n)).toThrow(
      "unknown instruction at offset 0x0 (02 00 00 d4): not listed (at offset 0x0)",
    );
    expect(() => moved(RET, 0n)).toThrow("the function ends here, or goes on elsewhere (at offset 0x0)");
  });
});

it("leaves a Node Buffer alone, whose slice() is a view", () => {
  const code = Buffer.from(words(`10000083 ${RET}`));
  const before = code.toString("hex");
  relocatePrologue(code, address(IMAGE), address(AWAY));
  relocatePrologue(code, address(IMAGE), address(FAR));
  expect(code.toString("hex")).toBe(before);
});
