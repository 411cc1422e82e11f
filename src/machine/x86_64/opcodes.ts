/**
 * The legacy opcode maps, as the SDM's appendix A draws them: one character per opcode, a row for each high nibble, for
 * 64-bit mode; and what is different in 32-bit mode. They hold what user-space code may execute; privileged, undefined and very rare
 * opcodes are refused. iced-x86 is the oracle: nothing here is accepted that it calls invalid.
 *
 *   .  refused                        M  ModRM, memory or register
 *   -  nothing follows the opcode     m  ModRM, memory only
 *   b  imm8                           r  ModRM, register only
 *   w  imm16                          B  ModRM, imm8
 *   z  imm16 or imm32 by size         n  ModRM, register only, imm8
 *   v  imm16, imm32 or imm64          Z  ModRM, imm16 or imm32
 *   o  moffs: an absolute address     j  rel8
 *   e  ENTER: imm16, imm8             J  rel32
 *   g  ModRM selects within GROUPS    G  the same, and so does the mandatory prefix
 *   X  ModRM, rel32: XBEGIN
 */
import type { Bits } from "./instruction.ts";
import { parseRanges } from "./ranges.ts";

/** The opcode maps, named by the escape bytes that lead there. */
export type OpcodeMap = "" | "0f" | "0f38" | "0f3a";

/** Which of 66, F3 and F2 selects among the instructions that share an opcode; F2 and F3 override 66. */
export type MandatoryPrefix = "" | "66" | "f3" | "f2";

const REFUSED = ".";
const NONE = "................";

const ONE_BYTE = [
  "MMMMbz..MMMMbz..", // 00 add, or
  "MMMMbz..MMMMbz..", // 10 adc, sbb
  "MMMMbz..MMMMbz..", // 20 and, sub
  "MMMMbz..MMMMbz..", // 30 xor, cmp
  NONE, //               40 REX
  "----------------", // 50 push, pop
  "...M....zZbB....", // 60 movsxd, push, imul; port I/O is refused
  "jjjjjjjjjjjjjjjj", // 70 jcc
  "BZ.BMMMMMMMMgmgg", // 80 add … cmp with immediate, test, xchg, mov, lea, pop
  "----------.-----", // 90 xchg, nop, cwde, cdq, wait, pushf, popf, sahf, lahf
  "oooo----bz------", // a0 mov, string instructions, test
  "bbbbbbbbvvvvvvvv", // b0 mov
  "BBw-..gge-..-b..", // c0 shifts, ret, mov, enter, leave, int3, int; far returns are refused
  "MMMM...-MgggMggg", // d0 shifts, xlat, x87
  "jjjj....JJ.j....", // e0 loop, jrcxz, call, jmp
  "....--gg--..--gg", // f0 hlt, cmc, test … idiv, flags, inc, dec, call, jmp, push
];

/** What these one-byte opcodes are in 32-bit mode, where most of them have another meaning, or a meaning at all. */
const ONE_BYTE_32: ReadonlyMap<number, string> = new Map(
  Object.entries({
    "-": "06-07 0e 16-17 1e-1f 27 2f 37 3f 40-4f 60-61 ce", // push, pop, daa … aas, inc, dec, pusha, popa, into
    b: "d4-d5", // aam, aad
    m: "62 c4-c5", // bound, les, lds; with a register operand they are EVEX and VEX
    B: "82", // the same as 80
  }).flatMap(([layout, ranges]) => parseRanges(ranges).map((opcode) => [opcode, layout] as const)),
);

/** 0F, without a mandatory prefix and wherever the prefix does not matter. */
const TWO_BYTE = [
  ".GMM.-.....-.M..", // 00 lar, lsl, syscall, ud2, prefetchw
  "MMMmMMMmMMMMMMMM", // 10 moves, prefetch, hint nops
  "........MMMmMMMM", // 20 moves, conversions, comparisons
  ".-..-...........", // 30 rdtsc, sysenter
  "MMMMMMMMMMMMMMMM", // 40 cmovcc
  "rMMMMMMMMMMMMMMM", // 50 floating point
  "MMMMMMMMMMMM..MM", // 60 MMX
  "BGGGMMM-......MM", // 70 MMX
  "JJJJJJJJJJJJJJJJ", // 80 jcc
  "MMMMMMMMMMMMMMMM", // 90 setcc
  "---MBM..--.MBMGM", // a0 push, pop, cpuid, bt, shld, bts, shrd, fences, imul
  "MM.M..MM..gMMMMM", // b0 cmpxchg, btr, movzx, bit tests, btc, bsf, bsr, movsx
  "MMBmBnBG--------", // c0 xadd, movnti, shuffles, cmpxchg8b, bswap
  ".MMMMM.rMMMMMMMM", // d0 MMX
  "MMMMMM.mMMMMMMMM", // e0 MMX
  ".MMMMMMrMMMMMMM.", // f0 MMX
];

/** The rows in which a mandatory prefix matters. */
const TWO_BYTE_66 = {
  1: "MMmmMMmmMMMMMMMM",
  5: "rM..MMMMMMMMMMMM",
  6: "MMMMMMMMMMMMMMMM",
  7: "BGGGMMM.....MMMM",
  12: "MMB.BnBG--------",
  13: "MMMMMMMrMMMMMMMM",
  14: "MMMMMMMmMMMMMMMM",
};
const TWO_BYTE_F3 = {
  1: "MMM...M.MMMMMMMM",
  2: "..........MmMM..",
  5: ".MMM....MMMMMMMM",
  6: "...............M",
  7: "B.............MM",
  11: "MM.M..MMM.gMMMMM",
  12: "MMB....G--------",
  13: "......r.........",
  14: "......M.........",
  15: NONE,
};
const TWO_BYTE_F2 = {
  1: "MMM.....MMMMMMMM",
  2: "..........MmMM..",
  5: ".M......MMM.MMMM",
  6: NONE,
  7: "B...........MM..",
  12: "MMB....G--------",
  13: "M.....r.........",
  14: "......M.........",
  15: "m...............",
};

const THREE_BYTE_38 = {
  0: "MMMMMMMMMMMM....",
  1: "............MMM.",
  12: "........MMMMMM..",
  15: "mm....m..m......",
};
const THREE_BYTE_38_66 = {
  0: "MMMMMMMMMMMM....",
  1: "M...MM.M....MMM.",
  2: "MMMMMM..MMmM....",
  3: "MMMMMM.MMMMMMMMM",
  4: "MM..............",
  12: "...............M",
  13: "...........MMMMM",
  15: "mm....M.m.......",
};
const THREE_BYTE_38_F3 = { 15: "......M........." };
const THREE_BYTE_38_F2 = { 15: "MM.............." };
const THREE_BYTE_3A = { 0: "...............B", 12: "............B..." };
const THREE_BYTE_3A_66 = {
  0: "........BBBBBBBB",
  1: "....BBBB........",
  2: "BBB.............",
  4: "BBB.B...........",
  6: "BBBB............",
  12: "..............BB",
  13: "...............B",
};

/** What ModRM.reg selects, for memory and for register operands; 'x': listed byte by byte in EXACT. */
interface Group {
  readonly memory: string;
  readonly register: string;
}

const GROUPS: Readonly<Record<string, Group>> = {
  "8c": { memory: "MMMMMM..", register: "MMMMMM.." }, // mov from a segment register
  "8e": { memory: "M.MMMM..", register: "M.MMMM.." },
  "8f": { memory: "M.......", register: "M......." }, // pop; the rest is XOP
  c6: { memory: "B.......", register: "B......x" },
  c7: { memory: "Z.......", register: "Z......x" },
  d9: { memory: "M.MMMMMM", register: "MMx.xxMM" },
  da: { memory: "MMMMMMMM", register: "MMMM.x.." },
  db: { memory: "MMMM.M.M", register: "MMMMxMM." },
  dd: { memory: "MMMMM.MM", register: "M.MMMM.." },
  de: { memory: "MMMMMMMM", register: "MM.xMMMM" },
  df: { memory: "MMMMMMMM", register: "....xMM." },
  f6: { memory: "BBMMMMMM", register: "BBMMMMMM" },
  f7: { memory: "ZZMMMMMM", register: "ZZMMMMMM" },
  fe: { memory: "MM......", register: "MM......" },
  ff: { memory: "MMM.M.M.", register: "MMM.M.M." }, // far calls and jumps are refused
  "0f01": { memory: "........", register: "..x..x.x" },
  "f3:0f01": { memory: ".....M..", register: ".....x.." }, // rstorssp, saveprevssp
  "0f71": { memory: "........", register: "..B.B.B." },
  "66:0f71": { memory: "........", register: "..B.B.B." },
  "0f72": { memory: "........", register: "..B.B.B." },
  "66:0f72": { memory: "........", register: "..B.B.B." },
  "0f73": { memory: "........", register: "..B...B." },
  "66:0f73": { memory: "........", register: "..BB..BB" },
  "0fae": { memory: "MMMMMMMM", register: ".....MMM" }, // fxsave … clflush, fences
  "66:0fae": { memory: "......MM", register: "......M." }, // clwb, clflushopt, tpause
  "f3:0fae": { memory: "....M...", register: "MMMMMMM." }, // rdfsbase … incssp, umonitor
  "f2:0fae": { memory: "........", register: "......M." }, // umwait
  "0fba": { memory: "....BBBB", register: "....BBBB" }, // bt, bts, btr, btc
  "0fc7": { memory: ".M..M...", register: "......MM" }, // cmpxchg8b, xsavec, rdrand, rdseed
  "66:0fc7": { memory: ".M......", register: "......MM" },
  "f3:0fc7": { memory: ".M......", register: ".......M" }, // rdpid
  "f2:0fc7": { memory: ".M......", register: "........" },
};

/** Whole ModRM bytes, and the layout of the instructions that they select. */
const EXACT: Readonly<Record<string, { layout: string; modrm: ReadonlySet<number> }>> = {
  c6: exact("B", "f8"), // xabort
  c7: exact("X", "f8"), // xbegin
  d9: exact("M", "d0 e0-e1 e4-e5 e8-ee"), // fnop, fchs, fabs, ftst, fxam, fld1 …
  da: exact("M", "e9"), // fucompp
  db: exact("M", "e2-e3"), // fnclex, fninit
  de: exact("M", "d9"), // fcompp
  df: exact("M", "e0"), // fnstsw ax
  "0f01": exact("M", "d0 d5-d7 ee-ef f9"), // xgetbv, xend, xtest, enclu, rdpkru, wrpkru, rdtscp
  "f3:0f01": exact("M", "ea"),
};

const MAPS: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  "": ONE_BYTE,
  "0f": TWO_BYTE,
  "66:0f": { ...TWO_BYTE, ...TWO_BYTE_66 },
  "f3:0f": { ...TWO_BYTE, ...TWO_BYTE_F3 },
  "f2:0f": { ...TWO_BYTE, ...TWO_BYTE_F2 },
  "0f38": THREE_BYTE_38,
  "66:0f38": THREE_BYTE_38_66,
  "f3:0f38": THREE_BYTE_38_F3,
  "f2:0f38": THREE_BYTE_38_F2,
  "0f3a": THREE_BYTE_3A,
  "66:0f3a": THREE_BYTE_3A_66,
};

/**
 * The layout character of an opcode ('g' and 'G' resolved), or undefined where the opcode is refused.
 * `modrm` is the byte after the opcode, whether or not the instruction has one.
 */
export function layoutOf(
  map: OpcodeMap,
  prefix: MandatoryPrefix,
  opcode: number,
  modrm: number | undefined,
  bits: Bits,
): string | undefined {
  if (bits === 32) {
    const other = map === "" ? ONE_BYTE_32.get(opcode) : undefined;
    if (other !== undefined) return other;
    if (map === "0f" && prefix === "f3" && opcode === 0xae && isBaseAccess(modrm)) return undefined;
  }
  const key = map === "" || prefix === "" ? map : `${prefix}:${map}`;
  const layout = MAPS[key]?.[opcode >> 4]?.[opcode & 15] ?? REFUSED;
  if (layout === REFUSED) return undefined;
  if (layout !== "g" && layout !== "G") return layout;
  const group = `${layout === "g" ? map : key}${opcode.toString(16).padStart(2, "0")}`;
  return modrm === undefined ? "M" : inGroup(group, modrm);
}

/** RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE: of 64-bit mode only. */
function isBaseAccess(modrm = 0): boolean {
  return modrm >= 0xc0 && modrm < 0xe0;
}

function inGroup(key: string, modrm: number): string | undefined {
  const row = modrm >= 0xc0 ? GROUPS[key]?.register : GROUPS[key]?.memory;
  const layout = row?.[(modrm >> 3) & 7] ?? REFUSED;
  if (layout !== "x") return layout === REFUSED ? undefined : layout;
  const listed = EXACT[key];
  return listed?.modrm.has(modrm) ? listed.layout : undefined;
}

/** Opcodes whose memory form may carry LOCK, and the ModRM.reg values where these select. */
const LOCKABLE: Readonly<Record<string, string>> = {
  ...sharing(
    "00 01 08 09 10 11 18 19 20 21 28 29 30 31 86 87 0fab 0fb0 0fb1 0fb3 0fbb 0fc0 0fc1",
    "01234567",
  ),
  ...sharing("80 81 83", "0123456"),
  ...sharing("f6 f7", "23"),
  ...sharing("fe ff", "01"),
  "0fba": "567",
  "0fc7": "1",
};

/** Whether LOCK is valid on this instruction; on any other it raises an exception. */
export function isLockable(map: OpcodeMap, opcode: number, modrm: number): boolean {
  const allowed = LOCKABLE[`${map}${opcode.toString(16).padStart(2, "0")}`];
  return allowed !== undefined && modrm < 0xc0 && allowed.includes(String((modrm >> 3) & 7));
}

function exact(layout: string, ranges: string): { layout: string; modrm: ReadonlySet<number> } {
  return { layout, modrm: new Set(parseRanges(ranges)) };
}

function sharing(opcodes: string, allowed: string): Record<string, string> {
  return Object.fromEntries(opcodes.split(" ").map((opcode) => [opcode, allowed]));
}
