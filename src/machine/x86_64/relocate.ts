/**
 * Moves a function's first instructions to a trampoline. The moved instructions mean there what they meant
 * at the function's entry, and a jump behind them leads back to the rest of the function: calling the
 * trampoline is calling the original function. Or moves instructions from within one. The code of 32-bit programs is
 * moved in the same way, but for what `Mode` says.
 */
import { type Address, address } from "../address.ts";
import type { Boundary, Relocation } from "../code.ts";
import { JumpOutOfReach, RelocationError, UnknownInstruction } from "../errors.ts";
import { decode } from "./decode.ts";
import { encodeJump, fitsInt32, JUMP_LENGTH } from "./encode.ts";
import type { Bits, Instruction } from "./instruction.ts";

/** What matters of the mode that the code runs in. */
export interface Mode {
  readonly bits: Bits;
  /** @throws JumpOutOfReach */
  encodeJump(from: Address, to: Address): Uint8Array;
  /** The 32-bit displacement that stands for a distance; undefined beyond what it reaches. */
  displacement(distance: bigint): number | undefined;
  /** What does, anywhere, the same as a call does where it stands; undefined for one that cannot be moved. */
  moveCall(call: Instruction, from: Address): Uint8Array | undefined;
}

const LONG_MODE: Mode = {
  bits: 64,
  encodeJump,
  displacement: (distance) => (fitsInt32(distance) ? Number(distance) : undefined),
  moveCall: () => undefined,
};

/**
 * Relocates the instructions at the entry of a function.
 *
 * @param code The whole function: its end bounds what may be moved.
 * @param from Address of `code[0]`.
 * @param to Address at which the trampoline will stand.
 * @param minimum How many bytes at the entry will be overwritten.
 * @param mode That which the code runs in.
 * @throws RelocationError if the instructions cannot be moved without changing what they do.
 */
export function relocatePrologue(
  code: Uint8Array,
  from: Address,
  to: Address,
  minimum: number = JUMP_LENGTH,
  mode: Mode = LONG_MODE,
): Relocation {
  const prologue = readPrologue(code, from, minimum, mode);
  const last = prologue.at(-1)?.instruction;
  const prologueLength = last === undefined ? 0 : last.offset + last.length;
  const fallsThrough = last === undefined || continues(last);
  if (fallsThrough && prologueLength === code.length) {
    throw new RelocationError(
      "FALLS_OFF_END",
      last?.offset ?? 0,
      "the function's last instruction continues",
    );
  }

  const bytes: number[] = [];
  const map: Boundary[] = [];
  for (const { instruction, instead } of prologue) {
    map.push({ from: instruction.offset, to: bytes.length });
    const target = instead === undefined ? instruction.branch?.target : undefined;
    if (target !== undefined && target >= 0 && target < prologueLength) {
      throw new RelocationError("BRANCH_INTO_PROLOGUE", instruction.offset, "a branch into the moved bytes");
    }
    bytes.push(...(instead ?? move(code, instruction, from, address(to + BigInt(bytes.length)), mode)));
  }

  const jumpBack = fallsThrough ? bytes.length : undefined;
  if (jumpBack !== undefined) {
    const rest = address(from + BigInt(prologueLength));
    bytes.push(...jumpTo(address(to + BigInt(jumpBack)), rest, prologueLength, mode));
  }
  return { prologueLength, bytes: Uint8Array.from(bytes), map, jumpBack };
}

/**
 * Moves instructions that are carried out one after the other.
 *
 * @param code Whole instructions, all of which move.
 * @param from Address of `code[0]`.
 * @param to Address at which they will stand.
 * @returns As many bytes as `code` has.
 * @throws RelocationError if one of them leads elsewhere, is not known, or would not mean the same there.
 */
export function relocateRun(code: Uint8Array, from: Address, to: Address): Uint8Array {
  const bytes = new Uint8Array(code.length);
  for (let offset = 0; offset < code.length; ) {
    const instruction = decodeOrRefuse(code, offset, LONG_MODE);
    refuseUnmovable(instruction);
    if (instruction.flow !== "next") {
      throw new RelocationError("UNSUPPORTED_BRANCH", offset, "an instruction that leads elsewhere");
    }
    bytes.set(move(code, instruction, from, address(to + BigInt(offset)), LONG_MODE), offset);
    offset += instruction.length;
  }
  return bytes;
}

interface Movable {
  readonly instruction: Instruction;
  /** Of a call: what takes its place. */
  readonly instead: Uint8Array | undefined;
}

/** The whole instructions that cover the first `minimum` bytes, each of them one that can be moved. */
function readPrologue(code: Uint8Array, from: Address, minimum: number, mode: Mode): Movable[] {
  const prologue: Movable[] = [];
  for (let length = 0; length < minimum; ) {
    const previous = prologue.at(-1)?.instruction;
    if (length === code.length || (previous !== undefined && !continues(previous))) {
      throw new RelocationError("TOO_SHORT", length, `the function ends before byte ${minimum}`);
    }
    const instruction = decodeOrRefuse(code, length, mode);
    const instead = instruction.flow === "call" ? mode.moveCall(instruction, from) : undefined;
    if (instead === undefined) refuseUnmovable(instruction);
    prologue.push({ instruction, instead });
    length += instruction.length;
  }
  return prologue;
}

function decodeOrRefuse(code: Uint8Array, offset: number, { bits }: Mode): Instruction {
  try {
    return decode(code, offset, bits);
  } catch (error) {
    if (!(error instanceof UnknownInstruction)) throw error;
    throw new RelocationError("UNKNOWN_INSTRUCTION", offset, error.message, error);
  }
}

function refuseUnmovable({ flow, branch, offset }: Instruction): void {
  switch (flow) {
    case "call":
      throw new RelocationError("CALL", offset, "a call would return into the trampoline");
    case "syscall":
      throw new RelocationError("SYSCALL", offset, "a system call restarts at its own address");
    case "trap":
      throw new RelocationError("TRAP", offset, "a breakpoint or software interrupt");
    case "stop":
      throw new RelocationError("STOP", offset, "an instruction that ends the program");
    case "conditional":
      if (branch?.kind === "jcc") return;
      throw new RelocationError("UNSUPPORTED_BRANCH", offset, `${branch?.kind} cannot be moved`);
    default:
  }
}

/** Whether execution can reach the following instruction. A call that is moved only leaves where it stood. */
function continues({ flow }: Instruction): boolean {
  return flow === "next" || flow === "conditional" || flow === "call";
}

/** The bytes of `instruction`, of a function at `from`, that do the same at `at`. */
function move(
  code: Uint8Array,
  instruction: Instruction,
  from: Address,
  at: Address,
  mode: Mode,
): Uint8Array {
  const { offset, length, branch, ripDisp } = instruction;
  if (branch !== undefined) return moveBranch(code, instruction, from, at, mode);
  // Not slice(): a Node Buffer's slice is a view, and we would write into the caller's bytes.
  const bytes = Uint8Array.from(code.subarray(offset, offset + length));
  if (ripDisp !== undefined) {
    const view = new DataView(bytes.buffer);
    const distance = from + BigInt(offset) - at;
    const displacement = BigInt(view.getInt32(ripDisp, true)) + distance;
    view.setInt32(ripDisp, int32OrRefuse(displacement, offset, mode), true);
  }
  return bytes;
}

/** A short branch becomes the near form of the same condition; its prefixes (hints, BND) stay. */
function moveBranch(
  code: Uint8Array,
  instruction: Instruction,
  from: Address,
  at: Address,
  mode: Mode,
): Uint8Array {
  const { offset, opcodeIndex, branch } = instruction;
  const prefixes = code.subarray(offset, offset + opcodeIndex);
  const condition = branch!.condition;
  const opcode = condition === undefined ? [0xe9] : [0x0f, 0x80 | condition];
  const bytes = Uint8Array.from([...prefixes, ...opcode, 0, 0, 0, 0]);
  const target = from + BigInt(branch!.target);
  const displacement = target - (at + BigInt(bytes.length));
  new DataView(bytes.buffer).setInt32(bytes.length - 4, int32OrRefuse(displacement, offset, mode), true);
  return bytes;
}

function int32OrRefuse(distance: bigint, offset: number, mode: Mode): number {
  const displacement = mode.displacement(distance);
  if (displacement !== undefined) return displacement;
  throw new RelocationError("OUT_OF_REACH", offset, "the operand is more than 2 GiB from the trampoline");
}

function jumpTo(at: Address, rest: Address, offset: number, mode: Mode): Uint8Array {
  try {
    return mode.encodeJump(at, rest);
  } catch (error) {
    if (!(error instanceof JumpOutOfReach)) throw error;
    throw new RelocationError("OUT_OF_REACH", offset, "the trampoline is more than 2 GiB away", error);
  }
}
