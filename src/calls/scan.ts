/**
 * Finds `syscall` instructions, and passes over those that make some other call for certain.
 *
 * What is not passed over is looked at closely, which costs a hundred times as much. A wrong guess here costs a system
 * call that is not found, never a wrong patch.
 */

import { isLikely } from "./unbounded.ts";

/** 0F 05 */
const SYSCALL = Buffer.of(0x0f, 0x05);

/** How far before the `syscall` its number is looked for. */
export const REACH = 48;
/** No system call has a higher number. */
const MAX_NUMBER = 1023;

/**
 * Where in `code` the two bytes of a `syscall` stand whose number is in `wanted`, or is not seen at once.
 *
 * @param from where the last of the two stands at the least
 */
export function* candidates(code: Uint8Array, from: number, wanted: ReadonlySet<number>): Generator<number> {
  const bytes = Buffer.from(code.buffer, code.byteOffset, code.byteLength);
  for (let at = bytes.indexOf(SYSCALL, Math.max(0, from - 1)); at >= 0; at = bytes.indexOf(SYSCALL, at + 1)) {
    const set = numberSet(code, at);
    // Of a number that is loaded, bytes say little: most of what looks like it is part of other instructions.
    if (set === undefined ? isLikely(code, at) : wanted.has(set)) yield at;
  }
}

/** The number, by the nearest bytes before the `syscall` that look as if they set eax; undefined if they load it. */
function numberSet(code: Uint8Array, syscall: number): number | undefined {
  const limit = Math.max(0, syscall - REACH);
  for (let at = syscall - 2; at >= limit; at -= 1) {
    const opcode = code[at]!;
    const operand = code[at + 1]!;
    const rex = at > 0 && (code[at - 1]! & 0xf0) === 0x40 ? code[at - 1]! : 0;
    const isRaxByRm = (rex & 1) === 0;
    // mov eax, imm32; mov rax, imm32
    const immediate = opcode === 0xb8 ? at + 1 : opcode === 0xc7 && operand === 0xc0 ? at + 2 : syscall;
    if (immediate + 4 <= syscall && isRaxByRm) {
      const number = readInt32(code, immediate);
      if (number >= 0 && number <= MAX_NUMBER) return number;
    }
    // mov eax, r; mov eax, r/m
    if (opcode === 0x89 && (operand & 0xc7) === 0xc0 && isRaxByRm) return undefined;
    if (opcode === 0x8b && (operand & 0x38) === 0 && (rex & 4) === 0) return undefined;
    // xor eax, eax
    if ((opcode === 0x31 || opcode === 0x33) && operand === 0xc0 && (rex & 5) === 0) return 0;
  }
  return undefined;
}

function readInt32(code: Uint8Array, at: number): number {
  return code[at]! | (code[at + 1]! << 8) | (code[at + 2]! << 16) | (code[at + 3]! << 24);
}
