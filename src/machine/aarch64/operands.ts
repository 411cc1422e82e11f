/**
 * The operands of spelled instructions: registers, conditions, immediates.
 */
import { sizeOfBitmask } from "./encodings.ts";
import type { Fields } from "./pattern.ts";

const CONDITIONS = "eq ne cs cc mi pl vs vc hi ls ge lt gt le al nv".split(" ");
const SHIFTS = ["lsl", "lsr", "asr", "ror"];
const EXTENDS = ["uxtb", "uxth", "uxtw", "uxtx", "sxtb", "sxth", "sxtw", "sxtx"];
/** By op1, CRn, CRm and op2; op0 is 3. */
const SYSTEM_REGISTERS: Readonly<Record<string, string>> = {
  "3_c13_c0_2": "tpidr_el0",
  "3_c14_c0_1": "cntpct_el0",
  "3_c14_c0_2": "cntvct_el0",
  "3_c14_c0_5": "cntpctss_el0",
  "3_c14_c0_6": "cntvctss_el0",
};

export function condition(number: number): string {
  return CONDITIONS[number]!;
}

/** The register in a field, as wide as the field x says unless told; 31 is the zero register. */
export function reg(f: Fields, letter: string, isWide = f("x") === 1): string {
  return registerName(f(letter), isWide);
}

export function registerName(number: number, isWide: boolean): string {
  return `${isWide ? "x" : "w"}${number === 31 ? "zr" : number}`;
}

/** The same, but 31 is the stack pointer. */
export function regOrSp(f: Fields, letter: string, isWide = f("x") === 1): string {
  if (f(letter) === 31) return isWide ? "sp" : "wsp";
  return reg(f, letter, isWide);
}

export function hex(value: number | bigint): string {
  return `#0x${value.toString(16)}`;
}

export function signed(value: number, bits: number): number {
  return (value << (32 - bits)) >> (32 - bits);
}

/** The rightmost operand of an arithmetic or logical instruction: register m, shifted by i. */
export function shifted(f: Fields): string {
  const by = f("s") === 0 && f("i") === 0 ? "" : `, ${SHIFTS[f("s")]} #${f("i")}`;
  return reg(f, "m") + by;
}

/** Register m, extended by p and shifted by i. */
export function extended(f: Fields): string {
  const isWide = f("x") === 1 && (f("p") & 3) === 3;
  return `${reg(f, "m", isWide)}, ${EXTENDS[f("p")]}${f("i") === 0 ? "" : ` #${f("i")}`}`;
}

/** Register m as an index: extended by p and, if s is 1, shifted by the size of what is accessed. */
export function index(f: Fields, sizeShift: number): string {
  const by = f("s") === 1 ? ` #${sizeShift}` : "";
  if (f("p") === 3) return reg(f, "m", true) + (by && `, lsl${by}`);
  return `${reg(f, "m", f("p") === 7)}, ${EXTENDS[f("p")]}${by}`;
}

/** The immediate of an arithmetic instruction: 12 bits, and perhaps 12 more to the left. */
export function arithmeticImmediate(f: Fields): string {
  return hex(f("i")) + (f("s") === 1 ? ", lsl #12" : "");
}

/** The immediate of a logical instruction: so many ones, rotated, and the same again and again. */
export function bitmaskImmediate(f: Fields): string {
  const size = BigInt(sizeOfBitmask(f("N"), f("s"))!);
  const ones = BigInt(f("s")) % size;
  const rotation = BigInt(f("r")) % size;
  const element = (1n << (ones + 1n)) - 1n;
  const rotated = (element >> rotation) | BigInt.asUintN(Number(size), element << (size - rotation));
  const width = f("x") === 1 ? 64n : 32n;
  let value = 0n;
  for (let at = 0n; at < width; at += size) value |= rotated << at;
  return hex(value);
}

/** What MOVZ puts into its register, or MOVN. */
export function movedImmediate(f: Fields, isInverse: boolean): string {
  const value = BigInt(f("i")) << BigInt(16 * f("h"));
  return hex(BigInt.asUintN(f("x") === 1 ? 64 : 32, isInverse ? ~value : value));
}

export function systemRegister(f: Fields): string {
  const name = `${f("o")}_c${f("n")}_c${f("m")}_${f("p")}`;
  return SYSTEM_REGISTERS[name] ?? `s3_${name}`;
}
