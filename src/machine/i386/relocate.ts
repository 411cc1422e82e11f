/**
 * Moves a 32-bit function's first instructions to a trampoline, as x86_64/relocate.ts does. What that one refuses, and
 * every other 32-bit function begins with, is the call by which position-independent code learns where it is. All that such
 * a call does is to leave an address: that address, as a constant, does the same anywhere.
 */
import type { Address } from "../address.ts";
import type { CodeAround, Relocation } from "../code.ts";
import type { Instruction } from "../x86_64/instruction.ts";
import { type Mode, relocatePrologue as relocateIn } from "../x86_64/relocate.ts";
import { encodeJump, JUMP_LENGTH, wrapped, wrappedAddress } from "./encode.ts";

/** For the parameters see `Machine.relocatePrologue`. */
export function relocatePrologue(
  code: Uint8Array,
  from: Address,
  to: Address,
  minimum: number = JUMP_LENGTH,
  around?: CodeAround,
): Relocation {
  const mode: Mode = {
    bits: 32,
    encodeJump,
    displacement: wrapped,
    moveCall: (call, start) => constantFor(call, start, around),
  };
  return relocateIn(code, from, to, minimum, mode);
}

const PUSH_IMM32 = 0x68;
const MOV_EAX_IMM32 = 0xb8;

/** `push address` for a call to what follows it, which takes it from the stack; `mov register, address` for a thunk. */
function constantFor(
  { offset, length, branch }: Instruction,
  from: Address,
  around: CodeAround | undefined,
): Uint8Array | undefined {
  if (branch === undefined) return undefined;
  const returns = wrappedAddress(from + BigInt(offset + length));
  if (branch.target === offset + length) return withImmediate(PUSH_IMM32, returns);
  const register = thunkRegister(around?.(wrappedAddress(from + BigInt(branch.target)), THUNK_LENGTH));
  return register === undefined ? undefined : withImmediate(MOV_EAX_IMM32 + register, returns);
}

const THUNK_LENGTH = 4;
const ESP = 4;

/** The register that a PC thunk (`__x86.get_pc_thunk.ax` …) loads: `mov register, [esp]`, `ret`. */
function thunkRegister(code: Uint8Array | undefined): number | undefined {
  if (code?.length !== THUNK_LENGTH) return undefined;
  const [mov, modrm, sib, ret] = code as unknown as readonly [number, number, number, number];
  const register = (modrm >> 3) & 7;
  const isThunk = mov === 0x8b && (modrm & 0xc7) === 0x04 && sib === 0x24 && ret === 0xc3;
  return isThunk && register !== ESP ? register : undefined;
}

function withImmediate(opcode: number, value: Address): Uint8Array {
  const bytes = new Uint8Array(5);
  bytes[0] = opcode;
  new DataView(bytes.buffer).setUint32(1, Number(value), true);
  return bytes;
}
