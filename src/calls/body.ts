/**
 * The instructions of a function, or of several, decoded from the start as far as somebody asks for them.
 */
import type { CallMachine, CodeInstruction } from "../machine/calls.ts";

/** Branches to one place. */
const MAX_BRANCHES = 64;

export class Body {
  readonly machine: CallMachine;
  readonly code: Uint8Array;
  /** Whether it is a single function, which others enter at its first byte only. */
  readonly isSingle: boolean;
  readonly #instructions: CodeInstruction[] = [];
  readonly #indices = new Map<number, number>();
  #decoded = 0;
  /** Where the first word is that is no instruction, among others that are. */
  #firstUnknown = Number.POSITIVE_INFINITY;
  #ends: ReadonlyMap<number, readonly number[]> | undefined;

  /** @param code begins with an instruction; all offsets count from there */
  constructor(machine: CallMachine, code: Uint8Array, isSingle: boolean) {
    this.machine = machine;
    this.code = code;
    this.isSingle = isSingle;
  }

  /** Index of the instruction that starts at an offset; undefined if none does, or one before it is unknown. */
  indexAt(offset: number): number | undefined {
    this.#decodeBeyond(offset);
    return this.#indices.get(offset);
  }

  /** One that indexAt() has found or passed. */
  instruction(index: number): CodeInstruction {
    return this.#instructions[index]!;
  }

  /** All of them, up to the first one that is unknown. */
  *instructions(): Generator<CodeInstruction> {
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
    return this.#decoded >= offset && this.#firstUnknown >= offset;
  }

  /**
   * The indices of the branches in it that lead to an offset; undefined if an instruction is unknown that
   * may be one, or where there are too many. (An indirect jump names no targets, and what the compiler has moved elsewhere is not seen.)
   */
  branchesTo(offset: number): readonly number[] | undefined {
    this.#ends ??= branchEnds(this.machine, this.code);
    const ends = this.#ends.get(offset) ?? [];
    if (ends.length > MAX_BRANCHES) return undefined;
    const branches: number[] = [];
    for (const end of ends) {
      this.#decodeBeyond(end - 1);
      if (this.#decoded < end) return undefined;
      const index = this.#indexBefore(end);
      const { branch, flow } = this.#instructions[index ?? -1] ?? {};
      if (branch?.target === offset && flow !== "call") branches.push(index!);
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
      const instruction = this.machine.decode(this.code, this.#decoded);
      if (instruction === undefined) return;
      this.#indices.set(this.#decoded, this.#instructions.length);
      this.#instructions.push(instruction);
      if (instruction.flow === "unknown") this.#firstUnknown = Math.min(this.#firstUnknown, this.#decoded);
      this.#decoded += instruction.length;
    }
  }
}

/**
 * Where the bytes of branches end, by the offset in `code` that they lead to, whether or not an instruction begins with
 * them: to most instructions no bytes lead.
 */
function branchEnds(machine: CallMachine, code: Uint8Array): ReadonlyMap<number, readonly number[]> {
  const ends = new Map<number, number[]>();
  machine.looseBranches(code, (end, target) => {
    if (target < 0 || target >= code.length) return;
    const others = ends.get(target);
    if (others === undefined) ends.set(target, [end]);
    // Hostile code may have any number.
    else if (others.length <= MAX_BRANCHES) others.push(end);
  });
  return ends;
}
