/**
 * x86-64 as the patch planner sees it.
 */
import type { Machine } from "../machine.ts";
import { boundaries } from "./boundaries.ts";
import { branchesInto } from "./branches.ts";
import { CALLS } from "./calls.ts";
import { decodeJump, encodeJump, JUMP_LENGTH } from "./encode.ts";
import { disassemble } from "./format.ts";
import { relocatePrologue } from "./relocate.ts";
import { isTrap, TRAP_BYTES } from "./traps.ts";

/** rel32, less the length of the longest instruction around it. */
const REACH = (1n << 31n) - 16n;

export const X86_64: Machine = {
  name: "x86_64",
  bits: 64,
  elfMachine: 62,
  jumpLength: JUMP_LENGTH,
  reach: REACH,
  // Four levels of page tables, which is where mmap stays unless a hint asks for more, or five.
  addressSpaces: [0x7fff_ffff_f000n, 0xff_ffff_ffff_f000n],
  stub: { longest: 288 },
  traps: { isTrap, bytes: TRAP_BYTES },
  calls: CALLS,
  encodeJump,
  decodeJump,
  relocatePrologue: (code, from, to, minimum) => relocatePrologue(code, from, to, minimum),
  branchesInto: (ranges, start, end) => branchesInto(ranges, start, end, 64),
  boundaries: (code, upTo) => boundaries(code, upTo, 64),
  disassemble: (code, address) => disassemble(code, address, 64),
};
