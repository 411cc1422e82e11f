/**
 * Finds the branches of an image that lead into the middle of a patch site: after the rewrite they would
 * land inside the jump.
 */
import type { Flow } from "../calls.ts";
import type { CodeRange, IncomingBranch } from "../code.ts";
import { decodeAll } from "./decode.ts";
import type { Bits, Instruction } from "./instruction.ts";

/**
 * The relative branches in `ranges` whose target lies strictly between `start` and `end` (offsets in the
 * image). A branch to `start` itself is not listed: it calls the patched function like any other caller.
 * Indirect jumps name no target; compilers' jump tables do not lead to a function's entry. Assemblers' padding, a jump
 * over no-ops that nobody gets to, is no branch.
 *
 * @throws UnknownInstruction (its offset is relative to the range) if a range does not decode to its end.
 */
export function branchesInto(
  ranges: Iterable<CodeRange>,
  start: number,
  end: number,
  bits: Bits = 64,
): IncomingBranch[] {
  const found: IncomingBranch[] = [];
  for (const { name, offset: base, code } of ranges) {
    let previous: Instruction | undefined;
    for (const instruction of decodeAll(code, 0, code.length, bits)) {
      const { offset, flow, branch } = instruction;
      const target = branch && base + branch.target;
      const isInside = target !== undefined && target > start && target < end;
      if (isInside && !isPadding(code, instruction, previous)) {
        found.push({ name, offset: base + offset, target, isCall: flow === "call" });
      }
      previous = instruction;
    }
  }
  return found;
}

const NOP = 0x90;
const FINAL: readonly Flow[] = ["jump", "indirect", "return", "stop"];

function isPadding(
  code: Uint8Array,
  { offset, length, flow, branch }: Instruction,
  previous: Instruction | undefined,
): boolean {
  if (flow !== "jump" || previous === undefined || !FINAL.includes(previous.flow)) return false;
  const skipped = code.subarray(offset + length, branch!.target);
  return skipped.length > 0 && skipped.every((byte) => byte === NOP);
}
