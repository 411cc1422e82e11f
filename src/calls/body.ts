/**
 * The instructions of a function, or of several, decoded from the start as far as somebody asks for them.
 */
import { decodeIfKnown } from "../machine/x86_64/decode.ts";
import type { Instruction } from "../machine/x86_64/instruction.ts";

/** Branches to one place. */
const MAX_BRANCHES = 64;

export class Body {
  readonly code: Uint8Array;
  /** Whether it is a single function, which others enter at its first byte only. */
  readonly isSingle: boolean;
  readonly #instructions: Instruction[] = [];
  readonly #indices = new Map<number, number>();
  #decoded = 0;
  #ends: ReadonlyMap<number, readonly number[]> | undefined;

  /** @param code begins with an instruction; all offsets count from there */
  constructor(code: Uint8Array, isSingle: boolean) {
    this.code = code;
    this.isSingle = isSingle;
  }

  /** Index of the instruction that starts at an offset; undefined if none does, or one before it is unknown. */
  indexAt(offset: number): number | undefined {
    this.#decodeBeyond(offset);
    return this.#indices.get(offset);
  }

  /** One that indexAt() has found or passed. */
  instruction(index: number): Instruction {
    return this.#instructions[index]!;
  }

  /** All of them, up to the first one that is unknown. */
  *instructions(): Generator<Instruction> {
    for (let index = 0; ; index += 1) {
      if (index === this.#instructions.length) this.#decodeBeyond(this.#decoded);
      const instruction = this.#instructions[index];
      if (instruction === undefined) return;
      yield instruction;
    }
  }

  /** Whether the decoder knows every instruction before an offset. */
  isKnownTo(offset: number): boolean {
    this.#decodeBeyond(offset - 1);
    return this.#decoded >= offset;
  }

  /**
   * The indices of the branches in it that lead to an offset; undefined if an instruction is unknown that
   * may be one, or where there are too many. (An indirect jump names no targets, and what the compiler has moved elsewhere is not seen.)
   */
  branchesTo(offset: number): readonly number[] | undefined {
    this.#ends ??= branchEnds(this.code);
    const ends = this.#ends.get(offset) ?? [];
    if (ends.length > MAX_BRANCHES) return undefined;
    const branches: number[] = [];
    for (const end of ends) {
      if (!this.isKnownTo(end)) return undefined;
      const index = this.#indexBefore(end);
      const branch = index === undefined ? undefined : this.#instructions[index]!.branch;
      if (branch?.target === offset && branch.kind !== "call") branches.push(index!);
    }
    return branches;
  }

  /** Index of the instruction that ends at an offset. */
  #indexBefore(end: number): number | undefined {
    if (end === this.#decoded) return this.#instructions.length - 1;
    const next = this.#indices.get(end);
    return next === undefined ? undefined : next - 1;
  }

  #decodeBeyond(offset: number): void {
    while (this.#decoded <= offset && this.#decoded < this.code.length) {
      const instruction = decodeIfKnown(this.code, this.#decoded);
      if (instruction === undefined) return;
      this.#indices.set(this.#decoded, this.#instructions.length);
      this.#instructions.push(instruction);
      this.#decoded += instruction.length;
    }
  }
}

/**
 * Where the bytes of branches end, by the offset in `code` that they lead to, whether or not an instruction begins with
 * them. This takes a fraction of what decoding takes, and to most instructions no bytes lead.
 */
function branchEnds(code: Uint8Array): ReadonlyMap<number, readonly number[]> {
  const ends = new Map<number, number[]>();
  for (let at = 0; at < code.length; at += 1) {
    const end = at + branchLength(code[at]!, code[at + 1]!);
    if (end === at || end > code.length) continue;
    const target = end + displacement(code, end, end - at === 2);
    if (target < 0 || target >= code.length) continue;
    const others = ends.get(target);
    if (others === undefined) ends.set(target, [end]);
    // Hostile code may have any number.
    else if (others.length <= MAX_BRANCHES) others.push(end);
  }
  return ends;
}

/** Of Jcc, LOOP, JRCXZ, JMP and XBEGIN, without prefixes; 0 for anything else. */
function branchLength(first: number, second: number): number {
  if ((first & 0xf0) === 0x70 || (first & 0xfc) === 0xe0 || first === 0xeb) return 2;
  if (first === 0xe9) return 5;
  if (first === 0x0f && (second & 0xf0) === 0x80) return 6;
  return first === 0xc7 && second === 0xf8 ? 6 : 0;
}

function displacement(code: Uint8Array, end: number, isShort: boolean): number {
  const high = code[end - 1]! << 24;
  return isShort ? high >> 24 : high | (code[end - 2]! << 16) | (code[end - 3]! << 8) | code[end - 4]!;
}
