/**
 * What the decoder says about one instruction.
 */
import type { Flow } from "../calls.ts";
import type { OpcodeMap } from "./opcodes.ts";
import type { Prefixes } from "./prefixes.ts";

/** The mode that the processor is in: 64-bit mode, or that of a 32-bit program. */
export type Bits = 64 | 32;

/** A relative branch. */
export interface Branch {
  readonly kind: "jmp" | "jcc" | "call" | "loop" | "jcxz" | "xbegin";
  /** Bytes of the displacement, which ends the instruction. */
  readonly width: 1 | 4;
  /** Offset in the same buffer that the branch leads to; may lie outside the buffer. */
  readonly target: number;
  /** The low nibble of a Jcc opcode. */
  readonly condition: number | undefined;
}

/** Bytes of an instruction: index of the first one within the instruction, and how many. */
export interface Field {
  readonly index: number;
  readonly size: number;
}

export interface Instruction {
  readonly bits: Bits;
  /** Where it starts in the buffer. */
  readonly offset: number;
  readonly length: number;
  readonly flow: Flow;
  readonly branch: Branch | undefined;
  /** Index within the instruction of the disp32 of a RIP-relative memory operand. */
  readonly ripDisp: number | undefined;
  readonly prefixes: Prefixes;
  /** "vector" for VEX and EVEX. */
  readonly map: OpcodeMap | "vector";
  readonly opcode: number;
  /** Index within the instruction of the opcode, or of the escape byte before it. */
  readonly opcodeIndex: number;
  readonly modrm: number | undefined;
  readonly displacement: Field | undefined;
  /** An immediate, a moffs address, or a branch displacement. */
  readonly immediate: Field | undefined;
}
