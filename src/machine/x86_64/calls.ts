/** System calls on x86-64, as src/calls finds and src/patch rewrites them. */
import type { CallMachine, CodeInstruction, Effect, KnownFunction } from "../calls.ts";
import { MAX_LENGTH } from "./cursor.ts";
import { decodeIfKnown } from "./decode.ts";
import { JUMP_LENGTH } from "./encode.ts";
import type { Instruction } from "./instruction.ts";
import { R8, R9, R10, R11, RAX, RCX, RDI, RDX, RSI, registerUse } from "./registers.ts";
import { candidates, isLikely, likelyStart, looseBranches, REACH } from "./scan.ts";
import { encodeThunk, thunkLength } from "./thunk.ts";

/**
 * musl's `__syscall_cp_asm`, which makes all cancellable calls, the timed waits of threads among them. It has no size
 * and no unwind information, and where musl is stripped, no name. But it is written by hand, and has been the same since
 * musl 1.1.11 (src/thread/x86_64/syscall_cp.s); the assembler chooses a short jump.
 */
const SYSCALL_CP: KnownFunction = {
  name: "__syscall_cp_asm",
  bytes: [
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
  ].flat(),
  call: 39,
};

/** A jump takes five bytes, which only few instructions have. */
export const CALLS: CallMachine = {
  name: "x86_64",
  call: Uint8Array.of(0x0f, 0x05),
  longest: MAX_LENGTH,
  uniform: false,
  replaced: JUMP_LENGTH,
  noneToReplace: "no instruction of five bytes before it",

  number: RAX,
  arguments: [RDI, RSI, RDX, R10, R8, R9],
  notPassed: R10,
  callResults: RAX | RCX | R11,
  functionResults: RAX | RDX,

  decode: decodeIfKnown,
  registerUse,
  effect,
  isNop: (_, { map, opcode }: Instruction) =>
    (map === "" && opcode === 0x90) || (map === "0f" && opcode === 0x1f),
  isMovable: (_, { flow }: CodeInstruction) => flow === "next",
  numberSet,

  looseBranches,
  context: REACH,
  candidates,
  isLikely,
  likelyStart,
  knownFunctions: [SYSCALL_CP],

  thunkLength,
  encodeThunk,
};

/** mov eax, imm32: it need not be moved far, and who comes past it has another number. */
function numberSet(code: Uint8Array, { map, opcode, length, offset }: Instruction): number | undefined {
  if (map !== "" || opcode !== 0xb8 || length !== JUMP_LENGTH) return undefined;
  return new DataView(code.buffer, code.byteOffset + offset + 1, 4).getInt32(0, true);
}

/** Of moves of constants and registers; of all others nobody makes a number. */
function effect(code: Uint8Array, instruction: Instruction, register: number): Effect {
  const use = registerUse(code, instruction);
  if (use === undefined) return "unknown";
  if ((use.changes & register) === 0) return { source: register };
  return (use.writes & register) === 0 ? "unknown" : assigned(code, instruction, use.reads);
}

/** What one of the simplest instructions writes. */
function assigned(code: Uint8Array, instruction: Instruction, reads: number): Effect {
  const { map, opcode, modrm = 0, offset, immediate } = instruction;
  if (map !== "") return "unknown";
  if (((opcode & 0xf8) === 0xb8 || opcode === 0xc7) && immediate?.size === 4) {
    const view = new DataView(code.buffer, code.byteOffset + offset + immediate.index, 4);
    return { constant: view.getInt32(0, true) };
  }
  if ((opcode === 0x89 || opcode === 0x8b) && modrm >= 0xc0) return { source: reads };
  // xor and sub of a register and itself: all others read it.
  return reads === 0 && opcode >= 0x28 && opcode <= 0x33 ? { constant: 0 } : "unknown";
}
