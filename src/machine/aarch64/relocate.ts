/**
 * Moves a function's first instructions to a trampoline. There they mean what they meant at the function's entry, and a jump
 * behind them leads back to the rest of the function.
 *
 * What refers to its own address is written anew: as it was where it reaches, or in a longer form. That may need a register:
 * the one that the instruction sets, or x16, which is nobody's between a call and the function's own first use of it.
 */
import type { Address } from "../address.ts";
import type { Boundary, Relocation } from "../code.ts";
import { RelocationError, UnknownInstruction } from "../errors.ts";
import { decode, type Instruction } from "./decode.ts";
import { assemble, BR_SCRATCH, encodeAdr, encodeAdrp, fits, LENGTH, SCRATCH } from "./encode.ts";

/** As `Machine.relocatePrologue`. */
export function relocatePrologue(code: Uint8Array, from: Address, to: Address, minimum = LENGTH): Relocation {
  const prologue = readPrologue(code, minimum);
  const prologueLength = LENGTH * prologue.length;
  const last = prologue.at(-1);
  const fallsThrough = last?.flow !== "jump";
  if (fallsThrough && prologueLength === code.length) {
    throw new RelocationError(
      "FALLS_OFF_END",
      last?.offset ?? 0,
      "the function's last instruction continues",
    );
  }
  const words: number[] = [];
  const map: Boundary[] = [];
  const place = (offset: number): Place => ({
    at: to + BigInt(LENGTH * words.length),
    offset,
    isScratchTaken: prologue.some((each) => each.offset < offset && maySet(each, SCRATCH)),
  });
  for (const instruction of prologue) {
    const { offset, target } = instruction;
    if (target !== undefined && target >= 0 && target < prologueLength) {
      throw new RelocationError("BRANCH_INTO_PROLOGUE", offset, "a branch into the moved bytes");
    }
    map.push({ from: offset, to: LENGTH * words.length });
    words.push(...move(instruction, from + BigInt(offset), place(offset)));
  }
  const jumpBack = fallsThrough ? LENGTH * words.length : undefined;
  if (fallsThrough) words.push(...jump(from + BigInt(prologueLength), place(prologueLength)));
  return { prologueLength, bytes: assemble(words), map, jumpBack };
}

/** The instructions in the first `minimum` bytes, each of them one that can be moved. */
function readPrologue(code: Uint8Array, minimum: number): Instruction[] {
  const prologue: Instruction[] = [];
  for (let length = 0; length < minimum; length += LENGTH) {
    if (length === code.length || prologue.at(-1)?.flow === "jump") {
      throw new RelocationError("TOO_SHORT", length, `the function ends before byte ${minimum}`);
    }
    const instruction = decodeOrRefuse(code, length);
    refuseUnmovable(instruction);
    prologue.push(instruction);
  }
  return prologue;
}

function decodeOrRefuse(code: Uint8Array, offset: number): Instruction {
  try {
    return decode(code, offset);
  } catch (error) {
    if (!(error instanceof UnknownInstruction)) throw error;
    throw new RelocationError("UNKNOWN_INSTRUCTION", offset, error.message, error);
  }
}

function refuseUnmovable({ flow, offset }: Instruction): void {
  switch (flow) {
    case "call":
      throw new RelocationError("CALL", offset, "a call would return into the trampoline");
    case "return":
    case "indirect":
      throw new RelocationError("RETURN", offset, "the function ends here, or goes on elsewhere");
    case "syscall":
      throw new RelocationError("SYSCALL", offset, "a system call restarts at its own address");
    case "trap":
      throw new RelocationError("TRAP", offset, "a breakpoint");
    case "stop":
      throw new RelocationError("STOP", offset, "an instruction that ends the program");
    default:
  }
}

/** Where something will stand in the trampoline. */
interface Place {
  readonly at: bigint;
  /** Offset in the function of the instruction that it stands for. */
  readonly offset: number;
  /** The function may have put something into x16 before. */
  readonly isScratchTaken: boolean;
}

function scratchFor({ offset, isScratchTaken }: Place): number {
  if (!isScratchTaken) return SCRATCH;
  throw new RelocationError("OUT_OF_REACH", offset, "too far for one instruction, and x16 is in use");
}

/** Whether an instruction sets a register, or seems to: of a load any field may be one that it sets. */
function maySet({ word, flow, reference }: Instruction, register: number): boolean {
  if (flow !== "next") return false;
  const isLoad = reference === undefined && (word & 0x0a00_0000) === 0x0800_0000;
  return (isLoad ? [0, 5, 10, 16] : [0]).some((shift) => ((word >>> shift) & 31) === register);
}

/** What does there what the instruction did at `from`. */
function move({ word, reference }: Instruction, from: bigint, place: Place): number[] {
  const d = word & 31;
  switch (reference?.kind) {
    case undefined:
      return [word];
    case "adr":
      return loadAddress(d, from + reference.distance, place);
    case "adrp":
      return loadAddress(d, from - (from % PAGE) + PAGE * reference.distance, place);
    case "literal":
      return moveLoad(word, from + reference.distance, place);
    case "branch":
      return moveBranch(word, reference.bits, from + reference.distance, place);
  }
}

const PAGE = 4096n;
const ZERO_REGISTER = 31;
const NOP = 0xd503_201f;

/** ADR; or ADRP, and ADD if it is not the beginning of a page. */
function loadAddress(d: number, target: bigint, { at, offset }: Place): number[] {
  // Nobody reads the zero register, but ADD would mean the stack pointer.
  if (d === ZERO_REGISTER) return [NOP];
  const near = encodeAdr(d, at, target);
  if (near !== undefined) return [near];
  const page = encodeAdrp(d, at, target);
  if (page === undefined) {
    throw new RelocationError(
      "OUT_OF_REACH",
      offset,
      "what it refers to is more than 4 GiB from the trampoline",
    );
  }
  const inPage = Number(target % PAGE);
  return inPage === 0 ? [page] : [page, (0x9100_0000 | (inPage << 10) | (d << 5) | d) >>> 0];
}

/** Loads from an address in a register, by V and opc of the load of a literal. */
const LOADS: readonly number[] = [
  0xb940_0000, // ldr w
  0xf940_0000, // ldr x
  0xb980_0000, // ldrsw
  0xf980_0000, // prfm
  0xbd40_0000, // ldr s
  0xfd40_0000, // ldr d
  0x3dc0_0000, // ldr q
];

function moveLoad(word: number, target: bigint, place: Place): number[] {
  const distance = target - place.at;
  if (fits(distance, 21)) return [withField(word, 5, 19, distance)];
  const t = word & 31;
  const kind = (((word >>> 26) & 1) << 2) | (word >>> 30);
  const setsGeneralRegister = kind < 3 && t !== ZERO_REGISTER;
  const base = setsGeneralRegister ? t : scratchFor(place);
  return [...loadAddress(base, target, place), (LOADS[kind]! | (base << 5) | t) >>> 0];
}

/** The same branch; or the inverse one, over a jump. */
function moveBranch(word: number, bits: 14 | 19 | 26, target: bigint, place: Place): number[] {
  if (bits === 26 || isAlways(word)) return jump(target, place);
  const distance = target - place.at;
  if (fits(distance, bits + 2)) return [withField(word, 5, bits, distance)];
  const there = jump(target, { ...place, at: place.at + BigInt(LENGTH) });
  return [withField(inverse(word), 5, bits, BigInt(LENGTH * (1 + there.length))), ...there];
}

/** B.cond whose condition, 14 or 15, always holds. */
function isAlways(word: number): boolean {
  return word >>> 24 === 0x54 && (word & 14) === 14;
}

/** Of a condition, the lowest bit; of CBZ and TBZ, that which makes them CBNZ and TBNZ. */
function inverse(word: number): number {
  return word ^ (word >>> 24 === 0x54 ? 1 : 1 << 24);
}

/** B; or BR by x16, whose value stands behind. */
function jump(target: bigint, place: Place): number[] {
  const distance = target - place.at;
  if (fits(distance, 28)) return [withField(0x1400_0000, 0, 26, distance)];
  const ldrOverOne = 0x5800_0040 | scratchFor(place);
  return [ldrOverOne, BR_SCRATCH, ...[target, target >> 32n].map((half) => Number(BigInt.asUintN(32, half)))];
}

/** Puts a distance in bytes, a multiple of 4, where an instruction has it in words. */
function withField(word: number, shift: number, bits: number, distance: bigint): number {
  const mask = (2 ** bits - 1) << shift;
  return ((word & ~mask) | ((Number(BigInt.asUintN(bits, distance >> 2n)) << shift) & mask)) >>> 0;
}
