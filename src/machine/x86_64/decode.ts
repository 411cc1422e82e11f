/**
 * An instruction length decoder for x86-64, in 64-bit mode and in that of 32-bit programs. It finds where an
 * instruction ends, what in it depends on its address, and where it can lead; it refuses whatever it does not know. Its
 * tables are opcodes.ts and vector.ts; iced-x86 is the oracle of its tests.
 */
import type { Flow } from "../calls.ts";
import { UnknownInstruction } from "../errors.ts";
import { Cursor } from "./cursor.ts";
import type { Bits, Branch, Field, Instruction } from "./instruction.ts";
import { isLockable, layoutOf, type OpcodeMap } from "./opcodes.ts";
import {
  isVectorPrefix,
  mandatoryPrefix,
  type Prefixes,
  REX_W,
  readPrefixes,
  readVectorPrefix,
} from "./prefixes.ts";
import { vectorLayoutOf } from "./vector.ts";

/**
 * Decodes the instruction at `offset`.
 *
 * @throws UnknownInstruction if the bytes are undefined, truncated, too long, or rare enough not to be listed.
 */
export function decode(code: Uint8Array, offset: number, bits: Bits = 64): Instruction {
  const cursor = new Cursor(code, offset, bits);
  const prefixes = readPrefixes(cursor);
  const opcodeIndex = cursor.length;
  const first = cursor.next();
  const { map, opcode, layout } = isVectorPrefix(first, cursor)
    ? readVector(cursor, first, prefixes)
    : readLegacy(cursor, first, prefixes);

  const modrm = HAS_MODRM.has(layout) ? cursor.next() : undefined;
  if (layout === "m" && modrm! >= 0xc0) cursor.refuse("no register form");
  if ((layout === "r" || layout === "n") && modrm! < 0xc0) cursor.refuse("no memory form");
  if (prefixes.lock && !(modrm !== undefined && map !== "vector" && isLockable(map, opcode, modrm))) {
    cursor.refuse("LOCK is not allowed here");
  }

  const displacement = modrm === undefined ? undefined : readDisplacement(cursor, modrm, prefixes);
  const isRipRelative = bits === 64 && modrm !== undefined && (modrm & 0xc7) === 0x05;
  if (isRipRelative && prefixes.addressSize) cursor.refuse("EIP-relative");

  const size = immediateSize(layout, prefixes, bits);
  const immediate = size === 0 ? undefined : { index: cursor.skip(size), size };
  const branch = branchOf(cursor, map, opcode, layout, immediate);
  const flow = isSystemInterrupt(cursor, map, opcode) ? "syscall" : flowOf(map, opcode, modrm, branch);
  if (flow !== "next" && prefixes.operandSize && (prefixes.rex & REX_W) === 0) {
    // Intel ignores 66 on a branch, AMD truncates the instruction pointer to 16 bits.
    cursor.refuse("operand-size prefix on a control transfer");
  }

  return {
    bits,
    offset,
    length: cursor.length,
    flow,
    branch,
    ripDisp: isRipRelative ? displacement!.index : undefined,
    prefixes,
    map,
    opcode,
    opcodeIndex,
    modrm,
    displacement,
    immediate,
  };
}

/** The same, and undefined for what decode() refuses. */
export function decodeIfKnown(code: Uint8Array, offset: number, bits: Bits = 64): Instruction | undefined {
  try {
    return decode(code, offset, bits);
  } catch (error) {
    if (error instanceof UnknownInstruction) return undefined;
    throw error;
  }
}

/**
 * Decodes one instruction after the other from `start` to `end` exactly.
 *
 * @throws UnknownInstruction at the first one that is unknown or crosses `end`.
 */
export function* decodeAll(
  code: Uint8Array,
  start = 0,
  end = code.length,
  bits: Bits = 64,
): Generator<Instruction> {
  const window = code.subarray(0, end);
  for (let offset = start; offset < end; ) {
    const instruction = decode(window, offset, bits);
    yield instruction;
    offset += instruction.length;
  }
}

const HAS_MODRM = new Set("MmrBnZX");

/** What an opcode turned out to be: its map, and what follows it. */
interface Opcode {
  readonly map: OpcodeMap | "vector";
  readonly opcode: number;
  readonly layout: string;
}

function readLegacy(cursor: Cursor, first: number, prefixes: Prefixes): Opcode {
  let map: OpcodeMap = "";
  let opcode = first;
  if (first === 0x0f) {
    map = "0f";
    opcode = cursor.next();
    if (opcode === 0x38 || opcode === 0x3a) {
      map = opcode === 0x38 ? "0f38" : "0f3a";
      opcode = cursor.next();
    }
  }
  const layout = layoutOf(map, mandatoryPrefix(prefixes), opcode, cursor.peek(), cursor.bits);
  return { map, opcode, layout: layout ?? cursor.refuse("opcode not listed") };
}

function readVector(cursor: Cursor, first: number, prefixes: Prefixes): Opcode {
  if (prefixes.operandSize || prefixes.lock || prefixes.repeat !== 0 || prefixes.rex !== 0) {
    cursor.refuse("66, F0, F2, F3 or REX before VEX or EVEX");
  }
  const prefix = readVectorPrefix(cursor, first);
  const opcode = cursor.next();
  const layout = vectorLayoutOf(prefix, opcode, cursor.peek());
  return { map: "vector", opcode, layout: layout ?? cursor.refuse("VEX or EVEX opcode not listed") };
}

function readDisplacement(cursor: Cursor, modrm: number, { addressSize }: Prefixes): Field | undefined {
  const mod = modrm >> 6;
  const rm = modrm & 7;
  if (mod === 3) return undefined;
  if (cursor.bits === 32 && addressSize) return readDisplacement16(cursor, mod, rm);
  const base = rm === 4 ? cursor.next() & 7 : rm;
  const size = mod === 1 ? 1 : mod === 2 || base === 5 ? 4 : 0;
  return size === 0 ? undefined : { index: cursor.skip(size), size };
}

/** 16-bit addresses: no SIB, and a displacement of their own in place of [bp]. */
function readDisplacement16(cursor: Cursor, mod: number, rm: number): Field | undefined {
  const size = mod === 1 ? 1 : mod === 2 || rm === 6 ? 2 : 0;
  return size === 0 ? undefined : { index: cursor.skip(size), size };
}

function immediateSize(layout: string, { operandSize, addressSize, rex }: Prefixes, bits: Bits): number {
  const isWide = (rex & REX_W) !== 0;
  switch (layout) {
    case "b":
    case "j":
    case "B":
    case "n":
      return 1;
    case "w":
      return 2;
    case "e":
      return 3;
    case "J":
    case "X":
      return 4;
    case "z":
    case "Z":
      return operandSize && !isWide ? 2 : 4;
    case "v":
      return isWide ? 8 : operandSize ? 2 : 4;
    case "o":
      return bits / (addressSize ? 16 : 8);
    default:
      return 0;
  }
}

function branchOf(
  cursor: Cursor,
  map: OpcodeMap | "vector",
  opcode: number,
  layout: string,
  displacement: Field | undefined,
): Branch | undefined {
  if (displacement === undefined || !(layout === "j" || layout === "J" || layout === "X")) return undefined;
  const width = displacement.size === 1 ? 1 : 4;
  const target = cursor.offset + cursor.length + cursor.signed(displacement.index, width);
  const kind = branchKind(map, opcode);
  return { kind, width, target, condition: kind === "jcc" ? opcode & 15 : undefined };
}

function branchKind(map: OpcodeMap | "vector", opcode: number): Branch["kind"] {
  if (map === "0f" || opcode < 0x80) return "jcc";
  if (opcode === 0xc7) return "xbegin";
  if (opcode === 0xe8) return "call";
  if (opcode === 0xe3) return "jcxz";
  return opcode < 0xe3 ? "loop" : "jmp";
}

/** INT 80h, by which 32-bit programs make system calls. */
function isSystemInterrupt(cursor: Cursor, map: OpcodeMap | "vector", opcode: number): boolean {
  return cursor.bits === 32 && map === "" && opcode === 0xcd && cursor.last() === 0x80;
}

function flowOf(
  map: OpcodeMap | "vector",
  opcode: number,
  modrm: number | undefined,
  branch: Branch | undefined,
): Flow {
  if (branch?.kind === "jmp") return "jump";
  if (branch?.kind === "call") return "call";
  if (branch !== undefined) return "conditional";
  if (map === "") {
    if (opcode === 0xc2 || opcode === 0xc3) return "return";
    if (opcode === 0xcc || opcode === 0xcd || opcode === 0xce) return "trap";
    if (opcode === 0xf4) return "stop";
    const selected = opcode === 0xff && modrm !== undefined ? (modrm >> 3) & 7 : undefined;
    if (selected === 2) return "call";
    if (selected === 4) return "indirect";
  }
  if (map === "0f") {
    if (opcode === 0x05 || opcode === 0x34) return "syscall";
    if (opcode === 0x0b) return "stop";
  }
  return "next";
}
