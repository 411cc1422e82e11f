/**
 * Finds the branches of an image that lead into the middle of a patch site: after the rewrite they would
 * land inside the jump.
 */
import { decodeAll } from "./decode.ts";

/** A function, or any other stretch of code that starts and ends on instruction boundaries. */
export interface CodeRange {
  readonly name: string;
  /** Offset of `code[0]` in the image. */
  readonly offset: number;
  readonly code: Uint8Array;
}

export interface IncomingBranch {
  /** The name of the range that holds the branch. */
  readonly name: string;
  /** Offset of the branch in the image. */
  readonly offset: number;
  /** Offset in the image that it leads to. */
  readonly target: number;
}

/**
 * The relative branches in `ranges` whose target lies strictly between `start` and `end` (offsets in the
 * image). A branch to `start` itself is not listed: it calls the patched function like any other caller.
 * Indirect jumps name no target; compilers' jump tables do not lead to a function's entry.
 *
 * @throws UnknownInstruction (its offset is relative to the range) if a range does not decode to its end.
 */
export function branchesInto(ranges: Iterable<CodeRange>, start: number, end: number): IncomingBranch[] {
  const found: IncomingBranch[] = [];
  for (const { name, offset: base, code } of ranges) {
    for (const { offset, branch } of decodeAll(code)) {
      if (branch === undefined) continue;
      const target = base + branch.target;
      if (target > start && target < end) found.push({ name, offset: base + offset, target });
    }
  }
  return found;
}
