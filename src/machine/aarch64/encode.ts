/**
 * The jumps that timeskew writes into arm64 code: B, which is one instruction; and where that does not reach, ADRP and BR
 * by x16, which the procedure call standard leaves to whoever leads from a call to a function's entry.
 */
import { type Address, address } from "../address.ts";
import { JumpOutOfReach } from "../errors.ts";

/** Bytes of any instruction, so also of a jump. */
export const LENGTH = 4;
/** Of a B, 26 bits of words either way, less what is around it. */
export const REACH = (1n << 27n) - 16n;
/** Of an ADRP, 21 bits of pages, less what is around it. */
export const FAR_REACH = (1n << 32n) - 0x4000n;
/** IP0: free between a call and the first instruction that the callee itself wrote. */
export const SCRATCH = 16;

const PAGE = 4096n;
const B = 0x1400_0000;
const ADRP = 0x9000_0000;
export const BR_SCRATCH = (0xd61f_0000 | (SCRATCH << 5)) >>> 0;

/**
 * A jump that stands at `from` and leads to `to`, one instruction.
 *
 * @throws JumpOutOfReach beyond ±128 MiB
 */
export function encodeJump(from: Address, to: Address): Uint8Array {
  const distance = to - from;
  if (distance % 4n !== 0n || !fits(distance, 28)) throw new JumpOutOfReach(from, to, REACH);
  return assemble([(B | Number((distance >> 2n) & 0x3ff_ffffn)) >>> 0]);
}

/**
 * The longer jump: two instructions, which lead to the beginning of a page.
 *
 * @throws JumpOutOfReach beyond ±4 GiB, or to anywhere else
 */
export function encodeFarJump(from: Address, to: Address): Uint8Array {
  const adrp = encodeAdrp(SCRATCH, from, to);
  if (adrp === undefined || to % PAGE !== 0n) throw new JumpOutOfReach(from, to, FAR_REACH);
  return assemble([adrp, BR_SCRATCH]);
}

/** Where the jump that stands at `at` leads, of either kind; undefined if `bytes` do not start with one. */
export function decodeJump(bytes: Uint8Array, at: Address): Address | undefined {
  if (bytes.length < LENGTH) return undefined;
  const word = wordAt(bytes, 0);
  if (word >>> 26 === B >>> 26) return wrap(at + 4n * BigInt.asIntN(26, BigInt(word)));
  const isFar = bytes.length >= 2 * LENGTH && wordAt(bytes, LENGTH) === BR_SCRATCH;
  if (!isFar || (word & 0x9f00_001f) >>> 0 !== ADRP + SCRATCH) return undefined;
  return wrap((at & ~(PAGE - 1n)) + PAGE * immediateOfAdr(word));
}

/** ADRP Xd, page of `to`; undefined beyond ±4 GiB. */
export function encodeAdrp(d: number, from: bigint, to: bigint): number | undefined {
  const pages = to / PAGE - from / PAGE;
  return fits(pages, 21) ? (ADRP | adrBits(pages) | d) >>> 0 : undefined;
}

/** ADR Xd, `to`; undefined beyond ±1 MiB. */
export function encodeAdr(d: number, from: bigint, to: bigint): number | undefined {
  return fits(to - from, 21) ? (0x1000_0000 | adrBits(to - from) | d) >>> 0 : undefined;
}

function adrBits(value: bigint): number {
  return (Number(value & 3n) << 29) | (Number((value >> 2n) & 0x7_ffffn) << 5);
}

/** What an ADR or ADRP adds: bytes or pages. */
export function immediateOfAdr(word: number): bigint {
  return BigInt.asIntN(21, BigInt((((word >>> 5) & 0x7_ffff) << 2) | ((word >>> 29) & 3)));
}

/** Whether a signed value has no more than so many bits. */
export function fits(value: bigint, bits: number): boolean {
  return BigInt.asIntN(bits, value) === value;
}

export function assemble(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(LENGTH * words.length);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => {
    view.setUint32(LENGTH * i, word, true);
  });
  return bytes;
}

/** The instruction at an offset, unsigned. */
export function wordAt(code: Uint8Array, offset: number): number {
  return new DataView(code.buffer, code.byteOffset + offset, LENGTH).getUint32(0, true);
}

function wrap(value: bigint): Address {
  return address(BigInt.asUintN(64, value));
}
