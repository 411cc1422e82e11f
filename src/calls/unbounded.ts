/**
 * A `syscall` of which no table tells the function.
 */
import type { CodeImage, FunctionRange } from "../elf/functions.ts";
import { decodeIfKnown } from "../machine/x86_64/decode.ts";

/**
 * musl's `__syscall_cp_asm`, which makes all cancellable calls, the timed waits of threads among them. It has no size
 * and no unwind information, and where musl is stripped, no name. But it is written by hand, and has been the same since
 * musl 1.1.11 (src/thread/x86_64/syscall_cp.s); the assembler chooses a short jump.
 */
const SYSCALL_CP = [
  [0x8b, 0x07], //                   mov eax, [rdi]
  [0x85, 0xc0], //                   test eax, eax
  [0x75, undefined], //              jnz
  [0x49, 0x89, 0xfb], //             mov r11, rdi
  [0x48, 0x89, 0xf0], //             mov rax, rsi
  [0x48, 0x89, 0xd7], //             mov rdi, rdx
  [0x48, 0x89, 0xce], //             mov rsi, rcx
  [0x4c, 0x89, 0xc2], //             mov rdx, r8
  [0x4d, 0x89, 0xca], //             mov r10, r9
  [0x4c, 0x8b, 0x44, 0x24, 0x08], // mov r8, [rsp+8]
  [0x4c, 0x8b, 0x4c, 0x24, 0x10], // mov r9, [rsp+16]
  [0x4c, 0x89, 0x5c, 0x24, 0x08], // mov [rsp+8], r11
  [0x0f, 0x05], //                   syscall
  [0xc3], //                         ret
].flat();
/** Where in it the `syscall` is. */
const SYSCALL_CP_CALL = 39;

/** The function that a `syscall` is in, if it is one that is known by its bytes. */
export function knownFunctionAt(image: CodeImage, at: number): FunctionRange | undefined {
  const start = at - SYSCALL_CP_CALL;
  const bytes = image.bytes(start, SYSCALL_CP.length);
  const isSame =
    bytes !== undefined && SYSCALL_CP.every((byte, index) => byte === undefined || byte === bytes[index]);
  return isSame ? { start, end: start + SYSCALL_CP.length, name: "__syscall_cp_asm" } : undefined;
}

/** How far back what makes the call may begin. */
export const CONTEXT = 128;

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
