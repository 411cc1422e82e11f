/**
 * Reads one instruction byte by byte, and never past the end of the buffer or the longest instruction.
 */
import { UnknownInstruction } from "../errors.ts";
import type { Bits } from "./instruction.ts";

/** The longest instruction that a processor executes. */
export const MAX_LENGTH = 15;

export class Cursor {
  readonly offset: number;
  readonly bits: Bits;
  /** Bytes taken so far. */
  length = 0;
  readonly #code: Uint8Array;

  constructor(code: Uint8Array, offset: number, bits: Bits) {
    this.#code = code;
    this.offset = offset;
    this.bits = bits;
  }

  /** Takes one byte. */
  next(): number {
    const start = this.skip(1);
    return this.#code[this.offset + start]!;
  }

  /** The byte that next() would take, or undefined at the end of the buffer. */
  peek(): number | undefined {
    return this.#code[this.offset + this.length];
  }

  /** The byte that was taken last. */
  last(): number {
    return this.#code[this.offset + this.length - 1]!;
  }

  /** Takes `count` bytes; returns the index of the first one within the instruction. */
  skip(count: number): number {
    const start = this.length;
    if (this.offset + start + count > this.#code.length) this.refuse("the bytes end within the instruction");
    if (start + count > MAX_LENGTH) this.refuse(`longer than ${MAX_LENGTH} bytes`);
    this.length += count;
    return start;
  }

  /** The signed little-endian value of `width` bytes at `index` within the instruction. */
  signed(index: number, width: 1 | 4): number {
    const view = new DataView(this.#code.buffer, this.#code.byteOffset + this.offset + index, width);
    return width === 1 ? view.getInt8(0) : view.getInt32(0, true);
  }

  refuse(reason: string): never {
    throw new UnknownInstruction(this.#code, this.offset, reason);
  }
}
