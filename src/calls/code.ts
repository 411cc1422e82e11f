/**
 * An image's code, read in pieces: a browser has 200 MB of it.
 */
import type { CodeImage, CodeSegment } from "../elf/functions.ts";

/** What is searched at once, and what is kept around places that somebody has asked for. */
const SEARCHED = 1 << 20;
const KEPT = 1 << 14;

export interface Piece {
  /** Of the first byte. */
  readonly address: number;
  readonly bytes: Uint8Array;
  /** Offset of the first byte that no piece before had. */
  readonly fresh: number;
}

/** All of a segment, in pieces; each begins with the last `context` bytes of the one before. */
export function* piecesOf(image: CodeImage, { vaddr, size }: CodeSegment, context: number): Generator<Piece> {
  const end = vaddr + size;
  for (let next = vaddr; next < end; next += SEARCHED) {
    const address = Math.max(vaddr, next - context);
    const bytes = image.bytes(address, Math.min(end, next + SEARCHED) - address);
    if (bytes !== undefined) yield { address, bytes, fresh: next - address };
  }
}

export class CodeReader {
  readonly #image: CodeImage;
  readonly #longest: number;
  readonly #pieces = new Map<number, Uint8Array | undefined>();
  #last = { start: 0, end: 0, bytes: undefined as Uint8Array | undefined };

  /** @param longest bytes that an instruction can have */
  constructor(image: CodeImage, longest: number) {
    this.#image = image;
    this.#longest = longest;
  }

  /** The bytes around an address, the whole instruction there among them; undefined where there is no code. */
  at(address: number): { readonly bytes: Uint8Array; readonly offset: number } | undefined {
    if (address < this.#last.start || address >= this.#last.end) this.#find(address);
    const { bytes, start } = this.#last;
    return bytes === undefined ? undefined : { bytes, offset: address - start };
  }

  #find(address: number): void {
    const segment = this.#image.code.find(({ vaddr, size }) => address >= vaddr && address < vaddr + size);
    if (segment === undefined) {
      this.#last = { start: address, end: address + 1, bytes: undefined };
      return;
    }
    const start = address - ((address - segment.vaddr) % KEPT);
    const rest = segment.vaddr + segment.size - start;
    if (!this.#pieces.has(start)) {
      this.#pieces.set(start, this.#image.bytes(start, Math.min(rest, KEPT + this.#longest)));
    }
    this.#last = { start, end: start + Math.min(rest, KEPT), bytes: this.#pieces.get(start) };
  }
}
