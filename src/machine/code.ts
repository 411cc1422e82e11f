/**
 * What the code for each machine says about instructions, in the words that all of them share.
 */
import type { Address } from "./address.ts";

/** The same instruction's offset in the function and in the trampoline. */
export interface Boundary {
  readonly from: number;
  readonly to: number;
}

/** A function's first instructions, moved to a trampoline. */
export interface Relocation {
  /** Bytes of whole instructions at the function's entry that have moved; at least as many as were asked for. */
  readonly prologueLength: number;
  /** The trampoline: the moved instructions, and the jump back where they can reach it. */
  readonly bytes: Uint8Array;
  /** Every moved instruction, the first one (0 → 0) included. */
  readonly map: readonly Boundary[];
  /** Offset in `bytes` of the jump back; undefined if the last moved instruction never falls through. */
  readonly jumpBack: number | undefined;
}

/** A function, or any other stretch of code that starts and ends on instruction boundaries. */
export interface CodeRange {
  readonly name: string;
  /** Offset of `code[0]` in the image. */
  readonly offset: number;
  readonly code: Uint8Array;
}

export interface IncomingBranch {
  /** The name of the range that holds the branch. */
  readonly name: string;
  /** Offset of the branch in the image. */
  readonly offset: number;
  /** Offset in the image that it leads to. */
  readonly target: number;
  /** It comes back. */
  readonly isCall: boolean;
}

/** Code elsewhere in the same image; undefined where it has none. */
export type CodeAround = (at: Address, length: number) => Uint8Array | undefined;

/** One instruction, disassembled; or bytes that are none. */
export interface Line {
  readonly address: bigint;
  readonly bytes: Uint8Array;
  readonly text: string;
}
