/**
 * Finds the branches of an image that lead to a patch site.
 */
import type { CodeRange, IncomingBranch } from "../code.ts";
import { decodeIfKnown } from "./decode.ts";
import { LENGTH } from "./encode.ts";

/**
 * The relative branches in `ranges` whose target lies strictly between `start` and `end` (offsets in the image). Each word
 * is looked at for itself, so constants among the code hide none, but may look like one.
 */
export function branchesInto(ranges: Iterable<CodeRange>, start: number, end: number): IncomingBranch[] {
  const found: IncomingBranch[] = [];
  for (const { name, offset: base, code } of ranges) {
    for (let offset = 0; offset + LENGTH <= code.length; offset += LENGTH) {
      const { target, flow } = decodeIfKnown(code, offset) ?? {};
      if (target === undefined || base + target <= start || base + target >= end) continue;
      found.push({ name, offset: base + offset, target: base + target, isCall: flow === "call" });
    }
  }
  return found;
}
