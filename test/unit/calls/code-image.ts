/**
 * Images made of listings: code at a link-time address, and what is known about its functions.
 */
import type { CodeImage, FunctionRange } from "../../../src/elf/functions.ts";
import { assembled } from "../machine/x86_64/prologues.ts";

/** Where the first byte of a listing stands. */
export const BASE = 0x401000;

export interface Known {
  /** One function that is all of the code, unless something else is said. */
  readonly functions?: readonly FunctionRange[];
  /** Nothing is known but that an instruction begins at the first byte. */
  readonly gap?: boolean;
  readonly base?: number;
  readonly machine?: "x86_64" | "aarch64";
}

export function imageOf(
  code: string | Uint8Array,
  { functions, gap = false, base = BASE, machine = "x86_64" }: Known = {},
): CodeImage {
  const bytes = typeof code === "string" ? assembled(code) : code;
  const end = base + bytes.length;
  const known = gap ? [] : (functions ?? [{ start: base, end, name: "function" }]);
  const image: CodeImage = {
    machine,
    code: [{ vaddr: base, offset: base % 4096, size: bytes.length }],
    fixed: true,
    dynamic: false,
    go: false,
    functionAt: (vaddr) => known.find((range) => vaddr >= range.start && vaddr < range.end),
    bytes: (vaddr, length) =>
      vaddr >= base && vaddr + length <= end
        ? bytes.subarray(vaddr - base, vaddr - base + length)
        : undefined,
  };
  return gap ? Object.assign(image, { gapAt: () => ({ start: base, end }) }) : image;
}
