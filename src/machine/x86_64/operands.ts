/**
 * Spells one operand of an instruction in Intel syntax. The notation of operands is that of mnemonics.ts.
 */
import { formatAddress } from "../address.ts";
import type { Bits, Field, Instruction } from "./instruction.ts";
import { type Prefixes, REX_B, REX_R, REX_W, REX_X } from "./prefixes.ts";

const LEGACY_NAMES = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"];
const LOW_BYTES = ["al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"];
const HIGH_BYTES = ["al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"];
const SIZE_NAMES: Readonly<Record<number, string>> = { 1: "byte", 2: "word", 4: "dword", 8: "qword" };

/**
 * @param bytes The instruction's own bytes.
 * @param address Address of the instruction.
 * @param isSizeImplied Whether a register operand already says how large a memory operand is.
 */
export function formatOperand(
  operand: string,
  bytes: Uint8Array,
  instruction: Instruction,
  address: bigint,
  isSizeImplied: boolean,
): string {
  const { bits, prefixes, opcode, modrm = 0 } = instruction;
  const kind = operand[0];
  const size = sizeOf(operand[1], prefixes, bits);
  switch (kind) {
    case "E":
    case "M": {
      if (modrm >= 0xc0) return registerName((modrm & 7) | extension(prefixes, REX_B), size, prefixes);
      const memory = formatMemory(bytes, instruction, address);
      return kind === "M" || isSizeImplied ? memory : `${SIZE_NAMES[size]} ptr ${memory}`;
    }
    case "G":
      return registerName(((modrm >> 3) & 7) | extension(prefixes, REX_R), size, prefixes);
    case "Z":
      return registerName((opcode & 7) | extension(prefixes, REX_B), size, prefixes);
    case "I":
      return formatNumber(BigInt.asUintN(size * 8, signed(bytes, instruction.immediate)));
    case "J": {
      const displacement = BigInt((instruction.branch?.target ?? 0) - instruction.offset);
      return formatAddress(BigInt.asUintN(bits, address + displacement));
    }
    default:
      return operand === "rAX"
        ? registerName(0, sizeOf("v", prefixes, bits), prefixes)
        : operand.toLowerCase();
  }
}

/** Bytes of an operand, from its size letter. */
function sizeOf(letter: string | undefined, { operandSize, rex }: Prefixes, bits: Bits): number {
  switch (letter) {
    case "b":
      return 1;
    case "w":
      return 2;
    case "d":
      return 4;
    case "q":
      return bits / 8;
    default:
      return (rex & REX_W) !== 0 ? 8 : operandSize ? 2 : 4;
  }
}

/** What a REX bit adds to a register number. */
function extension({ rex }: Prefixes, bit: number): number {
  return (rex & bit) === 0 ? 0 : 8;
}

function registerName(number: number, size: number, { rex }: Prefixes): string {
  if (number >= 8) return `r${number}${{ 1: "b", 2: "w", 4: "d" }[size] ?? ""}`;
  if (size === 1) return (rex === 0 ? HIGH_BYTES : LOW_BYTES)[number]!;
  const name = LEGACY_NAMES[number]!;
  return size === 2 ? name : size === 4 ? `e${name}` : `r${name}`;
}

const SEGMENT_NAMES: Readonly<Record<number, string>> = { 100: "fs:", 101: "gs:" };

function formatMemory(bytes: Uint8Array, instruction: Instruction, address: bigint): string {
  const { bits, prefixes, ripDisp } = instruction;
  const displacement = signed(bytes, instruction.displacement);
  const segment = SEGMENT_NAMES[prefixes.segment] ?? "";
  if (ripDisp !== undefined) {
    const target = address + BigInt(instruction.length) + displacement;
    return `${segment}[${formatNumber(BigInt.asUintN(64, target))}]`;
  }

  const { base, index, scale } = readAddressing(bytes, instruction);
  const terms: string[] = [];
  if (base !== undefined) terms.push(registerName(base, bits / 8, prefixes));
  if (index !== undefined) {
    // Without a base the *1 stays, or the index would read as one.
    const factor = scale === 1 && base !== undefined ? "" : `*${scale}`;
    terms.push(`${registerName(index, bits / 8, prefixes)}${factor}`);
  }
  // Without a segment it would read as a number.
  const named = bits === 32 && segment === "" ? "ds:" : segment;
  if (terms.length === 0) return `${named}[${formatNumber(BigInt.asUintN(bits, displacement))}]`;
  const sign = displacement < 0n ? "-" : "+";
  const magnitude = displacement < 0n ? -displacement : displacement;
  const tail = displacement === 0n ? "" : ` ${sign} ${formatNumber(magnitude)}`;
  return `${segment}[${terms.join(" + ")}${tail}]`;
}

/** The registers of a memory operand that is not RIP-relative; `bytes` are the instruction's own. */
export function readAddressing(
  bytes: Uint8Array,
  { bits, prefixes, modrm = 0, opcodeIndex, map }: Instruction,
): { base: number | undefined; index: number | undefined; scale: number } {
  const rm = modrm & 7;
  if (bits === 32 && (modrm & 0xc7) === 5) return { base: undefined, index: undefined, scale: 1 };
  if (rm !== 4) return { base: rm | extension(prefixes, REX_B), index: undefined, scale: 1 };
  // The SIB byte follows ModRM, which follows the escape bytes (two digits each in `map`) and the opcode.
  const sib = bytes[opcodeIndex + map.length / 2 + 2]!;
  const hasBase = (sib & 7) !== 5 || modrm >= 0x40;
  const index = ((sib >> 3) & 7) | extension(prefixes, REX_X);
  return {
    base: hasBase ? (sib & 7) | extension(prefixes, REX_B) : undefined,
    index: index === 4 ? undefined : index,
    scale: 1 << (sib >> 6),
  };
}

/** The signed little-endian value of a field; 0 where there is none. */
function signed(bytes: Uint8Array, field: Field | undefined): bigint {
  if (field === undefined) return 0n;
  const value = bytes
    .subarray(field.index, field.index + field.size)
    .reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return BigInt.asIntN(field.size * 8, value);
}

/** Hexadecimal, except where one digit says the same in both. */
function formatNumber(value: bigint): string {
  return value < 10n ? value.toString() : formatAddress(value);
}
