/**
 * Lists of byte values as the opcode tables write them.
 */

/** `"10-11 28"` → [0x10, 0x11, 0x28]. */
export function parseRanges(text: string): number[] {
  return text.split(" ").flatMap((range) => {
    const [first, last = first] = range.split("-");
    const start = Number.parseInt(first ?? "", 16);
    const end = Number.parseInt(last ?? "", 16);
    return Array.from({ length: end - start + 1 }, (_, index) => start + index);
  });
}
