/**
 * Which general registers an aarch64 instruction reads and writes: a row for each encoding, or for several that use the
 * same. What no row matches is not known: scalable vectors and matrices, and the newest extensions.
 *
 * A row is drawn as pattern.ts has it; the letters are registers' numbers. Behind it, the registers that are read, ">",
 * and those that are written; "~": one that is changed, but of which something remains. "t+": the one after t. Number 31
 * is the zero register, or sp, which are nobody's business here.
 * Source: Arm ARM (DDI 0487), C4.1 "A64 instruction set encoding", in its order.
 */
import type { RegisterUse } from "../calls.ts";
import { type Fields, fieldsOf, matches, type Pattern, pattern } from "./pattern.ts";

const ROWS: readonly (readonly [bits: string, use: string])[] = [
  // Immediates
  ["...10000 ................... ddddd", "> d"], // adr, adrp
  ["...100010 . ............ nnnnn ddddd", "n > d"], // add, sub
  ["1.0100011 0 ...... 00 .... nnnnn ddddd", "n > d"], // addg, subg
  [".00100011 1 00.. ........ nnnnn ddddd", "n > d"], // smax, umax, smin, umin
  ["0..100100 0 ............ nnnnn ddddd", "n > d"], // and, orr, eor
  ["1..100100 . ............ nnnnn ddddd", "n > d"],
  ["0.0100101 0. ................ ddddd", "> d"], // movn, movz
  ["1.0100101 .. ................ ddddd", "> d"],
  ["011100101 0. ................ ddddd", "d > ~d"], // movk
  ["111100101 .. ................ ddddd", "d > ~d"],
  ["0.0100110 0 0..... 0..... nnnnn ddddd", "n > d"], // sbfm, ubfm
  ["1.0100110 1 ...... ...... nnnnn ddddd", "n > d"],
  ["001100110 0 0..... 0..... nnnnn ddddd", "n d > ~d"], // bfm
  ["101100110 1 ...... ...... nnnnn ddddd", "n d > ~d"],
  ["000100111 00 mmmmm 0..... nnnnn ddddd", "n m > d"], // extr
  ["100100111 10 mmmmm ...... nnnnn ddddd", "n m > d"],

  // Branches that may go on to the next instruction, and system instructions
  ["01010100 ................... . ....", ">"], // b.cond
  [".011010. ................... ttttt", "t >"], // cbz, cbnz
  [".011011. ..... .............. ttttt", "t >"], // tbz, tbnz
  [".1110100 ... mmmmm .. ......... ttttt", "t m >"], // cb<cond>
  [".1110101 ... ...... 0 ......... ttttt", "t >"],
  ["11010101000000110001 0000 00. ttttt", "t >"], // wfet, wfit
  ["11010101000000110010 0000 111 11111", "30 > ~30"], // xpaclri
  ["11010101000000110010 0001 ... 11111", "16 17 > ~17"], // pacia1716 …
  ["11010101000000110010 0011 ... 11111", "30 > ~30"], // paciasp, autiasp …
  ["11010101000000110010 0101 000 11111", "16 > ~16"], // chkfeat
  ["11010101000000110010 .... ... 11111", ">"], // other hints: nop, bti
  ["11010101000000110011 .... ... 11111", ">"], // barriers
  ["1101010100000 ... 0100 .... ... 11111", ">"], // flags
  ["1101010100001 ... .... .... ... ttttt", "t >"], // sys
  ["1101010100101 ... .... .... ... ttttt", "> t"], // sysl
  ["11010101000 1. ... .... .... ... ttttt", "t >"], // msr
  ["11010101001 1. ... .... .... ... ttttt", "> t"], // mrs

  // Loads and stores: vectors
  ["0.001100 0 . 000000 .... .. nnnnn .....", "n >"],
  ["0.001100 1 . 0 mmmmm .... .. nnnnn .....", "n m > ~n"],
  ["0.001101 0 .. 0000. ... . .. nnnnn .....", "n >"],
  ["0.001101 1 .. mmmmm ... . .. nnnnn .....", "n m > ~n"],
  // Exclusive, ordered, compare and swap
  ["..001000 000 sssss . ..... nnnnn ttttt", "t n > s"], // stxr
  ["1.001000 001 sssss . uuuuu nnnnn ttttt", "t u n > s"], // stxp
  ["0.001000 0.1 sssss . 11111 nnnnn ttttt", "s s+ t t+ n > ~s ~s+"], // casp
  ["..001000 010 ..... . ..... nnnnn ttttt", "n > t"], // ldxr
  ["1.001000 011 ..... . uuuuu nnnnn ttttt", "n > t u"], // ldxp
  ["..001000 100 ..... . ..... nnnnn ttttt", "t n >"], // stlr
  ["..001000 110 ..... . ..... nnnnn ttttt", "n > t"], // ldar
  ["..001000 1.1 sssss . 11111 nnnnn ttttt", "s t n > ~s"], // cas
  // Memory tags; ordered, with a small offset; copying and setting memory
  ["11011001 01 1 ......... 00 nnnnn ttttt", "n t > ~t"], // ldg
  ["11011001 11 1 ......... 00 nnnnn ttttt", "n t > ~t"], // ldgm
  ["11011001 .0 1 ......... 00 nnnnn ttttt", "n t >"], // stgm
  ["11011001 .. 1 ......... 10 nnnnn ttttt", "n t >"], // stg …
  ["11011001 .. 1 ......... .1 nnnnn ttttt", "n t > ~n"],
  ["..011001 00 0 ......... 00 nnnnn ttttt", "t n >"], // stlur
  ["..011001 01 0 ......... 00 nnnnn ttttt", "n > t"], // ldapur
  ["0.011001 1. 0 ......... 00 nnnnn ttttt", "n > t"],
  ["10011001 10 0 ......... 00 nnnnn ttttt", "n > t"],
  ["..011.01 .. 0 sssss .... 01 nnnnn ddddd", "d s n > ~d ~s ~n"], // cpy, set
  // By an address that is a part of the instruction
  ["0.011000 ................... ttttt", "> t"], // ldr
  ["10011000 ................... ttttt", "> t"], // ldrsw
  ["11011000 ................... .....", ">"], // prfm
  ["..011100 ................... .....", ">"],
  // Pairs: without, then with a change of the address
  [".010100 .0 0 ....... uuuuu nnnnn ttttt", "t u n >"], // stp
  [".010100 .0 1 ....... uuuuu nnnnn ttttt", "n > t u"], // ldp
  [".010100 .1 0 ....... uuuuu nnnnn ttttt", "t u n > ~n"],
  [".010100 .1 1 ....... uuuuu nnnnn ttttt", "n > t u ~n"],
  ["0110100 10 0 ....... uuuuu nnnnn ttttt", "t u n >"], // stgp
  ["0110100 10 1 ....... uuuuu nnnnn ttttt", "n > t u"], // ldpsw
  ["0110100 .1 0 ....... uuuuu nnnnn ttttt", "t u n > ~n"],
  ["0110100 .1 1 ....... uuuuu nnnnn ttttt", "n > t u ~n"],
  [".010110 .0 . ....... ..... nnnnn .....", "n >"],
  [".010110 .1 . ....... ..... nnnnn .....", "n > ~n"],
  ["0110110 .0 . ....... ..... nnnnn .....", "n >"],
  ["0110110 .1 . ....... ..... nnnnn .....", "n > ~n"],
  // With an offset
  ["..111001 00 ............ nnnnn ttttt", "t n >"], // str
  ["..111001 01 ............ nnnnn ttttt", "n > t"], // ldr
  ["0.111001 1. ............ nnnnn ttttt", "n > t"], // ldrsb, ldrsh
  ["10111001 10 ............ nnnnn ttttt", "n > t"], // ldrsw
  ["11111001 10 ............ nnnnn .....", "n >"], // prfm
  ["..111101 .. ............ nnnnn .....", "n >"],
  ["..111000 00 0 ......... .0 nnnnn ttttt", "t n >"], // stur, sttr
  ["..111000 01 0 ......... .0 nnnnn ttttt", "n > t"],
  ["0.111000 1. 0 ......... .0 nnnnn ttttt", "n > t"],
  ["10111000 10 0 ......... .0 nnnnn ttttt", "n > t"],
  ["11111000 10 0 ......... 00 nnnnn .....", "n >"], // prfum
  ["..111100 .. 0 ......... 00 nnnnn .....", "n >"],
  // With an offset that changes the address
  ["..111000 00 0 ......... .1 nnnnn ttttt", "t n > ~n"],
  ["..111000 01 0 ......... .1 nnnnn ttttt", "n > t ~n"],
  ["0.111000 1. 0 ......... .1 nnnnn ttttt", "n > t ~n"],
  ["10111000 10 0 ......... .1 nnnnn ttttt", "n > t ~n"],
  ["..111100 .. 0 ......... .1 nnnnn .....", "n > ~n"],
  // With a register as offset
  ["..111000 00 1 mmmmm ... . 10 nnnnn ttttt", "t n m >"],
  ["..111000 01 1 mmmmm ... . 10 nnnnn ttttt", "n m > t"],
  ["0.111000 1. 1 mmmmm ... . 10 nnnnn ttttt", "n m > t"],
  ["10111000 10 1 mmmmm ... . 10 nnnnn ttttt", "n m > t"],
  ["11111000 10 1 mmmmm ... . 10 nnnnn .....", "n m >"], // prfm, rprfm
  ["..111100 .. 1 mmmmm ... . 10 nnnnn .....", "n m >"],
  // Atomic; by an authenticated address
  ["..111000 .. 1 sssss 0 ... 00 nnnnn ttttt", "s n > t"], // ldadd …
  ["..111000 .. 1 sssss 1 000 00 nnnnn ttttt", "s n > t"], // swp
  ["..111000 10 1 11111 1 100 00 nnnnn ttttt", "n > t"], // ldapr
  ["11111000 .. 1 ......... 01 nnnnn ttttt", "n > t"], // ldraa, ldrab
  ["11111000 .. 1 ......... 11 nnnnn ttttt", "n > t ~n"],

  // Registers
  ["0..01010 .. . mmmmm 0..... nnnnn ddddd", "n m > d"], // and, orr, eor …
  ["1..01010 .. . mmmmm ...... nnnnn ddddd", "n m > d"],
  ["0..01011 .. 0 mmmmm 0..... nnnnn ddddd", "n m > d"], // add, sub
  ["1..01011 .. 0 mmmmm ...... nnnnn ddddd", "n m > d"],
  ["...01011 00 1 mmmmm ... ... nnnnn ddddd", "n m > d"],
  ["...11010000 mmmmm 000000 nnnnn ddddd", "n m > d"], // adc, sbc
  ["1.011010000 mmmmm 001... nnnnn ddddd", "n m > d"], // addpt, subpt
  ["10111010000 ...... 00001 nnnnn 0 ....", "n >"], // rmif
  ["00111010000 00000 0.0010 nnnnn 01101", "n >"], // setf
  ["..111010010 mmmmm .... 00 nnnnn 0 ....", "n m >"], // ccmn, ccmp
  ["..111010010 ..... .... 10 nnnnn 0 ....", "n >"],
  ["..011010100 mmmmm .... 0. nnnnn ddddd", "n m > d"], // csel …
  [".0011010110 mmmmm 00001. nnnnn ddddd", "n m > d"], // udiv, sdiv
  [".0011010110 mmmmm 0010.. nnnnn ddddd", "n m > d"], // shifts
  [".0011010110 mmmmm 0110.. nnnnn ddddd", "n m > d"], // smax …
  [".0011010110 mmmmm 010... nnnnn ddddd", "n m > d"], // crc32
  ["10.11010110 mmmmm 000000 nnnnn ddddd", "n m > d"], // subp
  ["10011010110 mmmmm 00010. nnnnn ddddd", "n m > d"], // irg, gmi
  ["10011010110 mmmmm 001100 nnnnn ddddd", "n m > d"], // pacga
  [".1011010110 00000 000... nnnnn ddddd", "n > d"], // rbit, rev, clz …
  [".1011010110 00000 001000 nnnnn ddddd", "n > d"], // abs
  ["11011010110 00001 00.... nnnnn ddddd", "n d > ~d"], // pacia …
  ["11011010110 00001 01000. 11111 ddddd", "d > ~d"], // xpaci
  [".0011011000 mmmmm . aaaaa nnnnn ddddd", "n m a > d"], // madd, msub
  ["10011011.01 mmmmm . aaaaa nnnnn ddddd", "n m a > d"], // smaddl …
  ["10011011.10 mmmmm 0 ..... nnnnn ddddd", "n m > d"], // smulh, umulh
  ["10011011011 mmmmm . aaaaa nnnnn ddddd", "n m a > d"], // maddpt

  // Vectors and floating point: what goes over to general registers, or comes from there; and all the rest
  [".0011110 .. 1 .. 00. 000000 ..... ddddd", "> d"], // fcvtns …
  [".0011110 .. 1 00 10. 000000 ..... ddddd", "> d"], // fcvtas
  [".0011110 .. 1 0. 110 000000 ..... ddddd", "> d"], // fmov
  ["00011110 01 1 11 110 000000 ..... ddddd", "> d"], // fjcvtzs
  [".0011110 .. 1 00 01. 000000 nnnnn .....", "n >"], // scvtf, ucvtf
  [".0011110 .. 1 0. 111 000000 nnnnn .....", "n >"], // fmov
  [".0011110 .. 0 00 01. ...... nnnnn .....", "n >"], // scvtf, ucvtf of fixed-point numbers
  [".0011110 .. 0 11 00. ...... ..... ddddd", "> d"], // fcvtzs, fcvtzu
  ["0.001110000 ..... 0 0001 1 nnnnn .....", "n >"], // dup
  ["01001110000 ..... 0 0011 1 nnnnn .....", "n >"], // ins
  ["0.001110000 ..... 0 01.1 1 ..... ddddd", "> d"], // smov, umov
  ["00011110 .. 1 ..... ... 100 ..... .....", ">"], // fmov
  ["00011110 .. 1 ..... .. 1000 ..... .....", ">"], // fcmp
  ["00011110 .. 1 ..... . 10000 ..... .....", ">"], // fmov, fcvt, fsqrt …
  ["00011110 .. 1 ..... .... 01 ..... .....", ">"], // fccmp
  ["00011110 .. 1 ..... .... 1. ..... .....", ">"], // fadd …, fcsel
  ["00011111 ........................", ">"], // fmadd
  ["0..01110 ........................", ">"],
  ["0..01111 ........................", ">"],
  ["01.1111. ........................", ">"],
  ["11001110 ........................", ">"], // sha512, eor3 …
];

/** Undefined for a word that is not listed. What leads elsewhere is not: what it uses is its destination's business. */
export function registerUse(word: number): RegisterUse | undefined {
  const row = BY_GROUP[groupOf(word)]!.find((each) => matches(each.pattern, word));
  if (row === undefined) return undefined;
  const fields = fieldsOf(row.pattern, word);
  const writes = registers(row.writes, fields);
  return { reads: registers(row.reads, fields), writes, changes: writes | registers(row.changes, fields) };
}

interface Row {
  readonly pattern: Pattern;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly changes: readonly string[];
}

function parseRow([drawing, use]: (typeof ROWS)[number]): Row {
  const [reads = [], all = []] = use.split(">").map((part) => part.split(" ").filter((name) => name !== ""));
  return {
    pattern: pattern(drawing),
    reads,
    writes: all.filter((name) => !name.startsWith("~")),
    changes: all.flatMap((name) => (name.startsWith("~") ? [name.slice(1)] : [])),
  };
}

/** Bits 25 to 28 tell the classes of instructions apart. */
function groupOf(word: number): number {
  return (word >>> 25) & 15;
}

/** Each row stands where it may match. */
const BY_GROUP: readonly (readonly Row[])[] = (() => {
  const rows = ROWS.map(parseRow);
  const mayMatch = ({ pattern: { mask, value } }: Row, group: number) =>
    ((groupOf(value) ^ group) & groupOf(mask)) === 0;
  return Array.from({ length: 16 }, (_, group) => rows.filter((row) => mayMatch(row, group)));
})();

/** "n", "t+", "30"; as a set, without the zero register and sp. */
function registers(names: readonly string[], fields: Fields): number {
  let set = 0;
  for (const name of names) {
    const fixed = Number.parseInt(name, 10);
    const number = fixed >= 0 ? fixed : fields(name[0]!) + (name.endsWith("+") ? 1 : 0);
    if (number < 31) set |= 1 << number;
  }
  return set;
}
