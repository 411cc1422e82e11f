/**
 * The one instruction that timeskew writes over a function's entry: JMP rel32.
 */
import { type Address, address } from "../address.ts";
import { JumpOutOfReach } from "../errors.ts";

/** Bytes of a jump: E9 and a 32-bit displacement. */
export const JUMP_LENGTH = 5;

const JMP_REL32 = 0xe9;

/**
 * A jump that stands at `from` and leads to `to`.
 *
 * @throws JumpOutOfReach beyond ±2 GiB.
 */
export function encodeJump(from: Address, to: Address): Uint8Array {
  const displacement = to - (from + BigInt(JUMP_LENGTH));
  if (!fitsInt32(displacement)) throw new JumpOutOfReach(from, to);
  const bytes = new Uint8Array(JUMP_LENGTH);
  bytes[0] = JMP_REL32;
  new DataView(bytes.buffer).setInt32(1, Number(displacement), true);
  return bytes;
}

/** Where the jump that stands at `at` leads; undefined if `bytes` do not start with a JMP rel32. */
export function decodeJump(bytes: Uint8Array, at: Address): Address | undefined {
  if (bytes.length < JUMP_LENGTH || bytes[0] !== JMP_REL32) return undefined;
  const displacement = new DataView(bytes.buffer, bytes.byteOffset).getInt32(1, true);
  return address(BigInt.asUintN(64, at + BigInt(JUMP_LENGTH + displacement)));
}

/** Whether a displacement fits the 32 bits that branches and RIP-relative operands have. */
export function fitsInt32(value: bigint): boolean {
  return BigInt.asIntN(32, value) === value;
}
