/**
 * Exact reads from an image. A table is checked as a whole, once, with `range`; the reads inside it need no
 * check of their own. Offsets that have been checked are numbers (an image is small); values read from the
 * image stay bigint until then, because any of them can be a full 64 bits.
 */
import { ElfError } from "./error.ts";

/** Bytes `start` to `end`, the end excluded, as offsets in the image. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A 64-bit value as messages show it. */
export function hex(value: bigint | number): string {
  return value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

/** Little-endian view of an image. */
export class ImageBytes {
  readonly length: number;
  /** Bytes of an address, and of every field that the class of the file makes 32 or 64 bits wide. */
  readonly wordSize: 4 | 8;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, bits: 32 | 64 = 64) {
    this.length = bytes.length;
    this.wordSize = bits === 32 ? 4 : 8;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /**
   * The range of `size` bytes at `offset`, checked to lie in the image.
   *
   * @param what the field or table, as the message shall name it
   * @throws ElfError "truncated" if any byte of it lies outside
   */
  range(offset: bigint, size: bigint, what: string): ByteRange {
    if (offset < 0n || offset + size > BigInt(this.length)) {
      throw new ElfError(
        "truncated",
        `${what}: ${size} bytes at offset ${hex(offset)} lie outside the image of ${this.length} bytes`,
      );
    }
    return { start: Number(offset), end: Number(offset + size) };
  }

  u8(offset: number): number {
    return this.#view.getUint8(offset);
  }

  u16(offset: number): number {
    return this.#view.getUint16(offset, true);
  }

  u32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  u64(offset: number): bigint {
    return this.#view.getBigUint64(offset, true);
  }

  /** A field of `wordSize` bytes. */
  word(offset: number): bigint {
    return this.wordSize === 4 ? BigInt(this.u32(offset)) : this.u64(offset);
  }

  /** Where the first zero byte at or after `start` is; -1 if there is none before `end`. */
  zeroAt(start: number, end: number): number {
    const at = this.#bytes.subarray(start, end).indexOf(0);
    return at < 0 ? -1 : start + at;
  }

  /** Bytes as Latin-1: each byte one character, so that no two names become the same. */
  text(start: number, end: number): string {
    return Buffer.from(this.#bytes.subarray(start, end)).toString("latin1");
  }
}
