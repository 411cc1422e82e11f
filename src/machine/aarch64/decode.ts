/**
 * What an arm64 instruction depends on and where it can lead. What is not known is refused (encodings.ts).
 */
import { UnknownInstruction } from "../errors.ts";
import { immediateOfAdr, LENGTH, wordAt } from "./encode.ts";
import { encodingsFor } from "./encodings.ts";
import { fieldsOf, matches } from "./pattern.ts";

/** Where execution goes after an instruction. */
export type Flow =
  /** To the following instruction. */
  | "next"
  /** To the target or to the following instruction: B.cond, CBZ, TBZ and the like. */
  | "conditional"
  /** To the target: B. */
  | "jump"
  /** To an address in a register: BR. */
  | "indirect"
  /** Elsewhere, with the following instruction's address in x30: BL, BLR. */
  | "call"
  | "return"
  /** Into the kernel and back: SVC. */
  | "syscall"
  /** Into an exception handler: BRK, HLT. */
  | "trap"
  /** Nowhere: UDF. */
  | "stop";

/** How an instruction refers to what is so far away from it. */
export type Reference =
  | { readonly kind: "adr" | "literal"; readonly distance: bigint }
  /** The distance is that of pages. */
  | { readonly kind: "adrp"; readonly distance: bigint }
  | { readonly kind: "branch"; readonly distance: bigint; readonly bits: 14 | 19 | 26 };

export interface Instruction {
  /** Where it starts in the buffer. */
  readonly offset: number;
  /** Its 32 bits, unsigned. */
  readonly word: number;
  readonly flow: Flow;
  /** What it takes from its own address. */
  readonly reference: Reference | undefined;
  /** Of a relative branch: offset in the same buffer that it leads to; may lie outside. */
  readonly target: number | undefined;
}

/**
 * Decodes the instruction at `offset`.
 *
 * @throws UnknownInstruction if the word is no instruction, is none that is listed, or the bytes end within it
 */
export function decode(code: Uint8Array, offset: number): Instruction {
  if (offset + LENGTH > code.length)
    throw new UnknownInstruction(code, offset, "the bytes end within the instruction");
  const word = wordAt(code, offset);
  const flow = flowOf(word);
  if (flow === undefined) throw new UnknownInstruction(code, offset, "not listed", LENGTH);
  const reference = referenceOf(word);
  const target = reference?.kind === "branch" ? offset + Number(reference.distance) : undefined;
  return { offset, word, flow, reference, target };
}

/** The same, and undefined for what decode() refuses. */
export function decodeIfKnown(code: Uint8Array, offset: number): Instruction | undefined {
  return offset + LENGTH <= code.length && flowOf(wordAt(code, offset)) !== undefined
    ? decode(code, offset)
    : undefined;
}

function flowOf(word: number): Flow | undefined {
  return encodingsFor(word).find(
    ({ pattern, isAllocated }) => matches(pattern, word) && isAllocated(fieldsOf(pattern, word)),
  )?.flow;
}

function referenceOf(word: number): Reference | undefined {
  if ((word & 0x1f00_0000) === 0x1000_0000) {
    return { kind: word >>> 31 === 0 ? "adr" : "adrp", distance: immediateOfAdr(word) };
  }
  if ((word & 0x3b00_0000) === 0x1800_0000) return { kind: "literal", distance: words(word, 5, 19) };
  if ((word & 0x7c00_0000) === 0x1400_0000) return branch(word, 0, 26);
  if ((word & 0x7e00_0000) === 0x3600_0000) return branch(word, 5, 14);
  if ((word & 0x7e00_0000) === 0x3400_0000 || word >>> 24 === 0x54) return branch(word, 5, 19);
  return undefined;
}

function branch(word: number, shift: number, bits: 14 | 19 | 26): Reference {
  return { kind: "branch", distance: words(word, shift, bits), bits };
}

/** A signed number of words, in bytes. */
function words(word: number, shift: number, bits: number): bigint {
  return 4n * BigInt.asIntN(bits, BigInt(word >>> shift));
}
