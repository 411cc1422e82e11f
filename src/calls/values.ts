/**
 * The constants that a register can hold before an instruction, found backwards along all paths that lead there.
 */
import type { CodeInstruction, Effect } from "../machine/calls.ts";
import type { Body } from "./body.ts";

export interface Values {
  readonly constants: ReadonlySet<number>;
  /** Whether there may be other values. */
  readonly open: boolean;
}

/** Instructions to look at for one answer. */
const LIMIT = 1000;
/** Above the bits of all registers. */
const REGISTERS = 2 ** 31;

/**
 * @param index of an instruction that the body knows
 * @param register one bit
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
    const key = index * REGISTERS + register;
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
  if (index === 0 || body.instruction(index - 1).flow === "unknown") return { seen, isAll: false };
  if (fallsThrough(body.instruction(index - 1)) && !isPadding(body, index - 1)) {
    return { seen: [...seen, index - 1], isAll: branches !== undefined };
  }
  // Among several functions, this may be the first instruction of one; others may jump there as well.
  return { seen, isAll: seen.length > 0 && body.isSingle };
}

/** Whether an instruction only fills the space behind one that leads elsewhere. */
function isPadding(body: Body, index: number): boolean {
  for (let each = index; each > 0 && isNop(body, each); each -= 1) {
    if (branchesTo(body, each)?.length !== 0) return false;
    if (!fallsThrough(body.instruction(each - 1))) return true;
  }
  return false;
}

function branchesTo(body: Body, index: number): readonly number[] | undefined {
  return body.branchesTo(body.instruction(index).offset);
}

function isNop(body: Body, index: number): boolean {
  return body.machine.isNop(body.code, body.instruction(index));
}

export function fallsThrough({ flow }: CodeInstruction): boolean {
  return flow === "next" || flow === "conditional" || flow === "call" || flow === "syscall";
}

function effectOn({ machine, code }: Body, instruction: CodeInstruction, register: number): Effect {
  const { flow } = instruction;
  const unless = (changed: number): Effect => ((register & changed) === 0 ? { source: register } : "unknown");
  if (flow === "jump") return unless(0);
  // Code that reads a register which a call may have changed knows that it has not, or that it does not return.
  if (flow === "call") return unless(machine.functionResults);
  if (flow === "syscall") return unless(machine.callResults);
  return machine.effect(code, instruction, register);
}
