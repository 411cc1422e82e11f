/**
 * The jump that is written over a function's entry: the machine's usual one; or, where that does not reach, a longer one,
 * which leads to the beginning of a page.
 */
import type { Address } from "../machine/address.ts";
import { JumpOutOfReach } from "../machine/errors.ts";
import type { Machine } from "../machine/machine.ts";

/** @throws JumpOutOfReach */
export function jumpTo(machine: Machine, from: Address, to: Address): Uint8Array {
  try {
    return machine.encodeJump(from, to);
  } catch (error) {
    if (!(error instanceof JumpOutOfReach) || machine.far === undefined) throw error;
    return machine.far.encode(from, to);
  }
}
