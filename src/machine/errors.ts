/**
 * What the code that knows a machine can refuse. The errors are plain data about bytes and offsets; the patch planner
 * turns them into a TimeskewError about a process.
 */
import { type Address, formatAddress } from "./address.ts";

/** Bytes that the decoder does not know, and therefore does not guess about. */
export class UnknownInstruction extends Error {
  override readonly name = "UnknownInstruction";
  /** Where the instruction starts in the buffer. */
  readonly offset: number;
  /** The bytes from there on: as many as the longest instruction has, or fewer at the end of the buffer. */
  readonly bytes: Uint8Array;
  readonly reason: string;

  /** @param longest how many bytes an instruction has at most */
  constructor(code: Uint8Array, offset: number, reason: string, longest = 15) {
    const bytes = Uint8Array.from(code.subarray(offset, offset + longest));
    super(`unknown instruction at offset 0x${offset.toString(16)} (${hex(bytes)}): ${reason}`);
    this.offset = offset;
    this.bytes = bytes;
    this.reason = reason;
  }
}

/** Why instructions cannot be moved. */
export type RelocationErrorCode =
  /** The function ends before the bytes that the jump replaces. */
  | "TOO_SHORT"
  /** The buffer ends with an instruction that continues into the next one. */
  | "FALLS_OFF_END"
  /** An instruction that the decoder does not know; `cause` is the UnknownInstruction. */
  | "UNKNOWN_INSTRUCTION"
  /** The call would leave an address inside the trampoline, which unwinders know nothing of. */
  | "CALL"
  /** x86's LOOP, JRCXZ and XBEGIN: no near form, or an abort address that we would have to answer for. In a run, any. */
  | "UNSUPPORTED_BRANCH"
  /** A thread that sleeps in this system call would be restarted at an address that is no longer one. */
  | "SYSCALL"
  /** On arm64: there would be nothing behind it to go back to, and whatever this function is, it reads no clock. */
  | "RETURN"
  /** A breakpoint or software interrupt: padding, or somebody's debugger. */
  | "TRAP"
  /** UD2 or HLT, UDF: this is not a function that returns. */
  | "STOP"
  /** A branch back into the bytes that move: a loop over the function's entry. */
  | "BRANCH_INTO_PROLOGUE"
  /** The trampoline is too far away from what an instruction refers to. */
  | "OUT_OF_REACH";

export class RelocationError extends Error {
  override readonly name = "RelocationError";
  readonly code: RelocationErrorCode;
  /** Offset in the function of the instruction that cannot be moved. */
  readonly offset: number;

  constructor(code: RelocationErrorCode, offset: number, message: string, cause?: unknown) {
    super(`${message} (at offset 0x${offset.toString(16)})`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.offset = offset;
  }
}

/** A jump whose displacement has too few bits. */
export class JumpOutOfReach extends Error {
  override readonly name = "JumpOutOfReach";
  readonly from: Address;
  readonly to: Address;

  /** @param reach as `Machine.reach` */
  constructor(from: Address, to: Address, reach = 1n << 31n) {
    const ends = `a jump at ${formatAddress(from)} does not reach ${formatAddress(to)}`;
    super(`${ends}: more than ${formatReach(reach)} away`);
    this.from = from;
    this.to = to;
  }
}

/** "2 GiB", "128 MiB": the power of two that a reach is a little less than, or is. */
export function formatReach(reach: bigint): string {
  const bits = (reach - 1n).toString(2).length;
  return bits >= 30 ? `${2 ** (bits - 30)} GiB` : `${2 ** (bits - 20)} MiB`;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
