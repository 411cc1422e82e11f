/**
 * /proc/PID/auxv: what the kernel tells a program about itself at its start, in pairs of a key and a value.
 */

/** Keys of <linux/auxvec.h>. */
export const AT_NULL = 0n;
/** Bytes of a page. */
export const AT_PAGESZ = 6n;
/** Where the dynamic linker is mapped; 0 for a program that has none. */
export const AT_BASE = 7n;
/** Where the program begins. */
export const AT_ENTRY = 9n;
/** Address of 16 random bytes, which the kernel puts right above the vector on the stack. */
export const AT_RANDOM = 25n;

const PAIR = 16;

export interface Auxv {
  readonly values: ReadonlyMap<bigint, bigint>;
  /** As it stands on the stack: the pairs up to AT_NULL's, which ends it. */
  readonly bytes: Uint8Array;
}

/** @returns undefined for what no kernel writes for a 64-bit program: a vector without an end */
export function parseAuxv(bytes: Uint8Array): Auxv | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Map<bigint, bigint>();
  for (let at = 0; at + PAIR <= bytes.length; at += PAIR) {
    const key = view.getBigUint64(at, true);
    if (key === AT_NULL) return { values, bytes: bytes.subarray(0, at + PAIR) };
    values.set(key, view.getBigUint64(at + 8, true));
  }
  return undefined;
}

/** Offset of a key's value in `bytes`; undefined if it is not among them. */
export function offsetOfValue({ bytes }: Auxv, key: bigint): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; at += PAIR) if (view.getBigUint64(at, true) === key) return at + 8;
  return undefined;
}
