/**
 * The thunk of a call site on aarch64, and what may stand in it.
 *
 *     (the moved instructions)
 *     str  x30, [sp, #-32]!     there is no red zone; but Go keeps a frame in the word right below sp
 *     ldr  x30, enter
 *     blr  x30                  the payload: it keeps all registers but those that it may change, and the flags
 *     ldr  x30, [sp, #8]        its answer: whether it has made the call itself
 *     cbnz x30, done
 *     ldr  x30, [sp], #32
 *     b    SVC                  the program's own instruction
 *   done:
 *     ldr  x30, [sp], #32
 *     b    SVC+4
 *     .word FREE                which argument registers may be changed
 *
 * Where a branch to the system call is replaced, the branch leads over a jump that leads back.
 */
import { type Address, address } from "../address.ts";
import type { ThunkInput } from "../calls.ts";
import { JumpOutOfReach, RelocationError } from "../errors.ts";
import { decodeIfKnown } from "./decode.ts";
import { assemble, encodeAdrp, encodeJump, fits, LENGTH, wordAt } from "./encode.ts";
import { registerUse } from "./registers.ts";

const SAVE_LINK = 0xf81e_0ffe;
const LOAD_LINK = 0x5800_001e;
const CALL_LINK = 0xd63f_03c0;
const LOAD_ANSWER = 0xf940_07fe;
const IF_MADE_OVER_TWO = 0xb500_007e;
const RESTORE_LINK = 0xf842_07fe;
const TAIL = 10 * LENGTH;
const LITERAL_REACH = 1n << 20n;
const PAGE = 4096n;

export function thunkLength(moved: Uint8Array): number {
  const { flow } = decodeIfKnown(moved, 0) ?? {};
  return TAIL + (flow === "jump" ? 0 : flow === "conditional" ? 2 * LENGTH : moved.length);
}

/** @throws RelocationError, JumpOutOfReach */
export function encodeThunk(input: ThunkInput): Uint8Array {
  const { call, free, at, enter } = input;
  const head = encodeHead(input);
  const here = (words: number) => address(at + BigInt(head.length + words * LENGTH));
  const tail = assemble([
    SAVE_LINK,
    loadLink(here(1), enter),
    CALL_LINK,
    LOAD_ANSWER,
    IF_MADE_OVER_TWO,
    RESTORE_LINK,
    jump(here(6), call),
    RESTORE_LINK,
    jump(here(8), call + BigInt(LENGTH)),
    free,
  ]);
  return Uint8Array.of(...head, ...tail);
}

/** What leads to the rest of the thunk as the moved instructions led to the call. */
function encodeHead({ moved, site, at }: ThunkInput): Uint8Array {
  const { flow, reference } = decodeIfKnown(moved, 0) ?? {};
  if (flow === "jump") return new Uint8Array();
  if (flow !== "conditional" || reference?.kind !== "branch") return relocateRun(moved, site, at);
  const distance = ((1 << reference.bits) - 1) << 5;
  const overOne = (wordAt(moved, 0) & ~distance) | (2 << 5);
  const behind = jump(address(at + BigInt(LENGTH)), site + BigInt(LENGTH));
  return assemble([overOne >>> 0, behind]);
}

function jump(from: Address, to: bigint): number {
  return wordAt(encodeJump(from, address(to)), 0);
}

/** ldr x30, literal */
function loadLink(from: Address, literal: Address): number {
  const words = (literal - from) / BigInt(LENGTH);
  if (!fits(words, 19)) throw new JumpOutOfReach(from, literal, LITERAL_REACH);
  return (LOAD_LINK | (Number(BigInt.asUintN(19, words)) << 5)) >>> 0;
}

/**
 * Moves instructions that are carried out one after the other.
 *
 * @throws RelocationError if one of them would not mean the same at `to`
 */
function relocateRun(code: Uint8Array, from: Address, to: Address): Uint8Array {
  const words: number[] = [];
  for (let offset = 0; offset < code.length; offset += LENGTH) {
    const word = wordAt(code, offset);
    if (!isMovable(word)) throw new RelocationError("UNKNOWN_INSTRUCTION", offset, "it cannot be moved");
    words.push(moved(word, offset, from, to));
  }
  return assemble(words);
}

/** Only adrp refers to its own address and is moved; it reaches 4 GiB. */
function moved(word: number, offset: number, from: Address, to: Address): number {
  const { reference } = decodeIfKnown(assemble([word]), 0) ?? {};
  if (reference?.kind !== "adrp") return word;
  const operand = from + BigInt(offset) + reference.distance * PAGE;
  const adrp = encodeAdrp(word & 31, to + BigInt(offset), operand);
  if (adrp !== undefined) return adrp;
  throw new RelocationError("OUT_OF_REACH", offset, "the operand is more than 4 GiB from the thunk");
}

/**
 * Whether an instruction means the same in a thunk, and its own address can hold a jump. An indirect branch may lead to
 * `bti` and `paciasp`, where it may lead to nothing else.
 */
export function isMovable(word: number): boolean {
  const { flow, reference } = decodeIfKnown(assemble([word]), 0) ?? {};
  if (flow !== "next" || registerUse(word) === undefined || isLandingPad(word)) return false;
  return reference === undefined || reference.kind === "adrp";
}

/** bti, paciasp, pacibsp */
function isLandingPad(word: number): boolean {
  return (word & ~0xc0) >>> 0 === 0xd503_241f || (word & ~0x40) >>> 0 === 0xd503_233f;
}
