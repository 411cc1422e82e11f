/**
 * A 32-bit program on x86-64, as the patch planner sees it. Its instructions are those of x86_64/, in another mode.
 */
import type { Machine } from "../machine.ts";
import { boundaries } from "../x86_64/boundaries.ts";
import { branchesInto } from "../x86_64/branches.ts";
import { disassemble } from "../x86_64/format.ts";
import { decodeJump, encodeJump, JUMP_LENGTH } from "./encode.ts";
import { relocatePrologue } from "./relocate.ts";
import { isTrap, TRAP_BYTES } from "./traps.ts";

export const I386: Machine = {
  name: "i386",
  bits: 32,
  elfMachine: 3,
  jumpLength: JUMP_LENGTH,
  reach: 1n << 32n,
  // With the personality ADDR_LIMIT_3GB, and without.
  addressSpaces: [0xc000_0000n, 0xffff_e000n],
  stub: { longest: 288 },
  traps: { isTrap, bytes: TRAP_BYTES },
  encodeJump,
  decodeJump,
  relocatePrologue,
  branchesInto: (ranges, start, end) => branchesInto(ranges, start, end, 32),
  boundaries: (code, upTo) => boundaries(code, upTo, 32),
  disassemble: (code, address) => disassemble(code, address, 32),
};
