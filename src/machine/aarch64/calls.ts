/** System calls on aarch64, as src/calls finds and src/patch rewrites them. */
import type { CallMachine, CodeInstruction, Effect, KnownFunction, RegisterUse } from "../calls.ts";
import { decodeIfKnown } from "./decode.ts";
import { LENGTH, wordAt } from "./encode.ts";
import { logicalImmediate } from "./immediate.ts";
import { registerUse } from "./registers.ts";
import { encodeThunk, isMovable, thunkLength } from "./thunk.ts";

/** svc #0 */
const SVC = Buffer.of(0x01, 0x00, 0x00, 0xd4);
const NOP = 0xd503_201f;
/** brk #1000: what a compiler puts where nobody may come. */
const UNREACHABLE = 0xd420_7d00;
/** How far before a system call what makes it may begin. */
const CONTEXT = 128;

/** The same as on x86-64: src/thread/aarch64/syscall_cp.s, of musl since 1.1.11. */
const SYSCALL_CP: KnownFunction = {
  name: "__syscall_cp_asm",
  bytes: [
    [0x00, 0x00, 0x40, 0xb9], //           ldr  w0, [x0]
    [undefined, undefined, 0x00, 0x35], // cbnz w0
    [0xe8, 0x03, 0x01, 0xaa], //           mov  x8, x1
    [0xe0, 0x03, 0x02, 0xaa], //           mov  x0, x2
    [0xe1, 0x03, 0x03, 0xaa], //           mov  x1, x3
    [0xe2, 0x03, 0x04, 0xaa], //           mov  x2, x4
    [0xe3, 0x03, 0x05, 0xaa], //           mov  x3, x5
    [0xe4, 0x03, 0x06, 0xaa], //           mov  x4, x6
    [0xe5, 0x03, 0x07, 0xaa], //           mov  x5, x7
    [0x01, 0x00, 0x00, 0xd4], //           svc  #0
    [0xc0, 0x03, 0x5f, 0xd6], //           ret
  ].flat(),
  call: 36,
};

/** A jump takes the place of any instruction. */
export const CALLS: CallMachine = {
  name: "aarch64",
  call: SVC,
  longest: LENGTH,
  uniform: true,
  replaced: LENGTH,
  noneToReplace: "no instruction before it that can be moved",

  number: 1 << 8,
  arguments: [0, 1, 2, 3, 4, 5].map((n) => 1 << n),
  notPassed: 0,
  callResults: 1 << 0,
  // x16 and x17 are changed on the way to functions that are far away.
  functionResults: [0, 1, 16, 17, 30].reduce((set, n) => set | (1 << n), 0),

  decode,
  registerUse: (code, instruction) => (goesOn(instruction) ? useOf(code, instruction) : undefined),
  effect,
  isNop: (code, { offset }) => wordAt(code, offset) === NOP,
  isMovable: (code, { offset }) => isMovable(wordAt(code, offset)),
  numberSet,

  looseBranches,
  context: 0,
  candidates,
  isLikely,
  likelyStart: (_, at) => Math.max(at % LENGTH, at - CONTEXT),
  knownFunctions: [SYSCALL_CP],

  thunkLength,
  encodeThunk,
};

/** Where one word is not known, the next one is an instruction all the same. */
function decode(code: Uint8Array, offset: number): CodeInstruction | undefined {
  if (offset < 0 || offset + LENGTH > code.length) return undefined;
  const known = decodeIfKnown(code, offset);
  const flow = known?.word === UNREACHABLE ? "stop" : (known?.flow ?? "unknown");
  const target = known?.target;
  return { offset, length: LENGTH, flow, branch: target === undefined ? undefined : { target } };
}

function goesOn({ flow }: CodeInstruction): boolean {
  return flow === "next" || flow === "conditional";
}

function useOf(code: Uint8Array, { offset }: CodeInstruction): RegisterUse | undefined {
  return registerUse(wordAt(code, offset));
}

function numberSet(code: Uint8Array, instruction: CodeInstruction): number | undefined {
  const set = goesOn(instruction) ? effect(code, instruction, CALLS.number) : "unknown";
  return set !== "unknown" && "constant" in set ? set.constant : undefined;
}

/** Of moves of constants and registers; of all others nobody makes a number. */
function effect(code: Uint8Array, instruction: CodeInstruction, register: number): Effect {
  const use = useOf(code, instruction);
  if (use === undefined) return "unknown";
  if ((use.changes & register) === 0) return { source: register };
  if ((use.writes & register) === 0) return "unknown";
  return assigned(wordAt(code, instruction.offset), use.reads);
}

/** What a move writes; constants of 32 bits only. */
function assigned(word: number, reads: number): Effect {
  const isWide = word >>> 31 === 1;
  // movz, movn
  if ((word & 0x5f80_0000) === 0x5280_0000 || (word & 0x7f80_0000) === 0x1280_0000) {
    const value = ((word >>> 5) & 0xffff) * 2 ** (16 * ((word >>> 21) & 3));
    const isInverse = (word & 0x6000_0000) === 0;
    return constant(isInverse ? -value - 1 : value, isWide);
  }
  // mov x, y: orr x, xzr, y
  if ((word & 0x7fe0_ffe0) === 0x2a00_03e0) return reads === 0 ? { constant: 0 } : { source: reads };
  // mov x, immediate: orr x, xzr, immediate
  if ((word & 0x7f80_03e0) === 0x3200_03e0) {
    const value = logicalImmediate(word);
    return value === undefined ? "unknown" : constant(Number(value), isWide);
  }
  return "unknown";
}

function constant(value: number, isWide: boolean): Effect {
  const int32 = value | 0;
  // What is written to 32 bits fills the others with zeros, of which calls take no notice.
  return !isWide || int32 === value ? { constant: int32 } : "unknown";
}

function looseBranches(code: Uint8Array, found: (end: number, target: number) => void): void {
  for (let at = 0; at + LENGTH <= code.length; at += LENGTH) {
    if (!mayBranch(wordAt(code, at))) continue;
    const { flow, target } = decodeIfKnown(code, at) ?? {};
    if (target !== undefined && flow !== "call") found(at + LENGTH, target);
  }
}

/** Whether a word is of the class of branches, which system instructions belong to as well. */
function mayBranch(word: number): boolean {
  return (word & 0x1c00_0000) === 0x1400_0000;
}

/** Words before a system call that have to be instructions; of constants, half are. */
const LIKELY = 8;

function isLikely(code: Uint8Array, at: number): boolean {
  const first = Math.max(at % LENGTH, at - LIKELY * LENGTH);
  for (let offset = at - LENGTH; offset >= first; offset -= LENGTH) {
    if (decodeIfKnown(code, offset) === undefined) return false;
  }
  return true;
}

/** All of them: to look at one costs little where no boundaries have to be found. */
function* candidates(code: Uint8Array, address: number, from: number): Generator<number> {
  const bytes = Buffer.from(code.buffer, code.byteOffset, code.byteLength);
  const first = Math.max(0, from - LENGTH + 1);
  for (let at = bytes.indexOf(SVC, first); at >= 0; at = bytes.indexOf(SVC, at + 1)) {
    if ((address + at) % LENGTH === 0) yield at;
  }
}
