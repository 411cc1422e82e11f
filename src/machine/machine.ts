/**
 * A machine, as a target's code is made for it: all that planning a patch needs to know of it. Each is a folder here, and
 * nothing outside imports from those.
 */

import { AARCH64 } from "./aarch64/machine.ts";
import type { Address } from "./address.ts";
import type { CallMachine } from "./calls.ts";
import type { CodeAround, CodeRange, IncomingBranch, Line, Relocation } from "./code.ts";
import { I386 } from "./i386/machine.ts";
import { X86_64 } from "./x86_64/machine.ts";

export type MachineName = "x86_64" | "i386" | "aarch64";

export interface Machine {
  readonly name: MachineName;
  readonly bits: 64 | 32;
  /** e_machine of its ELF files. */
  readonly elfMachine: number;
  /** Bytes of the jump that is written over a function's entry. */
  readonly jumpLength: number;
  /** How far apart any byte of the patched code and any byte of our pages may be, for jumps both ways. */
  readonly reach: bigint;
  /**
   * Bytes at a function's entry that have to stay what they are where indirect branches must land on such instructions
   * (BTI); undefined if there are none, or if they do more than that.
   */
  landingPad?(code: Uint8Array): number | undefined;
  /** A longer jump that leads farther. A machine whose usual one reaches as far as anybody wants has none. */
  readonly far?: FarJump;
  /** Ends of the address space that programs have, by kernel, in ascending order. */
  readonly addressSpaces: readonly bigint[];
  /** Bytes that a stub of native/arch needs; and those with which it keeps all, if that is more. */
  readonly stub: { readonly longest: number; readonly wanted?: number };
  /** Where jumps are longer than some instructions, and a thread may read the end of one: what it then traps at. */
  readonly traps?: Traps;
  /** How system calls are found in programs and rewritten; undefined where programs make them elsewhere. */
  readonly calls?: CallMachine;

  /**
   * A jump that stands at `from` and leads to `to`.
   *
   * @throws JumpOutOfReach
   */
  encodeJump(from: Address, to: Address): Uint8Array;
  /** Where the jump that stands at `at` leads; undefined if `bytes` do not start with one that we write. */
  decodeJump(bytes: Uint8Array, at: Address): Address | undefined;
  /**
   * Moves the instructions at the entry of a function to a trampoline. There they mean what they meant, and a jump
   * behind them leads back to the rest: calling the trampoline is calling the original function.
   *
   * @param code The whole function: its end bounds what may be moved.
   * @param from Address of `code[0]`.
   * @param to Address at which the trampoline will stand.
   * @param minimum How many bytes at the entry will be overwritten: `jumpLength` unless told.
   * @param around Reads what the function calls.
   * @throws RelocationError if the instructions cannot be moved without changing what they do.
   */
  relocatePrologue(
    code: Uint8Array,
    from: Address,
    to: Address,
    minimum?: number,
    around?: CodeAround,
  ): Relocation;
  /**
   * The relative branches in `ranges` whose target lies strictly between `start` and `end` (offsets in the image).
   *
   * @throws UnknownInstruction (its offset is relative to the range) if a range does not decode to its end.
   */
  branchesInto(ranges: Iterable<CodeRange>, start: number, end: number): IncomingBranch[];
  /** Offsets below `upTo` at which instructions of `code` begin, but for 0: as far as they are known. */
  boundaries(code: Uint8Array, upTo: number): number[];
  /** Disassembles `code`, whose first byte stands at `address`. What cannot be spelled out is shown as data. */
  disassemble(code: Uint8Array, address: bigint): Line[];
}

export interface FarJump {
  /** Bytes: a word that is replaced by one access, so the entry has to be aligned to it. */
  readonly length: number;
  /** As `Machine.reach`. */
  readonly reach: bigint;
  /**
   * @param to the beginning of a page
   * @throws JumpOutOfReach
   */
  encode(from: Address, to: Address): Uint8Array;
}

export interface Traps {
  /** Whether whoever meets an instruction that begins with this byte traps, whatever follows. */
  isTrap(byte: number): boolean;
  readonly bytes: readonly number[];
}

const MACHINES: ReadonlyMap<string, Machine> = new Map(
  [X86_64, I386, AARCH64].map((machine) => [machine.name, machine]),
);

/** The machine of that name, as uname(2) and `identify` of src/elf have it; undefined for one that we do not know. */
export function findMachine(name: string): Machine | undefined {
  return MACHINES.get(name);
}

export function machineOf(name: MachineName): Machine {
  return MACHINES.get(name)!;
}
