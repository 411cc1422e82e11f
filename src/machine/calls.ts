/**
 * What has to be known of a machine to find the places where programs make system calls, and to rewrite them.
 *
 * Sets of registers are bits: bit n is register n as machine code numbers it.
 */
import type { Address } from "./address.ts";

/** Where execution goes after an instruction. */
export type Flow =
  /** To the following instruction. */
  | "next"
  /** To the target or to the following instruction. */
  | "conditional"
  /** To the target. */
  | "jump"
  /** To an address in a register or in memory. */
  | "indirect"
  /** Elsewhere and back to the following instruction. */
  | "call"
  | "return"
  /** Into the kernel and back. */
  | "syscall"
  /** Into an exception or interrupt handler. */
  | "trap"
  /** Nowhere: no program goes on behind it. */
  | "stop"
  /** Nobody can tell. */
  | "unknown";

/** An instruction, as far as every machine's decoder tells about it. */
export interface CodeInstruction {
  /** Where it starts in the buffer. */
  readonly offset: number;
  readonly length: number;
  readonly flow: Flow;
  /** A relative branch or call: the offset in the same buffer that it leads to, which may lie outside. */
  readonly branch: { readonly target: number } | undefined;
}

/** Which general registers an instruction reads and writes. */
export interface RegisterUse {
  /** May be read, in part or as a whole. */
  readonly reads: number;
  /** Overwritten as a whole, whatever they held. */
  readonly writes: number;
  /** May be changed, in part or as a whole; `writes` are among them. */
  readonly changes: number;
}

/**
 * What an instruction makes of a register: a constant, a copy of what another register, or the same one, held before,
 * or something else.
 */
export type Effect = { readonly constant: number } | { readonly source: number } | "unknown";

export interface ThunkInput {
  /** The instructions from the replaced one up to the system call, and where they stand. */
  readonly moved: Uint8Array;
  readonly site: Address;
  /** Where the system call is made: behind the moved instructions, or where the one that moves branches to. */
  readonly call: Address;
  /** Bit n: argument register n of the system call is read by nobody after it. */
  readonly free: number;
  /** Where the thunk will stand. */
  readonly at: Address;
  /** Where the address of the payload's entry stands. */
  readonly enter: Address;
}

/** Instructions are those that the same machine's `decode` gave. */
export interface CallMachine {
  readonly name: "x86_64" | "aarch64";
  /** The instruction that makes a system call. */
  readonly call: Uint8Array;
  /** Bytes of the longest instruction. */
  readonly longest: number;
  /**
   * Whether all instructions are as long as a jump, and aligned. Any of them can be replaced then, even a branch to a system
   * call, and where they begin is never in doubt.
   */
  readonly uniform: boolean;
  /** Bytes of the jump that leads to a thunk, and of the one instruction that it replaces. */
  readonly replaced: number;
  /** Why there is none, as a sentence's end. */
  readonly noneToReplace: string;

  /** The register that holds the number of a system call. */
  readonly number: number;
  /** Those that hold its arguments, in their order. */
  readonly arguments: readonly number[];
  /** Those of them in which functions expect no argument. */
  readonly notPassed: number;
  /** Those in which a system call returns, and those in which a function does. */
  readonly callResults: number;
  readonly functionResults: number;

  /** Undefined where no instruction is known to be. */
  decode(code: Uint8Array, offset: number): CodeInstruction | undefined;
  /** Undefined for what is not known, and for what leads elsewhere on all paths. */
  registerUse(code: Uint8Array, instruction: CodeInstruction): RegisterUse | undefined;
  /** What an instruction that goes on to the next one makes of a register. */
  effect(code: Uint8Array, instruction: CodeInstruction, register: number): Effect;
  isNop(code: Uint8Array, instruction: CodeInstruction): boolean;
  /** Whether it may be carried out at another address, where thunks are, and its own may be jumped over. */
  isMovable(code: Uint8Array, instruction: CodeInstruction): boolean;
  /** The constant that the instruction loads into the register of the number; only of those that can be replaced. */
  numberSet(code: Uint8Array, instruction: CodeInstruction): number | undefined;

  /**
   * Tells where the bytes of branches end, and the offset that each leads to, whether or not an instruction begins with
   * them. This takes a fraction of what decoding takes.
   */
  looseBranches(code: Uint8Array, found: (end: number, target: number) => void): void;

  /** How many bytes before a system call are looked at by `candidates`. */
  readonly context: number;
  /**
   * Offsets of the system call instructions whose number is in `wanted`, or is not seen at once. A wrong guess costs a
   * system call that is not found, never a wrong patch.
   *
   * @param address of the first byte
   * @param from where the last byte of each stands at the least
   */
  candidates(code: Uint8Array, address: number, from: number, wanted: ReadonlySet<number>): Iterable<number>;
  /** Whether the bytes at `at` are likely to begin an instruction, with nothing known about where one begins. */
  isLikely(code: Uint8Array, at: number): boolean;
  /** Where to begin to decode so as to meet the instructions that end before `at`. It is no proof. */
  likelyStart(code: Uint8Array, at: number): number;
  /** Functions that no table knows, but that are known by their bytes. */
  readonly knownFunctions: readonly KnownFunction[];

  /** How long the thunk of these moved instructions is. */
  thunkLength(moved: Uint8Array): number;
  /** @throws RelocationError, JumpOutOfReach */
  encodeThunk(input: ThunkInput): Uint8Array;
}

export interface KnownFunction {
  readonly name: string;
  /** undefined: any byte. */
  readonly bytes: readonly (number | undefined)[];
  /** Where in it the system call is made. */
  readonly call: number;
}
