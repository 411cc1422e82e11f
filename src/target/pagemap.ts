/**
 * Which pages of a process hold anything. Reading one that nobody has touched yet is a page fault of the target's, and
 * who has the page watched (userfaultfd) may let the reader wait for ever.
 * Source: the kernel's admin-guide/mm/pagemap.rst.
 */
import { closeSync, openSync, readSync } from "node:fs";
import type { Address } from "../machine/address.ts";

const PAGE = 4096n;
const ENTRY_BYTES = 8;
/** In memory, or swapped out. */
const THERE = 3n << 62n;

/**
 * @param path a process's pagemap
 * @returns undefined where this kernel does not tell, or not us
 */
export function touchedPages(path: string, start: Address, length: number): boolean[] | undefined {
  const first = start / PAGE;
  const count = Number((start + BigInt(length) - 1n) / PAGE - first) + 1;
  const entries = new BigUint64Array(count);
  try {
    const file = openSync(path, "r");
    try {
      const size = count * ENTRY_BYTES;
      if (readSync(file, entries, 0, size, Number(first) * ENTRY_BYTES) !== size) return undefined;
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined; // not built in, or forbidden in this container
  }
  return Array.from(entries, (entry) => (entry & THERE) !== 0n);
}
