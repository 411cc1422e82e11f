/** Where instructions begin. */
import { decodeIfKnown } from "./decode.ts";
import type { Bits } from "./instruction.ts";

/** Offsets below `upTo`, but for 0; those behind an instruction that is not known are not among them. */
export function boundaries(code: Uint8Array, upTo: number, bits: Bits): number[] {
  const found: number[] = [];
  for (let at = 0; at < Math.min(upTo, code.length); ) {
    if (at > 0) found.push(at);
    const instruction = decodeIfKnown(code, at, bits);
    if (instruction === undefined) break;
    at += instruction.length;
  }
  return found;
}
