/**
 * A small arm64 disassembler, for showing the bytes before and after a patch. Addresses are shown resolved, so that a
 * relocated instruction reads the same as the original. What it cannot spell out it shows as a word.
 */
import type { Line } from "../code.ts";
import { decodeIfKnown, type Instruction, type Reference } from "./decode.ts";
import { LENGTH } from "./encode.ts";
import { fieldsOf, matches, pattern } from "./pattern.ts";
import { MEMORY } from "./spelled-memory.ts";
import { CONTROL, IMMEDIATE, REGISTER } from "./spellings.ts";

const SPELLINGS = [...CONTROL, ...IMMEDIATE, ...REGISTER, ...MEMORY].map(([drawing, spell]) => ({
  pattern: pattern(drawing),
  spell,
}));

const PAGE = 4096n;

/** As `Machine.disassemble`: a line for each word, and one for bytes that are none. */
export function disassemble(code: Uint8Array, address: bigint): Line[] {
  const lines: Line[] = [];
  for (let offset = 0; offset < code.length; offset += LENGTH) {
    const at = address + BigInt(offset);
    const bytes = Uint8Array.from(code.subarray(offset, offset + LENGTH));
    const instruction = decodeIfKnown(code, offset);
    lines.push({ address: at, bytes, text: (instruction && spell(instruction, at)) ?? data(bytes) });
  }
  return lines;
}

function spell({ word, reference }: Instruction, at: bigint): string | undefined {
  const target = reference === undefined ? "" : `0x${resolve(reference, at).toString(16)}`;
  for (const row of SPELLINGS) {
    const text = matches(row.pattern, word) ? row.spell(fieldsOf(row.pattern, word), target) : undefined;
    if (text !== undefined) return text;
  }
  return undefined;
}

function resolve({ kind, distance }: Reference, at: bigint): bigint {
  const target = kind === "adrp" ? (at & ~(PAGE - 1n)) + PAGE * distance : at + distance;
  return BigInt.asUintN(64, target);
}

/** As an assembler takes it. */
function data(bytes: Uint8Array): string {
  const digits = (each: Uint8Array) => Buffer.from(each).toString("hex");
  return bytes.length === LENGTH
    ? `.inst 0x${digits(bytes.toReversed())}`
    : `.byte ${Array.from(bytes, (byte) => `0x${digits(Uint8Array.of(byte))}`).join(", ")}`;
}
