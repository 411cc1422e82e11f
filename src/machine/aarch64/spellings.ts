/**
 * How the instructions are spelled that clock functions of kernels consist of, but for floating point and vectors: with the
 * aliases that the architecture prefers, as GNU's disassembler writes them. The first row that matches and spells counts.
 */
import {
  arithmeticImmediate,
  bitmaskImmediate,
  condition,
  extended,
  hex,
  movedImmediate,
  reg,
  registerName,
  regOrSp,
  shifted,
  systemRegister,
} from "./operands.ts";
import type { Fields } from "./pattern.ts";

/** @param target what a reference refers to; undefined where the fields have no spelling here */
export type Spell = (f: Fields, target: string) => string | undefined;
export type Row = readonly [drawing: string, spell: Spell];

const HINTS: Readonly<Record<number, string>> = {
  ...Object.fromEntries("nop yield wfe wfi sev sevl dgh xpaclri".split(" ").map((name, i) => [i, name])),
  ...{ 8: "pacia1716", 10: "pacib1716", 12: "autia1716", 14: "autib1716", 20: "csdb" },
  ...{ 24: "paciaz", 25: "paciasp", 26: "pacibz", 27: "pacibsp" },
  ...{ 28: "autiaz", 29: "autiasp", 30: "autibz", 31: "autibsp" },
  ...{ 32: "bti", 34: "bti c", 36: "bti j", 38: "bti jc" },
};
const BARRIERS: Readonly<Record<number, string>> = {
  ...{ 1: "oshld", 2: "oshst", 3: "osh", 5: "nshld", 6: "nshst", 7: "nsh" },
  ...{ 9: "ishld", 10: "ishst", 11: "ish", 13: "ld", 14: "st", 15: "sy" },
};

export const CONTROL: readonly Row[] = [
  ["000101 iiiiiiiiiiiiiiiiiiiiiiiiii", (_, target) => `b ${target}`],
  ["100101 iiiiiiiiiiiiiiiiiiiiiiiiii", (_, target) => `bl ${target}`],
  ["01010100 iiiiiiiiiiiiiiiiiii 0 cccc", (f, target) => `b.${condition(f("c"))} ${target}`],
  ["01010100 iiiiiiiiiiiiiiiiiii 1 cccc", (f, target) => `bc.${condition(f("c"))} ${target}`],
  ["x011010 0 iiiiiiiiiiiiiiiiiii ttttt", (f, target) => `cbz ${reg(f, "t")}, ${target}`],
  ["x011010 1 iiiiiiiiiiiiiiiiiii ttttt", (f, target) => `cbnz ${reg(f, "t")}, ${target}`],
  ["x011011 0 bbbbb iiiiiiiiiiiiii ttttt", (f, target) => `tbz ${testedBit(f)}, ${target}`],
  ["x011011 1 bbbbb iiiiiiiiiiiiii ttttt", (f, target) => `tbnz ${testedBit(f)}, ${target}`],
  ["11010110000 11111 000000 nnnnn 00000", (f) => `br ${reg(f, "n", true)}`],
  ["11010110001 11111 000000 nnnnn 00000", (f) => `blr ${reg(f, "n", true)}`],
  ["11010110010 11111 000000 11110 00000", () => "ret"],
  ["11010110010 11111 000000 nnnnn 00000", (f) => `ret ${reg(f, "n", true)}`],
  ["11010100000 iiiiiiiiiiiiiiii 00001", (f) => `svc ${hex(f("i"))}`],
  ["11010100001 iiiiiiiiiiiiiiii 00000", (f) => `brk ${hex(f("i"))}`],
  ["0000000000000000 iiiiiiiiiiiiiiii", (f) => `udf #${f("i")}`],
  ["11010101 00000011 0010 iiiiiii 11111", (f) => HINTS[f("i")] ?? `hint ${hex(f("i"))}`],
  ["11010101 00000011 0011 1111 110 11111", () => "isb"],
  ["11010101 00000011 0011 mmmm 101 11111", (f) => BARRIERS[f("m")] && `dmb ${BARRIERS[f("m")]}`],
  ["11010101 00000011 0011 mmmm 100 11111", (f) => BARRIERS[f("m")] && `dsb ${BARRIERS[f("m")]}`],
  ["11010101 0011 1 ooo nnnn mmmm ppp ttttt", (f) => `mrs ${reg(f, "t", true)}, ${systemRegister(f)}`],
];

function testedBit(f: Fields): string {
  return `${reg(f, "t")}, #${(f("x") << 5) | f("b")}`;
}

const ADD = ["add", "adds", "sub", "subs"];
const LOGICAL = ["and", "orr", "eor", "ands"];
const INVERTED_LOGICAL = ["bic", "orn", "eon", "bics"];

export const IMMEDIATE: readonly Row[] = [
  ["0 ll 10000 iiiiiiiiiiiiiiiiiii ddddd", (f, target) => `adr ${reg(f, "d", true)}, ${target}`],
  ["1 ll 10000 iiiiiiiiiiiiiiiiiii ddddd", (f, target) => `adrp ${reg(f, "d", true)}, ${target}`],
  ["x 00 100010 0 000000000000 nnnnn 11111", (f) => `mov ${f("x") ? "sp" : "wsp"}, ${regOrSp(f, "n")}`],
  ["x 00 100010 0 000000000000 11111 ddddd", (f) => `mov ${regOrSp(f, "d")}, ${f("x") ? "sp" : "wsp"}`],
  ["x 11 100010 s iiiiiiiiiiii nnnnn 11111", (f) => `cmp ${regOrSp(f, "n")}, ${arithmeticImmediate(f)}`],
  ["x 01 100010 s iiiiiiiiiiii nnnnn 11111", (f) => `cmn ${regOrSp(f, "n")}, ${arithmeticImmediate(f)}`],
  [
    "x oo 100010 s iiiiiiiiiiii nnnnn ddddd",
    // What sets the flags has no stack pointer for its result.
    (f) =>
      `${ADD[f("o")]} ${f("o") & 1 ? reg(f, "d") : regOrSp(f, "d")}, ${regOrSp(f, "n")}, ${arithmeticImmediate(f)}`,
  ],
  ["x 11 100100 N rrrrrr ssssss nnnnn 11111", (f) => `tst ${reg(f, "n")}, ${bitmaskImmediate(f)}`],
  [
    "x oo 100100 N rrrrrr ssssss nnnnn ddddd",
    (f) =>
      f("o") === 1 && f("n") === 31
        ? undefined // MOV or ORR, depending on whether MOVZ or MOVN could do it
        : `${LOGICAL[f("o")]} ${f("o") === 3 ? reg(f, "d") : regOrSp(f, "d")}, ${reg(f, "n")}, ${bitmaskImmediate(f)}`,
  ],
  ["x 10 100101 hh iiiiiiiiiiiiiiii ddddd", (f) => moveWide(f, false)],
  ["x 00 100101 hh iiiiiiiiiiiiiiii ddddd", (f) => moveWide(f, true)],
  [
    "x 11 100101 hh iiiiiiiiiiiiiiii ddddd",
    (f) => `movk ${reg(f, "d")}, ${hex(f("i"))}${f("h") === 0 ? "" : `, lsl #${16 * f("h")}`}`,
  ],
  ["x 00 100110 N rrrrrr ssssss nnnnn ddddd", (f) => signedBitfield(f)],
  ["x 10 100110 N rrrrrr ssssss nnnnn ddddd", (f) => unsignedBitfield(f)],
];

function moveWide(f: Fields, isInverse: boolean): string | undefined {
  const isShiftedZero = f("i") === 0 && f("h") !== 0;
  const isAllOnes = isInverse && f("x") === 0 && f("i") === 0xffff;
  return isShiftedZero || isAllOnes ? undefined : `mov ${reg(f, "d")}, ${movedImmediate(f, isInverse)}`;
}

function unsignedBitfield(f: Fields): string {
  const size = f("x") === 1 ? 64 : 32;
  if (f("s") === size - 1) return `lsr ${bitfield(f, f("r"))}`;
  if (f("s") + 1 === f("r")) return `lsl ${bitfield(f, size - f("r"))}`;
  if (size === 32 && f("r") === 0 && (f("s") === 7 || f("s") === 15)) {
    return `${f("s") === 7 ? "uxtb" : "uxth"} ${bitfield(f)}`;
  }
  return `u${extractOrInsert(f, size)}`;
}

function signedBitfield(f: Fields): string {
  const size = f("x") === 1 ? 64 : 32;
  if (f("s") === size - 1) return `asr ${bitfield(f, f("r"))}`;
  const extension = f("r") === 0 ? { 7: "sxtb", 15: "sxth", 31: "sxtw" }[f("s")] : undefined;
  if (extension !== undefined) return `${extension} ${reg(f, "d")}, ${reg(f, "n", false)}`;
  return `s${extractOrInsert(f, size)}`;
}

function extractOrInsert(f: Fields, size: number): string {
  return f("s") < f("r")
    ? `bfiz ${bitfield(f, size - f("r"), f("s") + 1)}`
    : `bfx ${bitfield(f, f("r"), f("s") - f("r") + 1)}`;
}

function bitfield(f: Fields, ...numbers: number[]): string {
  return [reg(f, "d"), reg(f, "n"), ...numbers.map((each) => `#${each}`)].join(", ");
}

export const REGISTER: readonly Row[] = [
  ["x 01 01010 00 0 mmmmm 000000 11111 ddddd", (f) => `mov ${reg(f, "d")}, ${reg(f, "m")}`],
  ["x 01 01010 ss 1 mmmmm iiiiii 11111 ddddd", (f) => `mvn ${reg(f, "d")}, ${shifted(f)}`],
  ["x 11 01010 ss 0 mmmmm iiiiii nnnnn 11111", (f) => `tst ${reg(f, "n")}, ${shifted(f)}`],
  ["x oo 01010 ss 0 mmmmm iiiiii nnnnn ddddd", (f) => threeOf(f, LOGICAL)],
  ["x oo 01010 ss 1 mmmmm iiiiii nnnnn ddddd", (f) => threeOf(f, INVERTED_LOGICAL)],
  ["x 11 01011 ss 0 mmmmm iiiiii nnnnn 11111", (f) => `cmp ${reg(f, "n")}, ${shifted(f)}`],
  ["x 01 01011 ss 0 mmmmm iiiiii nnnnn 11111", (f) => `cmn ${reg(f, "n")}, ${shifted(f)}`],
  ["x 10 01011 ss 0 mmmmm iiiiii 11111 ddddd", (f) => `neg ${reg(f, "d")}, ${shifted(f)}`],
  ["x 11 01011 ss 0 mmmmm iiiiii 11111 ddddd", (f) => `negs ${reg(f, "d")}, ${shifted(f)}`],
  ["x oo 01011 ss 0 mmmmm iiiiii nnnnn ddddd", (f) => threeOf(f, ADD)],
  ["x oo 01011 00 1 mmmmm ppp iii nnnnn ddddd", (f) => addExtended(f)],
  ["x 11 11010010 mmmmm cccc 00 nnnnn 0 vvvv", (f) => `ccmp ${reg(f, "n")}, ${reg(f, "m")}, ${flags(f)}`],
  ["x 11 11010010 iiiii cccc 10 nnnnn 0 vvvv", (f) => `ccmp ${reg(f, "n")}, ${hex(f("i"))}, ${flags(f)}`],
  ["x 01 11010010 mmmmm cccc 00 nnnnn 0 vvvv", (f) => `ccmn ${reg(f, "n")}, ${reg(f, "m")}, ${flags(f)}`],
  ["x 01 11010010 iiiii cccc 10 nnnnn 0 vvvv", (f) => `ccmn ${reg(f, "n")}, ${hex(f("i"))}, ${flags(f)}`],
  ["x o 0 11010100 mmmmm cccc 0 p nnnnn ddddd", (f) => select(f)],
  ["x 00 11010110 mmmmm 00001 o nnnnn ddddd", (f) => plainThree(f, ["udiv", "sdiv"])],
  ["x 00 11010110 mmmmm 0010 oo nnnnn ddddd", (f) => plainThree(f, ["lsl", "lsr", "asr", "ror"])],
  ["x 10 11010110 00000 000 ooo nnnnn ddddd", (f) => `${byteOrder(f)} ${reg(f, "d")}, ${reg(f, "n")}`],
  ["x 00 11011 000 mmmmm o 11111 nnnnn ddddd", (f) => plainThree(f, ["mul", "mneg"])],
  ["x 00 11011 000 mmmmm o aaaaa nnnnn ddddd", (f) => `${plainThree(f, ["madd", "msub"])}, ${reg(f, "a")}`],
  [
    "1 00 11011 u 01 mmmmm o 11111 nnnnn ddddd",
    (f) => `${sign(f)}${f("o") ? "mnegl" : "mull"} ${longProduct(f)}`,
  ],
  [
    "1 00 11011 u 01 mmmmm o aaaaa nnnnn ddddd",
    (f) => `${sign(f)}${f("o") ? "msubl" : "maddl"} ${longProduct(f)}, ${reg(f, "a", true)}`,
  ],
  [
    "1 00 11011 u 10 mmmmm 0 11111 nnnnn ddddd",
    (f) => `${sign(f)}mulh ${["d", "n", "m"].map((each) => reg(f, each, true)).join(", ")}`,
  ],
];

function threeOf(f: Fields, mnemonics: readonly string[]): string {
  return `${mnemonics[f("o")]} ${reg(f, "d")}, ${reg(f, "n")}, ${shifted(f)}`;
}

function plainThree(f: Fields, mnemonics: readonly string[]): string {
  return `${mnemonics[f("o")]} ${reg(f, "d")}, ${reg(f, "n")}, ${reg(f, "m")}`;
}

function addExtended(f: Fields): string | undefined {
  const setsFlags = (f("o") & 1) === 1;
  // With the stack pointer it is called LSL where it extends nothing.
  const isMove = f("p") === (f("x") === 1 ? 3 : 2);
  if (isMove && (f("n") === 31 || (f("d") === 31 && !setsFlags))) return undefined;
  const operands = `${regOrSp(f, "n")}, ${extended(f)}`;
  if (setsFlags && f("d") === 31) return `${f("o") === 3 ? "cmp" : "cmn"} ${operands}`;
  return `${ADD[f("o")]} ${setsFlags ? reg(f, "d") : regOrSp(f, "d")}, ${operands}`;
}

function flags(f: Fields): string {
  return `#0x${f("v").toString(16)}, ${condition(f("c"))}`;
}

/** CSEL and its kin; those of one register have names of their own, and the inverse condition. */
function select(f: Fields): string {
  const kind = (f("o") << 1) | f("p");
  const inverse = condition(f("c") ^ 1);
  const hasInverse = f("c") < 14;
  const d = reg(f, "d");
  if (hasInverse && f("n") === 31 && f("m") === 31 && (kind === 1 || kind === 2)) {
    return `${kind === 1 ? "cset" : "csetm"} ${d}, ${inverse}`;
  }
  if (hasInverse && f("n") === f("m") && kind !== 0 && (f("n") !== 31 || kind === 3)) {
    return `${["", "cinc", "cinv", "cneg"][kind]} ${d}, ${reg(f, "n")}, ${inverse}`;
  }
  const mnemonic = ["csel", "csinc", "csinv", "csneg"][kind];
  return `${mnemonic} ${d}, ${reg(f, "n")}, ${reg(f, "m")}, ${condition(f("c"))}`;
}

function byteOrder(f: Fields): string | undefined {
  const names =
    f("x") === 1
      ? ["rbit", "rev16", "rev32", "rev", "clz", "cls"]
      : ["rbit", "rev16", "rev", "", "clz", "cls"];
  return names[f("o")] || undefined;
}

function sign(f: Fields): string {
  return f("u") === 1 ? "u" : "s";
}

function longProduct(f: Fields): string {
  return `${registerName(f("d"), true)}, ${registerName(f("n"), false)}, ${registerName(f("m"), false)}`;
}
