/**
 * Bytes that begin no instruction that a 32-bit program may run: whoever meets one there traps at it, whatever follows. Of
 * the opcodes that 64-bit mode took away, and that trap there, all are instructions here. So are cli, sti, in and out for
 * a program that iopl(2) has allowed them.
 */

/** int3, and hlt, which no program is ever allowed. */
const TRAPS: ReadonlySet<number> = new Set([0xcc, 0xf4]);

export function isTrap(byte: number): boolean {
  return TRAPS.has(byte);
}

export const TRAP_BYTES: readonly number[] = [...TRAPS];
