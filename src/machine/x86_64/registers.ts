/**
 * Which general registers an instruction reads and writes. Like the decoder it knows a list, and refuses the rest:
 * VEX and EVEX, system instructions, and whatever compilers do not write around a system call.
 *
 * One character per opcode, a row for each high nibble, as in opcodes.ts. E is the operand in ModRM.rm, G the one in
 * ModRM.reg, Z the one in the opcode. The registers that address memory are read, whatever the character:
 *
 *   .  refused                       c  compare E, G          o  push Z    O  push E
 *   -  nothing, or the flags         r  read E                p  pop Z     I  pop E
 *   m  nothing but the address       e  E op= immediate, CL   v  Z = immediate
 *   l  G = E                         s  E = part of it        w  Z op=     h  exchange Z, RAX
 *   t  E = G                         k  G = part of it        a  RAX op=   A  read RAX
 *   i  E = immediate                 x  exchange, xadd        d  RDX = sign of RAX
 *   u  E op= G     U  G op= E        X  cmpxchg               S  string instructions
 *   z  E op= G     Z  G op= E,       M  mul     D  div        P  push, pop flags or an immediate
 *      which make 0 of two equals    g  ModRM.reg selects within GROUPS    F  leave
 *
 * A 32-bit result fills all 64 bits.
 */
import type { RegisterUse } from "../calls.ts";
import type { Instruction } from "./instruction.ts";
import { readAddressing } from "./operands.ts";
import { REX_B, REX_R, REX_W } from "./prefixes.ts";
import { parseRanges } from "./ranges.ts";

/** Bits of sets: register n as machine code numbers it (RAX RCX RDX RBX RSP RBP RSI RDI R8 … R15). */
export const RAX = 1 << 0;
export const RCX = 1 << 1;
export const RDX = 1 << 2;
const RSP = 1 << 4;
const RBP = 1 << 5;
export const RSI = 1 << 6;
export const RDI = 1 << 7;
export const R8 = 1 << 8;
export const R9 = 1 << 9;
export const R10 = 1 << 10;
export const R11 = 1 << 11;

const ONE_BYTE = [
  "uuUUaa..uuUUaa..", // 00 add, or
  "uuUUaa..uuUUaa..", // 10 adc, sbb
  "uuUUaa..zzZZaa..", // 20 and, sub
  "zzZZaa..ccccAA..", // 30 xor, cmp
  "................", // 40 REX
  "oooooooopppppppp", // 50 push, pop
  "...l....PlPl....", // 60 movsxd, push, imul
  "----------------", // 70 jcc
  "gg.gccxxttll.l.g", // 80 add … cmp, test, xchg, mov, lea, pop
  "hhhhhhhhad.-PPAa", // 90 xchg, cwde, cdq, wait, pushf, popf, sahf, lahf
  "aaaaSSSSAASSSSSS", // a0 mov, string instructions, test
  "vvvvvvvvvvvvvvvv", // b0 mov
  "ee....gg.F......", // c0 shifts, mov, leave
  "eeee....mmmmmmmm", // d0 shifts, x87
  "................", // e0 loop, jrcxz
  ".....-gg--..--gg", // f0 test … idiv, flags, inc, dec, push
];

const TWO_BYTE = [
  ".............m..", // 00 prefetchw
  "mmmmmmmmmmmmmmmm", // 10 moves, prefetch, hint nops
  "........mmrmkkmm", // 20 moves, conversions, comparisons
  "................",
  "UUUUUUUUUUUUUUUU", // 40 cmovcc
  "kmmmmmmmmmmmmmmm", // 50 floating point
  "mmmmmmmmmmmmmmrm", // 60 MMX, SSE2
  "mmmmmmm-....mmsm", // 70 MMX, SSE2
  "----------------", // 80 jcc
  "ssssssssssssssss", // 90 setcc
  "...cu......uu.gU", // a0 bt, shld, bts, shrd, fences, imul
  "XX.u..lll.guUUll", // b0 cmpxchg, btr, movzx, popcnt, btc, bsf, bsr, movsx
  "xxmtrkm.wwwwwwww", // c0 xadd, movnti, shuffles, bswap
  ".mmmmmmkmmmmmmmm", // d0 MMX, SSE2
  "mmmmmmmmmmmmmmmm", // e0 MMX, SSE2
  "mmmmmmm.mmmmmmm.", // f0 MMX, SSE2
];

const GROUPS: Readonly<Record<string, string>> = {
  "80": "eeeeeeer", // add or adc sbb and sub xor cmp
  "81": "eeeeeeer",
  "83": "eeeeeeer",
  "8f": "I.......", // pop
  c6: "i.......", // mov
  c7: "i.......",
  f6: "rreeMMDD", // test test not neg mul imul div idiv
  f7: "rreeMMDD",
  fe: "ee......", // inc dec
  ff: "ee....O.", // inc dec … push
  "0fae": "mmmm.mmm", // fxsave fxrstor ldmxcsr stmxcsr, lfence mfence sfence
  "0fba": "....reee", // bt bts btr btc
};

/** Opcodes whose E is a byte: of the one-byte map, and of 0F. G is one, too, but for movzx and movsx. */
const BYTES = new Set(
  parseRanges("00 02 08 0a 10 12 18 1a 20 22 28 2a 30 32 38 3a 80 84 86 88 8a c0 c6 d0 d2 f6 fe"),
);
const BYTES_0F = new Set(parseRanges("90-9f b0 b6 be c0"));
const WIDENING = new Set([0xb6, 0xbe]);

/**
 * @param code the buffer that `instruction` was decoded from
 * @returns undefined for an instruction that is not listed, and for any but a conditional jump that leads elsewhere:
 *   what a call or a return uses is its destination's business
 */
export function registerUse(code: Uint8Array, instruction: Instruction): RegisterUse | undefined {
  const kind = kindOf(instruction);
  if (kind === ".") return undefined;
  if (kind === "-") return NOTHING;
  return instruction.modrm === undefined
    ? useWithoutModrm(kind, instruction)
    : useWithModrm(kind, code, instruction, instruction.modrm);
}

function kindOf(instruction: Instruction): string {
  const { map, opcode, modrm = 0, flow, branch } = instruction;
  if (branch?.kind === "jcc") return "-";
  if (flow !== "next" || (map !== "" && map !== "0f")) return ".";
  const kind = (map === "" ? ONE_BYTE : TWO_BYTE)[opcode >> 4]![opcode & 15]!;
  if (isException(instruction)) return ".";
  // nop; and with F3, pause
  if (map === "" && opcode === 0x90 && (instruction.prefixes.rex & REX_B) === 0) return "-";
  return kind === "g" ? GROUPS[`${map}${opcode.toString(16)}`]![(modrm >> 3) & 7]! : kind;
}

/** Instructions that share their opcode with listed ones, but not what these do. */
function isException({ map, opcode, modrm = 0, prefixes }: Instruction): boolean {
  const isRegister = modrm >= 0xc0;
  if (map === "") return opcode === 0xdf && isRegister; // fnstsw ax
  if (opcode === 0x1e) return isRegister && modrm !== 0xfa && modrm !== 0xfb; // rdssp, but endbr64
  if (opcode !== 0xae) return false;
  const selected = (modrm >> 3) & 7;
  const isListed = isRegister ? selected > 4 : selected < 4 || selected === 7; // not xsave, xrstor, xsaveopt
  return prefixes.repeat !== 0 || prefixes.operandSize || !isListed;
}

function useWithModrm(kind: string, code: Uint8Array, instruction: Instruction, modrm: number): RegisterUse {
  const { map, opcode, prefixes } = instruction;
  const isByte = (map === "" ? BYTES : BYTES_0F).has(opcode);
  const isWhole = isWide(prefixes) && (!isByte || kind === "l");
  const e = modrm < 0xc0 ? 0 : register(modrm & 7, REX_B, prefixes.rex, isByte);
  const isByteG = isByte && !(map === "0f" && WIDENING.has(opcode));
  const g = register((modrm >> 3) & 7, REX_R, prefixes.rex, isByteG);
  const address = modrm < 0xc0 ? addressRegisters(code, instruction) : 0;
  const whole = isWhole && !isByteG;
  switch (kind) {
    case "m":
      return use(address, 0, 0);
    case "z":
    case "Z":
      if (e === g && whole) return use(0, e, e);
      return use(e | g | address, 0, kind === "z" ? e : g);
    case "u":
      return use(e | g | address, 0, e);
    case "U":
      return use(e | g | address, 0, g);
    case "c":
      return use(e | g | address, 0, 0);
    case "x":
      return use(e | g | address, 0, e | g);
    case "X":
      return use(e | g | address | RAX, 0, e | RAX);
    case "l":
      return use(e | address, whole ? g : 0, g);
    case "t":
      return use(g | address, whole ? e : 0, e);
    case "i":
      return use(address, whole ? e : 0, e);
    case "I":
      return use(address | RSP, whole ? e : 0, e | RSP);
    case "O":
      return use(e | address | RSP, 0, RSP);
    case "r":
      return use(e | address, 0, 0);
    case "e":
      return use(e | address | RCX, 0, e);
    case "s":
      return use(address, 0, e);
    case "k":
      return use(address, 0, g);
    case "M":
      return use(e | address | RAX, whole ? RDX : 0, RAX | RDX);
    case "D":
      return use(e | address | RAX | RDX, 0, RAX | RDX);
    default:
      return noMeaning(kind);
  }
}

function useWithoutModrm(kind: string, { opcode, prefixes }: Instruction): RegisterUse {
  const isByte = opcode >= 0xb0 && opcode <= 0xb7;
  const z = register(opcode & 7, REX_B, prefixes.rex, isByte && kind === "v");
  const whole = isWide(prefixes);
  switch (kind) {
    case "o":
      return use(z | RSP, 0, RSP);
    case "p":
      return use(RSP, whole ? z : 0, z | RSP);
    case "v":
      return use(0, whole && !isByte ? z : 0, z);
    case "w":
      return use(z, 0, z);
    case "h":
      return use(z | RAX, 0, z | RAX);
    case "a":
      return use(RAX, 0, RAX);
    case "A":
      return use(RAX, 0, 0);
    case "d":
      return use(RAX, whole ? RDX : 0, RDX);
    case "S":
      return use(RAX | RCX | RSI | RDI, 0, RAX | RCX | RSI | RDI);
    case "F":
      return use(RBP | RSP, 0, RBP | RSP);
    case "P":
      return use(RSP, 0, RSP);
    default:
      return noMeaning(kind);
  }
}

function noMeaning(kind: string): never {
  throw new Error(`the tables say "${kind}", which has no meaning there`);
}

const NOTHING: RegisterUse = { reads: 0, writes: 0, changes: 0 };

function use(reads: number, writes: number, changes: number): RegisterUse {
  return { reads, writes, changes };
}

/** Whether an operand that is no byte has 32 or 64 bits. */
function isWide({ operandSize, rex }: Instruction["prefixes"]): boolean {
  return !operandSize || (rex & REX_W) !== 0;
}

function register(number: number, extension: number, rex: number, isByte: boolean): number {
  // Without REX, bytes 4 to 7 are AH, CH, DH, BH: the second ones of the first four registers.
  if (isByte && rex === 0) return 1 << (number & 3);
  return 1 << ((rex & extension) === 0 ? number : number | 8);
}

function addressRegisters(code: Uint8Array, instruction: Instruction): number {
  if (instruction.ripDisp !== undefined) return 0;
  const { offset, length } = instruction;
  const { base, index } = readAddressing(code.subarray(offset, offset + length), instruction);
  return (base === undefined ? 0 : 1 << base) | (index === undefined ? 0 : 1 << index);
}
