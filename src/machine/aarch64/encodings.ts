/**
 * Which words are instructions: the A64 base set up to Armv8.9 as the Arm Architecture Reference Manual has it (DDI 0487,
 * C4.1, "A64 instruction set encoding"), all of floating point and Advanced SIMD, and where they lead.
 *
 * What is not listed is refused. Some of it would mean something else elsewhere: what signs addresses together with the
 * program counter (FEAT_PAuth_LR), compares and branches (FEAT_CMPBR), or has to stand before or behind another instruction
 * (MOVPRFX, the copying of FEAT_MOPS).
 */
import type { Flow } from "./decode.ts";
import { type Fields, type Pattern, pattern } from "./pattern.ts";

export interface Encoding {
  readonly pattern: Pattern;
  readonly flow: Flow;
  /** Whether the fields go together. */
  readonly isAllocated: (fields: Fields) => boolean;
}

const always = () => true;

function listed(
  flow: Flow,
  ...rows: (string | readonly [string, (fields: Fields) => boolean])[]
): Encoding[] {
  return rows.map((row) => {
    const [drawing, isAllocated] = typeof row === "string" ? [row, always] : row;
    return { pattern: pattern(drawing), flow, isAllocated };
  });
}

/** Branches, exceptions, system: first what goes elsewhere. */
const CONTROL: readonly Encoding[] = [
  ...listed("jump", "000101 iiiiiiiiiiiiiiiiiiiiiiiiii"), // b
  ...listed("call", "100101 iiiiiiiiiiiiiiiiiiiiiiiiii"), // bl
  ...listed(
    "conditional",
    "01010100 iiiiiiiiiiiiiiiiiii . cccc", // b.cond, bc.cond
    ".011010 . iiiiiiiiiiiiiiiiiii ttttt", // cbz, cbnz
    ".011011 . bbbbb iiiiiiiiiiiiii ttttt", // tbz, tbnz
  ),
  ...listed(
    "indirect",
    "11010110000 11111 000000 nnnnn 00000", // br
    "11010110000 11111 00001 . nnnnn 11111", // braaz
    "11010111000 11111 00001 . nnnnn mmmmm", // braa
  ),
  ...listed(
    "call",
    "11010110001 11111 000000 nnnnn 00000", // blr
    "11010110001 11111 00001 . nnnnn 11111", // blraaz
    "11010111001 11111 00001 . nnnnn mmmmm", // blraa
  ),
  ...listed(
    "return",
    "11010110010 11111 000000 nnnnn 00000", // ret
    "11010110010 11111 00001 . 11111 11111", // retaa
  ),
  ...listed("syscall", "11010100000 iiiiiiiiiiiiiiii 00001"), // svc
  ...listed(
    "trap",
    "11010100001 iiiiiiiiiiiiiiii 00000", // brk
    "11010100010 iiiiiiiiiiiiiiii 00000", // hlt
  ),
  ...listed("stop", "0000000000000000 iiiiiiiiiiiiiiii"), // udf
];

/** In the hint space PACM, 39, is for the next instruction only. */
const SYSTEM = listed(
  "next",
  ["11010101 00000011 0010 mmmm ooo 11111", (f) => (f("m") << 3) + f("o") !== 39],
  ["11010101 00000011 0011 mmmm ooo 11111", (f) => f("o") === 2 || f("o") >= 4], // clrex, dsb, dmb, isb, sb
  "11010101 00000011 0001 0000 00 . ddddd", // wfet, wfit
  "11010101 00 0 00 ooo 0100 mmmm ppp 11111", // msr of a flag or field
  "11010101 00 . 01 ooo nnnn mmmm ppp ttttt", // sys, sysl
  "11010101 00 . 1. ooo nnnn mmmm ppp ttttt", // msr, mrs
);

const IMMEDIATE = listed(
  "next",
  ". ll 10000 iiiiiiiiiiiiiiiiiii ddddd", // adr, adrp
  "x . . 100010 . iiiiiiiiiiii nnnnn ddddd", // add, sub
  "1 . 0 100011 0 iiiiii 00 tttt nnnnn ddddd", // addg, subg
  ["x .. 100100 N rrrrrr ssssss nnnnn ddddd", isBitmask], // and, orr, eor
  ["x oo 100101 hh iiiiiiiiiiiiiiii ddddd", (f) => f("o") !== 1 && (f("x") === 1 || f("h") < 2)], // movn, movz, movk
  ["x oo 100110 N rrrrrr ssssss nnnnn ddddd", (f) => f("o") !== 3 && isWidth(f, "r", "s")], // sbfm, bfm, ubfm
  ["x 00 100111 N 0 mmmmm ssssss nnnnn ddddd", (f) => isWidth(f, "s")], // extr
);

const REGISTER = listed(
  "next",
  ["x .. 01010 .. . mmmmm iiiiii nnnnn ddddd", isShift], // and, bic, orr, orn, eor, eon
  ["x .. 01011 ss 0 mmmmm iiiiii nnnnn ddddd", (f) => f("s") !== 3 && isShift(f)], // add, sub
  ["x .. 01011 00 1 mmmmm ... iii nnnnn ddddd", (f) => f("i") <= 4],
  "x .. 11010000 mmmmm 000000 nnnnn ddddd", // adc, sbc
  "1 01 11010000 iiiiii 00001 nnnnn 0 ....", // rmif
  "0 01 11010000 000000 . 0010 nnnnn 0 1101", // setf8, setf16
  "x . 1 11010010 mmmmm cccc . 0 nnnnn 0 vvvv", // ccmp, ccmn
  "x . 0 11010100 mmmmm cccc 0 . nnnnn ddddd", // csel, csinc, csinv, csneg
  "x 00 11010110 mmmmm 00001 . nnnnn ddddd", // udiv, sdiv
  "x 00 11010110 mmmmm 0010 .. nnnnn ddddd", // lslv, lsrv, asrv, rorv
  ["x 00 11010110 mmmmm 010 . ss nnnnn ddddd", (f) => (f("s") === 3) === (f("x") === 1)], // crc32
  "x 00 11010110 mmmmm 0110 .. nnnnn ddddd", // smax, umax, smin, umin
  "1 0. 11010110 mmmmm 000000 nnnnn ddddd", // subp, subps
  "1 00 11010110 mmmmm 00010 . nnnnn ddddd", // irg, gmi
  "1 00 11010110 mmmmm 001100 nnnnn ddddd", // pacga
  ["x 10 11010110 00000 oooooo nnnnn ddddd", (f) => f("o") <= 8 && !(f("o") === 3 && f("x") === 0)], // rbit … abs
  ["1 10 11010110 00001 oooooo nnnnn ddddd", (f) => f("o") < 18], // pacia … xpacd
  "x 00 11011 000 mmmmm . aaaaa nnnnn ddddd", // madd, msub
  "1 00 11011 . 01 mmmmm . aaaaa nnnnn ddddd", // smaddl, umaddl, smsubl, umsubl
  "1 00 11011 . 10 mmmmm 0 aaaaa nnnnn ddddd", // smulh, umulh
);

const MEMORY = listed(
  "next",
  ["oo 011 v 00 iiiiiiiiiiiiiiiiiii ttttt", (f) => !(f("o") === 3 && f("v") === 1)], // ldr, ldrsw, prfm of a literal
  ".. 001000 0 . 0 sssss . uuuuu nnnnn ttttt", // ldxr, stxr
  ".. 001000 1 . 0 11111 . 11111 nnnnn ttttt", // ldar, stlr and the like
  "1. 001000 0 . 1 sssss . uuuuu nnnnn ttttt", // ldxp, stxp
  "0. 001000 0 . 1 sssss . 11111 nnnnn ttttt", // casp
  ".. 001000 1 . 1 sssss . 11111 nnnnn ttttt", // cas
  ["ss 011001 oo 0 iiiiiiiii 00 nnnnn ttttt", (f) => isAccess(f) && !isPrefetch(f)], // ldapur, stlur
  ["11 011001 oo 1 iiiiiiiii pp nnnnn ttttt", (f) => f("p") !== 0 || f("o") === 1], // stg, ldg
  ["oo 101 v 0 ss l iiiiiii uuuuu nnnnn ttttt", isPair], // ldp, stp, ldpsw, stgp
  ["ss 111 v 00 oo 0 iiiiiiiii 00 nnnnn ttttt", isAccess], // ldur, stur, prfum
  ["ss 111 v 00 oo 0 iiiiiiiii .1 nnnnn ttttt", (f) => isAccess(f) && !isPrefetch(f)], // base changed before, behind
  ["ss 111 0 00 oo 0 iiiiiiiii 10 nnnnn ttttt", (f) => isAccess(f) && !isPrefetch(f)], // ldtr, sttr
  ["ss 111 v 00 oo 1 mmmmm .1. . 10 nnnnn ttttt", isAccess],
  ["ss 111 v 01 oo iiiiiiiiiiii nnnnn ttttt", isAccess],
  ".. 111 0 00 .. 1 sssss 0 ... 00 nnnnn ttttt", // ldadd … ldumin
  ".. 111 0 00 .. 1 sssss 1000 00 nnnnn ttttt", // swp
  ".. 111 0 00 10 1 11111 1100 00 nnnnn ttttt", // ldapr
  "11 111 0 00 . . 1 iiiiiiiii . 1 nnnnn ttttt", // ldraa, ldrab
  ["0 q 001100 0 . 000000 oooo zz nnnnn ttttt", isStructures], // ld1 … st4
  ["0 q 001100 1 . 0 mmmmm oooo zz nnnnn ttttt", isStructures],
  ["0 . 001101 0 l . 00000 oo . s zz nnnnn ttttt", isLane],
  ["0 . 001101 1 l . mmmmm oo . s zz nnnnn ttttt", isLane],
);

/** Nothing in here depends on its address, or leads anywhere: vectors, cryptography, and conversions of 64 bits. */
const VECTOR = listed(
  "next",
  "0.. .111 .........................",
  "11001110 ........................",
  "10011110 ........................",
);

/** Most words are told apart by four bits; each encoding stands where it may be found. */
const BY_GROUP: readonly (readonly Encoding[])[] = (() => {
  const all = [...CONTROL, ...SYSTEM, ...IMMEDIATE, ...REGISTER, ...MEMORY, ...VECTOR];
  const isIn = ({ pattern: { mask, value } }: Encoding, group: number) =>
    ((value ^ (group << 25)) & mask & (15 << 25)) === 0;
  return Array.from({ length: 16 }, (_, group) => all.filter((encoding) => isIn(encoding, group)));
})();

/** The encodings among which a word's is, if it has one. */
export function encodingsFor(word: number): readonly Encoding[] {
  return BY_GROUP[(word >>> 25) & 15]!;
}

function isShift(f: Fields): boolean {
  return f("x") === 1 || f("i") < 32;
}

function isWidth(f: Fields, ...fields: string[]): boolean {
  return f("N") === f("x") && (f("x") === 1 || fields.every((each) => f(each) < 32));
}

/** The immediate of a logical instruction: of 2 to 64 bits, that are not all ones. */
function isBitmask(f: Fields): boolean {
  if (f("x") === 0 && f("N") === 1) return false;
  const size = sizeOfBitmask(f("N"), f("s"));
  return size !== undefined && (f("s") & (size - 1)) !== size - 1;
}

/** Bits after which such an immediate repeats itself. */
export function sizeOfBitmask(n: number, imms: number): number | undefined {
  const length = 31 - Math.clz32((n << 6) | (~imms & 0x3f));
  return length < 1 ? undefined : 1 << length;
}

function isPair(f: Fields): boolean {
  if (f("v") === 1) return f("o") !== 3;
  // 01 is LDPSW or STGP, which have no form that is not temporal.
  return f("o") === 0 || f("o") === 2 || (f("o") === 1 && f("s") !== 0);
}

/** A size and an operation that go together: what extends a sign has to have a wider register. */
function isAccess(f: Fields): boolean {
  if (f("v") === 1) return f("o") < 2 || f("s") === 0;
  return f("o") < 2 || f("s") < 2 || (f("s") === 2 && f("o") === 2) || (f("s") === 3 && f("o") === 2);
}

function isPrefetch(f: Fields): boolean {
  return f("v") === 0 && f("s") === 3 && f("o") === 2;
}

/** Of one to four registers; those that are interleaved have no single element of 64 bits. */
function isStructures(f: Fields): boolean {
  const isInterleaved = [0, 4, 8].includes(f("o"));
  return (isInterleaved && !(f("q") === 0 && f("z") === 3)) || [2, 6, 7, 10].includes(f("o"));
}

/** One element of each register, of 8 bits, 16, or 32 and 64; or a load of all elements. */
function isLane(f: Fields): boolean {
  switch (f("o")) {
    case 0:
      return true;
    case 1:
      return (f("z") & 1) === 0;
    case 2:
      return f("z") === 0 || (f("z") === 1 && f("s") === 0);
    default:
      return f("l") === 1 && f("s") === 0;
  }
}
