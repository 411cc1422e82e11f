/** Functions of which no table tells, but which are known by their bytes. */
import type { CodeImage, FunctionRange } from "../elf/functions.ts";
import type { KnownFunction } from "../machine/calls.ts";

/** The function that makes its system call at `at`, if it is one of those. */
export function knownFunctionAt(
  image: CodeImage,
  known: readonly KnownFunction[],
  at: number,
): FunctionRange | undefined {
  for (const { name, bytes, call } of known) {
    const start = at - call;
    const there = image.bytes(start, bytes.length);
    const isSame = there !== undefined && bytes.every((byte, i) => byte === undefined || byte === there[i]);
    if (isSame) return { start, end: start + bytes.length, name };
  }
  return undefined;
}
