/**
 * arm64 as the patch planner sees it.
 */
import type { Machine } from "../machine.ts";
import { branchesInto } from "./branches.ts";
import { CALLS } from "./calls.ts";
import { decodeJump, encodeFarJump, encodeJump, FAR_REACH, LENGTH, REACH, wordAt } from "./encode.ts";
import { disassemble } from "./format.ts";
import { relocatePrologue } from "./relocate.ts";

/** bti c and bti jc. (paciasp is one, too, but signs the return address as well.) */
const LANDING_PADS: ReadonlySet<number> = new Set([0xd503_245f, 0xd503_24df]);

export const AARCH64: Machine = {
  name: "aarch64",
  bits: 64,
  elfMachine: 183,
  jumpLength: LENGTH,
  reach: REACH,
  landingPad: (code) => (code.length >= LENGTH && LANDING_PADS.has(wordAt(code, 0)) ? LENGTH : undefined),
  far: { length: 2 * LENGTH, reach: FAR_REACH, encode: encodeFarJump },
  // By CONFIG_ARM64_VA_BITS; of 52 bits mmap uses 48 unless a hint asks for more.
  addressSpaces: [36n, 39n, 42n, 47n, 48n, 52n].map((bits) => 1n << bits),
  stub: { longest: 480, wanted: 4096 },
  calls: CALLS,
  encodeJump,
  decodeJump,
  relocatePrologue,
  branchesInto,
  boundaries: (code, upTo) =>
    Array.from({ length: Math.ceil(Math.min(upTo, code.length) / LENGTH) }, (_, i) => LENGTH * i).slice(1),
  disassemble,
};
