/**
 * Which registers instructions use: words in, registers out; and as objdump spells them, on the C library and on random words.
 */
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeIfKnown } from "../../../../src/machine/aarch64/decode.ts";
import { assemble } from "../../../../src/machine/aarch64/encode.ts";
import { registerUse } from "../../../../src/machine/aarch64/registers.ts";
import { disassembled, type Spelled, spelledUse } from "./spelled.ts";

/** "reads > writes ~changes" */
function told(word: number): string {
  const use = registerUse(word);
  if (use === undefined) return "unknown";
  const names = (set: number, sign = "") =>
    Array.from({ length: 31 }, (_, n) => n)
      .filter((n) => (set >> n) & 1)
      .map((n) => ` ${sign}x${n}`)
      .join("");
  return `${names(use.reads)} >${names(use.writes)}${names(use.changes & ~use.writes, "~")}`.trim();
}

describe("instructions", () => {
  it.each([
    [0x90000003, "adrp x3", "> x3"],
    [0x9100_23e3, "add x3, sp, #8", "> x3"],
    [0x2a0003e8, "mov w8, w0", "x0 > x8"],
    [0xd2800c48, "mov x8, #98", "> x8"],
    [0xf2800028, "movk x8, #1", "x8 > ~x8"],
    [0xb3403c41, "bfxil x1, x2, #0, #16", "x1 x2 > ~x1"],
    [0xeb01005f, "cmp x2, x1", "x1 x2 >"],
    [0x9a830041, "csel x1, x2, x3, eq", "x2 x3 > x1"],
    [0xfa420820, "ccmp x1, #2, #0, eq", "x1 >"],
    [0x9b031041, "madd x1, x2, x3, x4", "x2 x3 x4 > x1"],
    [0xb4000043, "cbz x3", "x3 >"],
    [0x37000046, "tbnz w6, #0", "x6 >"],
    [0x54000040, "b.eq", ">"],
    [0xf94007e3, "ldr x3, [sp, #8]", "> x3"],
    [0x39400061, "ldrb w1, [x3]", "x3 > x1"],
    [0xf8408c61, "ldr x1, [x3, #8]!", "x3 > x1 ~x3"],
    [0xf8627861, "ldr x1, [x3, x2, lsl #3]", "x2 x3 > x1"],
    [0xa9010fe2, "stp x2, x3, [sp, #16]", "x2 x3 >"],
    [0xa8c10861, "ldp x1, x2, [x3], #16", "x3 > x1 x2 ~x3"],
    [0x58000083, "ldr x3, literal", "> x3"],
    [0xf9800060, "prfm pldl1keep, [x3]", "x3 >"],
    [0xc85ffc61, "ldaxr x1, [x3]", "x3 > x1"],
    [0xc802fc61, "stlxr w2, x1, [x3]", "x1 x3 > x2"],
    [0xc8a17c62, "cas x1, x2, [x3]", "x1 x2 x3 > ~x1"],
    [0x48207c82, "casp x0, x1, x2, x3, [x4]", "x0 x1 x2 x3 x4 > ~x0 ~x1"],
    [0xf8210062, "ldadd x1, x2, [x3]", "x1 x3 > x2"],
    [0xd53bd042, "mrs x2, tpidr_el0", "> x2"],
    [0xd51b4402, "msr fpcr, x2", "x2 >"],
    [0xd503233f, "paciasp", "x30 > ~x30"],
    [0xd503241f, "bti", ">"],
    [0xd5033bbf, "dmb ish", ">"],
    [0x4c407c61, "ld1 {v1.2d}, [x3]", "x3 >"],
    [0x4c9f7c61, "st1 {v1.2d}, [x3], #16", "x3 > ~x3"],
    [0x9e660001, "fmov x1, d0", "> x1"],
    [0x9e670020, "fmov d0, x1", "x1 >"],
    [0x1e380001, "fcvtzs w1, s0", "> x1"],
    [0x4e083c01, "mov x1, v0.d[0]", "> x1"],
    [0x4e081c20, "mov v0.d[0], x1", "x1 >"],
    [0x4e208401, "add v1.16b, v0.16b, v0.16b", ">"],
    [0xaa1f03e3, "mov x3, xzr", "> x3"],
    [0xe400e000, "st1b {z0.b}, p0, [x0]", "unknown"],
    [0x19000441, "cpyfp [x1]!, [x0]!, x2!", "x0 x1 x2 > ~x0 ~x1 ~x2"],
    [0xf83fd062, "ld64b x2, [x3]", "unknown"],
    [0x00000000, "udf #0", "unknown"],
  ])("%i, %s: %s", (word, _, use) => {
    expect(told(word)).toBe(use);
  });
});

const LIBRARY = "/usr/aarch64-linux-gnu/lib/libc.so.6";
const COUNT = 200_000;
const random = disassembled(randomWords(COUNT));
if (random === undefined) console.log("skipped: there is no objdump for aarch64");
if (!existsSync(LIBRARY)) console.log(`skipped: there is no ${LIBRARY}`);

describe.skipIf(random === undefined)("agree with objdump", () => {
  it.skipIf(!existsSync(LIBRARY))("on the C library", () => {
    const lines = disassembled(LIBRARY)!;
    expect(lines.length).toBeGreaterThan(100_000);
    expect(disagreements(lines)).toEqual([]);
    const unknown = lines.filter(({ word, text }) => goesOn(word) === undefined && !/[zp]\d|cntb/.test(text));
    expect(
      unknown.map(({ text }) => text),
      "all but scalable vectors is known",
    ).toEqual([]);
  });

  it(`on random words (${COUNT.toLocaleString("en")})`, () => {
    expect(random!.filter(({ word }) => goesOn(word) === true).length).toBeGreaterThan(COUNT / 20);
    expect(disagreements(random!)).toEqual([]);
  });
});

/** Whether an instruction goes on to the next one, and so has to be listed; undefined for one that is not known. */
function goesOn(word: number): boolean | undefined {
  const { flow } = decodeIfKnown(assemble([word]), 0) ?? {};
  return flow && (flow === "next" || flow === "conditional");
}

function disagreements(lines: readonly Spelled[]): string[] {
  return lines.flatMap(({ word, text }) => {
    const spelled = spelledUse(text);
    const use = goesOn(word) === true && spelled !== undefined ? registerUse(word) : undefined;
    if (use === undefined || spelled === undefined) return [];
    const isSame = use.reads === spelled.reads && use.changes === spelled.changes;
    return isSame ? [] : [`${word.toString(16)} ${text}: ${told(word)}`];
  });
}

/** Of each class of instructions as many, the same ones at each run. */
function randomWords(count: number): Uint8Array {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state >>> 16;
  };
  const word = (index: number) => (((next() << 16) | next()) & ~(15 << 25)) | ((index & 15) << 25);
  return assemble(Array.from({ length: count }, (_, index) => word(index) >>> 0));
}
