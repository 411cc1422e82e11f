/**
 * What iced-x86 says about an instruction. It is the oracle of these tests and no part of the program.
 */
import { createRequire } from "node:module";
import type * as Iced from "iced-x86";

// Its CommonJS entry loads WebAssembly in a way that ESM named imports do not see.
const iced: typeof Iced = createRequire(import.meta.url)("iced-x86");
const { Code, Decoder, Formatter, FormatterSyntax, OpAccess, OpKind, RegisterExt } = iced;

export interface Verdict {
  readonly isValid: boolean;
  readonly length: number;
  /** Name of iced's opcode, such as Jmp_rel8_64. */
  readonly code: string;
  /** The same for the short and the near form of a branch. */
  readonly nearCode: string;
  readonly isRipRelative: boolean;
  readonly branchTarget: bigint | undefined;
  /** In the syntax that our own formatter writes. */
  readonly text: string;
}

const formatter = new Formatter(FormatterSyntax.Masm);
formatter.hexPrefix = "0x";
formatter.hexSuffix = "";
formatter.uppercaseHex = false;
formatter.addLeadingZeroToHexNumbers = false;
formatter.branchLeadingZeros = false;
formatter.showBranchSize = false;
formatter.smallHexNumbersInDecimal = true;
formatter.spaceAfterOperandSeparator = true;
formatter.spaceBetweenMemoryAddOperators = true;
formatter.usePseudoOps = false;

const instruction = new iced.Instruction();
const READS = new Set([OpAccess.Read, OpAccess.CondRead, OpAccess.ReadWrite, OpAccess.ReadCondWrite]);
const WRITES = new Set([OpAccess.Write, OpAccess.CondWrite, OpAccess.ReadWrite, OpAccess.ReadCondWrite]);
const BRANCHES = [OpKind.NearBranch16, OpKind.NearBranch32, OpKind.NearBranch64];

/** Decodes the instruction at `offset` of `code`, whose first byte stands at `address`. */
export function ask(code: Uint8Array, offset: number, address = 0n, bits: 64 | 32 = 64): Verdict {
  const decoder = new Decoder(bits, code.subarray(offset, offset + 16), 0);
  decoder.ip = address + BigInt(offset);
  decoder.decodeOut(instruction);
  decoder.free();
  const isBranch = BRANCHES.includes(instruction.op0Kind);
  const { isInvalid, length, code: opcode, isIpRelMemoryOperand } = instruction;
  const branchTarget = isBranch ? instruction.nearBranchTarget : undefined;
  return {
    isValid: !isInvalid,
    length,
    isRipRelative: isIpRelMemoryOperand,
    branchTarget,
    get code() {
      return Code[opcode]!;
    },
    get nearCode() {
      const near = instruction.clone();
      if (near.isJmpShort || near.isJccShort) near.asNearBranch();
      return Code[near.code]!;
    },
    // Taken on demand: only the verdict that was asked for last still has its text.
    get text() {
      // Intel writes the one-byte breakpoint without the space.
      return formatter.format(instruction).replace(/^int 3$/, "int3");
    },
  };
}

/** Sets of general registers, as in src/machine/x86_64/registers.ts. */
export interface OracleUse {
  /** Read, in part or as a whole, or kept where a condition does not hold. */
  readonly reads: number;
  /** Written as a whole and unconditionally. */
  readonly writes: number;
  /** Written in any way. */
  readonly changes: number;
}

const information = new iced.InstructionInfoFactory();

/** What the instruction at `offset` does with the general registers. */
export function askUse(code: Uint8Array, offset: number): OracleUse {
  const decoder = new Decoder(64, code.subarray(offset, offset + 16), 0);
  decoder.decodeOut(instruction);
  decoder.free();
  const use = { reads: 0, writes: 0, changes: 0 };
  const info = information.info(instruction);
  for (const used of info.usedRegisters()) {
    const { register, access } = used;
    used.free();
    if (!RegisterExt.isGPR(register)) continue;
    const bit = 1 << RegisterExt.number(RegisterExt.fullRegister(register));
    const isWhole = RegisterExt.size(register) >= 4;
    if (READS.has(access)) use.reads |= bit;
    if (access === OpAccess.Write && isWhole) use.writes |= bit;
    if (WRITES.has(access)) use.changes |= bit;
  }
  info.free();
  return use;
}
