/**
 * Plans the live change of a skewed target's settings: writes to its parameter pages while it runs.
 */
import { type Address, address } from "../machine/address.ts";
import { encodeSlot, PARAMS, type Settings, slotOffset } from "./params.ts";

/** One write to a running target. */
export interface LiveWrite {
  readonly address: Address;
  readonly bytes: Uint8Array;
}

/**
 * Changes the settings of a skewed target that runs on: the idle slot is invalidated, filled and made valid, in
 * separate writes, and then the index is flipped by a write of one byte. A reader that was in the idle slot sees
 * its generation change; the death of the tool between any two writes changes nothing.
 *
 * A profile that has not begun leaves the slot in use in force until it does: from then on that is no idle slot.
 *
 * @param index of the slot in use
 * @param settings with a generation that, like the number before it, was never used in this target
 */
export function planUpdate(params: Address, index: number, settings: Settings): LiveWrite[] {
  return [...planFill(params, index, settings), planFlip(params, index)];
}

/** The first part of `planUpdate`, which can be done again as long as the index is not flipped. */
export function planFill(params: Address, index: number, settings: Settings): LiveWrite[] {
  const slot = address(params + BigInt(slotOffset(index ^ 1)));
  const bytes = encodeSlot(settings);
  return [
    // Not 0: a reader that met it here could meet it again, several changes later.
    { address: slot, bytes: encodeSlot({ ...settings, generation: settings.generation - 1n }).slice(0, 8) },
    { address: address(slot + 8n), bytes: bytes.slice(8) },
    { address: slot, bytes: bytes.slice(0, 8) },
  ];
}

/** Brings the idle slot into force; also back, to settings that a profile in use would replace, but has not yet. */
export function planFlip(params: Address, index: number): LiveWrite {
  return { address: address(params + BigInt(PARAMS.index)), bytes: Uint8Array.of((index & 1) ^ 1) };
}
