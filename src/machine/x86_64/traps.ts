/**
 * Bytes that begin no instruction that a program may run: whoever meets one there traps at it, whatever follows.
 */

/** int3, hlt, and the one-byte opcodes that 64-bit mode took away (Intel SDM, volume 2, "Invalid in 64-bit mode"). */
const TRAPS: ReadonlySet<number> = new Set([
  0xcc, 0xf4, 0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61, 0x82, 0x9a, 0xce,
  0xd4, 0xea,
]);

export function isTrap(byte: number): boolean {
  return TRAPS.has(byte);
}

export const TRAP_BYTES: readonly number[] = [...TRAPS];
