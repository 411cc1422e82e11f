/**
 * Finds system calls and branches by their bytes, before anything is decoded. What is found here is looked at closely
 * afterwards, which costs a hundred times as much.
 */
import { decodeIfKnown } from "./decode.ts";

/** 0F 05 */
const SYSCALL = Buffer.of(0x0f, 0x05);

/** How far before the `syscall` its number is looked for. */
export const REACH = 48;
/** No system call has a higher number. */
const MAX_NUMBER = 1023;

/** As `CallMachine.candidates`. */
export function* candidates(
  code: Uint8Array,
  _: number,
  from: number,
  wanted: ReadonlySet<number>,
): Generator<number> {
  const bytes = Buffer.from(code.buffer, code.byteOffset, code.byteLength);
  for (let at = bytes.indexOf(SYSCALL, Math.max(0, from - 1)); at >= 0; at = bytes.indexOf(SYSCALL, at + 1)) {
    const set = numberSet(code, at, wanted);
    // Of a number that is loaded, bytes say little: most of what looks like it is part of other instructions.
    if (set === undefined ? isLikely(code, at) : wanted.has(set)) yield at;
  }
}

/**
 * The number, by the nearest bytes before the `syscall` that look as if they set eax; undefined if they load it, or set it
 * in one of the ways of code that is to be small, to a number that is wanted.
 */
function numberSet(code: Uint8Array, syscall: number, wanted: ReadonlySet<number>): number | undefined {
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
    // mov al, imm8; push imm8; push imm32
    if ((opcode === 0xb0 || opcode === 0x6a) && wanted.has(operand)) return undefined;
    if (opcode === 0x68 && at + 5 <= syscall && wanted.has(readInt32(code, at + 1))) return undefined;
    // xor eax, eax
    if ((opcode === 0x31 || opcode === 0x33) && operand === 0xc0 && (rex & 5) === 0) return 0;
  }
  return undefined;
}

function readInt32(code: Uint8Array, at: number): number {
  return code[at]! | (code[at + 1]! << 8) | (code[at + 2]! << 16) | (code[at + 3]! << 24);
}

/** How far back what makes the call may begin. */
const CONTEXT = 128;

/** Where to begin to decode so as to meet the instructions that end before `at`, from far away. It is no proof. */
export function likelyStart(code: Uint8Array, at: number): number {
  return startsThatMeet(code, at, CONTEXT).at(-1) ?? at;
}

/** Bytes before an instruction at which decoding is begun: code falls into step after a few instructions. */
const FARTHEST = 48;
const NEAREST = 16;
/** Which part has to meet it: 38 % at least do in C libraries, and 19 % at most where it is part of something else. */
const ENOUGH = 1 / 4;

/** Whether the bytes at `at` are likely to begin an instruction: who begins shortly before comes there. */
export function isLikely(code: Uint8Array, at: number): boolean {
  const meeting = startsThatMeet(code, at, FARTHEST).filter((start) => start < at - NEAREST);
  return meeting.length >= (Math.min(at, FARTHEST) - NEAREST) * ENOUGH;
}

/** The offsets up to `count` bytes before `at`, the nearest first, from where decoding leads there. */
function startsThatMeet(code: Uint8Array, at: number, count: number): number[] {
  const meeting = new Set([at]);
  for (let start = at - 1; start >= Math.max(0, at - count); start -= 1) {
    const instruction = decodeIfKnown(code, start);
    if (instruction !== undefined && meeting.has(start + instruction.length)) meeting.add(start);
  }
  return [...meeting].slice(1);
}

/** As `CallMachine.looseBranches`. */
export function looseBranches(code: Uint8Array, found: (end: number, target: number) => void): void {
  for (let at = 0; at < code.length; at += 1) {
    const end = at + branchLength(code[at]!, code[at + 1]!);
    if (end !== at && end <= code.length) found(end, end + displacement(code, end, end - at === 2));
  }
}

/** Of Jcc, LOOP, JRCXZ, JMP and XBEGIN, without prefixes; 0 for anything else. */
function branchLength(first: number, second: number): number {
  if ((first & 0xf0) === 0x70 || (first & 0xfc) === 0xe0 || first === 0xeb) return 2;
  if (first === 0xe9) return 5;
  if (first === 0x0f && (second & 0xf0) === 0x80) return 6;
  return first === 0xc7 && second === 0xf8 ? 6 : 0;
}

function displacement(code: Uint8Array, end: number, isShort: boolean): number {
  const high = code[end - 1]! << 24;
  return isShort ? high >> 24 : high | (code[end - 2]! << 16) | (code[end - 3]! << 8) | code[end - 4]!;
}
