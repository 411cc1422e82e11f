/**
 * A small Intel-syntax disassembler, for showing the bytes before and after a patch. Addresses are shown
 * resolved (`[0x7ffff7fba54c]`, never `[rip - 0x6ac6]`), so that a relocated instruction reads the same as
 * the original. What it cannot spell out it shows as bytes.
 */
import type { Line } from "../code.ts";
import { decodeIfKnown } from "./decode.ts";
import type { Bits, Instruction } from "./instruction.ts";
import { spellingOf } from "./mnemonics.ts";
import { formatOperand } from "./operands.ts";
import { FS } from "./prefixes.ts";

/**
 * Disassembles `code`, whose first byte stands at `address`. Bytes that do not decode, and all that follow
 * them, are one line of data.
 */
export function disassemble(code: Uint8Array, address: bigint, bits: Bits = 64): Line[] {
  const lines: Line[] = [];
  for (let offset = 0; offset < code.length; ) {
    const at = address + BigInt(offset);
    const instruction = decodeIfKnown(code, offset, bits);
    const length = instruction?.length ?? code.length - offset;
    const bytes = Uint8Array.from(code.subarray(offset, offset + length));
    const text = instruction === undefined ? data(bytes) : formatInstruction(code, instruction, at);
    lines.push({ address: at, bytes, text });
    offset += length;
  }
  return lines;
}

/**
 * One instruction in Intel syntax, as MASM writes it.
 *
 * @param code The buffer that `instruction` was decoded from.
 * @param address Address of the instruction in the target.
 */
export function formatInstruction(code: Uint8Array, instruction: Instruction, address: bigint): string {
  const bytes = code.subarray(instruction.offset, instruction.offset + instruction.length);
  return WHOLE.get(hexDigits(bytes).join(" ")) ?? spell(bytes, instruction, address) ?? data(bytes);
}

/** Instructions whose prefixes are part of their opcode. */
const WHOLE: ReadonlyMap<string, string> = new Map([
  ["90", "nop"],
  ["66 90", "xchg ax, ax"],
  ["f3 90", "pause"],
  ["98", "cwde"],
  ["48 98", "cdqe"],
  ["99", "cdq"],
  ["48 99", "cqo"],
  ["f3 0f 1e fa", "endbr64"],
  ["f3 0f 1e fb", "endbr32"],
]);

function spell(bytes: Uint8Array, instruction: Instruction, address: bigint): string | undefined {
  const { bits, map, opcode, modrm, prefixes, flow } = instruction;
  if (map === "vector" || prefixes.repeat !== 0 || prefixes.lock || prefixes.addressSize) return undefined;
  const spelling = spellingOf(map, opcode, modrm);
  if (spelling === undefined || (bits === 32 && isDifferent(instruction))) return undefined;
  const { mnemonic, operands } = spelling;
  // 66 on these changes more than the size of a register, and no compiler writes it.
  const isFixedSize =
    operands.length === 0 || operands.some((operand) => operand === "J" || /^[EZI][dq]$/.test(operand));
  if (prefixes.operandSize && isFixedSize) return undefined;
  // A segment means something to a memory access only; elsewhere it is a hint, which we do not name.
  const isMemoryAccess = modrm !== undefined && modrm < 0xc0 && flow === "next" && !operands.includes("M");
  if (prefixes.segment !== 0 && !isMemoryAccess) return undefined;

  const texts = operands.map((operand) => {
    const isSizeImplied = operand[0] === "E" && operands.includes(`G${operand[1]}`);
    return formatOperand(operand, bytes, instruction, address, isSizeImplied);
  });
  return texts.length === 0 ? mnemonic : `${mnemonic} ${texts.join(", ")}`;
}

/** What would mean something else in 64-bit mode: 63, and the segments that have no base there. */
function isDifferent({ map, opcode, prefixes: { segment } }: Instruction): boolean {
  return (map === "" && opcode === 0x63) || (segment !== 0 && segment < FS);
}

/** Bytes as an assembler takes them. */
function data(bytes: Uint8Array): string {
  return `db ${hexDigits(bytes)
    .map((digits) => `0x${digits}`)
    .join(", ")}`;
}

function hexDigits(bytes: Uint8Array): string[] {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"));
}
