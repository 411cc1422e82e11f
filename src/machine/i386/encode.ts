/**
 * The one instruction that timeskew writes over a function's entry: JMP rel32. A 32-bit program's addresses wrap, so
 * it reaches all of them.
 */
import { type Address, address } from "../address.ts";

/** Bytes of a jump: E9 and a 32-bit displacement. */
export const JUMP_LENGTH = 5;

const JMP_REL32 = 0xe9;

/** A jump that stands at `from` and leads to `to`. */
export function encodeJump(from: Address, to: Address): Uint8Array {
  const bytes = new Uint8Array(JUMP_LENGTH);
  bytes[0] = JMP_REL32;
  new DataView(bytes.buffer).setInt32(1, wrapped(to - (from + BigInt(JUMP_LENGTH))), true);
  return bytes;
}

/** Where the jump that stands at `at` leads; undefined if `bytes` do not start with a JMP rel32. */
export function decodeJump(bytes: Uint8Array, at: Address): Address | undefined {
  if (bytes.length < JUMP_LENGTH || bytes[0] !== JMP_REL32) return undefined;
  const displacement = new DataView(bytes.buffer, bytes.byteOffset).getInt32(1, true);
  return wrappedAddress(at + BigInt(JUMP_LENGTH + displacement));
}

/** The displacement that stands for a distance, and for all that are 4 GiB more or less. */
export function wrapped(distance: bigint): number {
  return Number(BigInt.asIntN(32, distance));
}

/** The address that a sum comes to. */
export function wrappedAddress(sum: bigint): Address {
  return address(BigInt.asUintN(32, sum));
}
