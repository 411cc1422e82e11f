/**
 * The constants that a register can hold before an instruction, found backwards along all paths that lead there.
 */
import type { Instruction } from "../machine/x86_64/instruction.ts";
import { RAX, RCX, RDX, registerUse } from "../machine/x86_64/registers.ts";
import type { Body } from "./body.ts";

export interface Values {
  readonly constants: ReadonlySet<number>;
  /** Whether there may be other values. */
  readonly open: boolean;
}

/** Instructions to look at for one answer. */
const LIMIT = 1000;
const R11 = 1 << 11;

/**
 * What an instruction makes of a register: a constant, a copy of another register as it was before, the same as it
 * was before, or something else.
 */
type Effect = { readonly constant: number } | { readonly source: number } | "unknown";

/**
 * @param index of an instruction that the body knows
 * @param register one bit, as in registers.ts
 */
export function valuesBefore(body: Body, index: number, register: number): Values {
  return follow(body, [{ index, register }]);
}

/** The same on the paths that are seen to reach the instruction by a branch, and not from the one before it. */
export function valuesByBranch(body: Body, index: number, register: number): Values {
  const sources = branchesTo(body, index) ?? [];
  return follow(
    body,
    sources.map((source) => ({ index: source, register })),
  );
}

interface Question {
  readonly index: number;
  readonly register: number;
}

function follow(body: Body, questions: Question[]): Values {
  const constants = new Set<number>();
  const asked = new Set<number>();
  let open = false;
  for (let question = questions.pop(); question !== undefined; question = questions.pop()) {
    const { index, register } = question;
    const key = index * 0x1_0000 + register;
    if (asked.has(key)) continue;
    asked.add(key);
    if (asked.size > LIMIT) return { constants, open: true };
    const { seen, isAll } = predecessors(body, index);
    if (!isAll) open = true;
    for (const previous of seen) {
      const effect = effectOn(body, body.instruction(previous), register);
      if (effect === "unknown") open = true;
      else if ("constant" in effect) constants.add(effect.constant);
      else questions.push({ index: previous, register: effect.source });
    }
  }
  return { constants, open };
}

/** The instructions that are carried out right before one. */
interface Predecessors {
  readonly seen: readonly number[];
  /** False if something unseen may lead there: a caller, an indirect jump, an exception. */
  readonly isAll: boolean;
}

function predecessors(body: Body, index: number): Predecessors {
  const branches = branchesTo(body, index);
  const seen = branches ?? [];
  if (index === 0) return { seen, isAll: false };
  if (fallsThrough(body.instruction(index - 1)) && !isPadding(body, index - 1)) {
    return { seen: [...seen, index - 1], isAll: branches !== undefined };
  }
  // Among several functions, this may be the first instruction of one; others may jump there as well.
  return { seen, isAll: seen.length > 0 && body.isSingle };
}

/** Whether an instruction only fills the space behind one that leads elsewhere. */
function isPadding(body: Body, index: number): boolean {
  for (let each = index; each > 0 && isNop(body.instruction(each)); each -= 1) {
    if (branchesTo(body, each)?.length !== 0) return false;
    if (!fallsThrough(body.instruction(each - 1))) return true;
  }
  return false;
}

function branchesTo(body: Body, index: number): readonly number[] | undefined {
  return body.branchesTo(body.instruction(index).offset);
}

function isNop({ map, opcode }: Instruction): boolean {
  return (map === "" && opcode === 0x90) || (map === "0f" && opcode === 0x1f);
}

export function fallsThrough({ flow }: Instruction): boolean {
  return flow === "next" || flow === "conditional" || flow === "call" || flow === "syscall";
}

function effectOn(body: Body, instruction: Instruction, register: number): Effect {
  const { flow } = instruction;
  const same = { source: register };
  if (flow === "jump") return same;
  // Code that reads a register which a call may have changed knows that it has not, or that it does not return.
  if (flow === "call") return (register & (RAX | RDX)) === 0 ? same : "unknown";
  if (flow === "syscall") return (register & (RAX | RCX | R11)) === 0 ? same : "unknown";
  const use = registerUse(body.code, instruction);
  if (use === undefined) return "unknown";
  if ((use.changes & register) === 0) return same;
  return (use.writes & register) === 0 ? "unknown" : assigned(body.code, instruction, use.reads);
}

/** What one of the simplest instructions writes. */
function assigned(code: Uint8Array, instruction: Instruction, reads: number): Effect {
  const { map, opcode, modrm = 0, offset, immediate } = instruction;
  if (map !== "") return "unknown";
  if (((opcode & 0xf8) === 0xb8 || opcode === 0xc7) && immediate?.size === 4) {
    const view = new DataView(code.buffer, code.byteOffset + offset + immediate.index, 4);
    return { constant: view.getInt32(0, true) };
  }
  if ((opcode === 0x89 || opcode === 0x8b) && modrm >= 0xc0) return { source: reads };
  // xor and sub of a register and itself: all others read it.
  return reads === 0 && opcode >= 0x28 && opcode <= 0x33 ? { constant: 0 } : "unknown";
}
