/**
 * Finds the places of an image where system calls that matter are made, and which of them can be patched: one
 * instruction before the call, in the same straight line, makes room for a jump (five bytes on x86-64, four on aarch64,
 * where each has as many). Nobody can stand inside it, and nobody jumps there. What stands between the two is moved.
 *
 * Nothing here can make a patch unsafe but the boundaries of instructions: they come from the function's start, and from
 * there on linearly (compilers put no data between their code). Branches that were overlooked would make a call that
 * nobody has translated.
 */
import type { CodeImage, FunctionRange, GappedImage } from "../elf/functions.ts";
import type { CallMachine, CodeInstruction } from "../machine/calls.ts";
import { Body } from "./body.ts";
import { CodeReader, piecesOf } from "./code.ts";
import { knownFunctionAt } from "./known.ts";
import { Liveness } from "./liveness.ts";
import { tableOf } from "./table.ts";
import { fallsThrough, type Values, valuesBefore, valuesByBranch } from "./values.ts";

/** A place where a system call is made that can be patched. Addresses are link-time addresses of its image. */
export interface CallSite {
  /** Of the instruction that a jump will replace. */
  readonly patch: number;
  /** The instructions from there up to the one that makes the call; or the one from there that branches to it. */
  readonly moved: Uint8Array;
  /** Of the instruction that makes the call. */
  readonly call: number;
  /** The system call's number; undefined: it is in a register, known only when the call is made. */
  readonly number: number | undefined;
  /** Bit n: argument register n of the system call is read by nobody after the call. */
  readonly free: number;
  /** Name of the function, if it has one. */
  readonly function: string | undefined;
}

/** One that cannot, and why; `at` is the instruction that makes the call. */
export interface Unproved {
  readonly at: number;
  readonly number: number | undefined;
  readonly why: string;
  readonly function: string | undefined;
}

export interface Calls {
  readonly sites: readonly CallSite[];
  readonly unproved: readonly Unproved[];
}

/** With the gaps between its functions, if these are known. */
export type SearchedImage = CodeImage & Partial<Pick<GappedImage, "gapAt">>;

/**
 * @param machine of the image's code
 * @param wanted numbers of system calls. One that is certainly made with NULL for a time (table.ts) is passed over:
 *   there is nothing to translate in it.
 */
export function findCalls(machine: CallMachine, image: SearchedImage, wanted: ReadonlySet<number>): Calls {
  const finder = new Finder(machine, image, wanted);
  for (const segment of image.code) {
    for (const { address, bytes, fresh } of piecesOf(image, segment, machine.context)) {
      for (const offset of machine.candidates(bytes, address, fresh, wanted)) {
        if (finder.isFull) return finder;
        finder.examine(address + offset);
      }
    }
  }
  return finder;
}

/** More than any function has in which a compiler would put a system call. */
const MAX_FUNCTION = 1 << 20;
/** Places to look at closely: a C library has about 100. */
const MAX_CANDIDATES = 4096;
const PAGE = 4096;
/** Instructions between a patch and its system call. */
const MAX_MOVED = 16;
/** How far back what makes a call may begin where nothing tells it. */
const CONTEXT = 128;

class Finder implements Calls {
  readonly sites: CallSite[] = [];
  readonly unproved: Unproved[] = [];
  readonly #machine: CallMachine;
  readonly #image: SearchedImage;
  readonly #wanted: ReadonlySet<number>;
  readonly #liveness: Liveness;
  readonly #bodies = new Map<number, Body>();
  #last: Range | undefined;
  #examined = 0;

  constructor(machine: CallMachine, image: SearchedImage, wanted: ReadonlySet<number>) {
    this.#machine = machine;
    this.#image = image;
    this.#wanted = wanted;
    const reader = new CodeReader(image, machine.longest);
    this.#liveness = new Liveness(machine, (address) => reader.at(address));
  }

  /** Hostile code may have millions of system calls. */
  get isFull(): boolean {
    return this.#examined === MAX_CANDIDATES;
  }

  examine(at: number): void {
    this.#examined += 1;
    const range = this.#rangeAt(at);
    const body = range && this.#bodyOf(range);
    const offset = at - (range?.start ?? 0);
    const index = body?.indexAt(offset);
    if (this.isFull) this.#refuse({ at, range }, undefined, "too many system calls before it");
    else if (range === undefined) this.#examineAlone(at, range, "no function bounds");
    else if (body === undefined)
      this.#examineAlone(at, range, "too far from where a function is known to begin");
    else if (index !== undefined && (body.isSingle || body.isKnownTo(offset)))
      this.#examineIn({ at, body, index, range });
    else if (!body.isKnownTo(offset)) this.#examineAlone(at, range, "an unknown instruction before it");
  }

  #rangeAt(at: number): Range | undefined {
    if (this.#last !== undefined && at >= this.#last.start && at < this.#last.end) return this.#last;
    const single =
      this.#image.functionAt(at) ?? knownFunctionAt(this.#image, this.#machine.knownFunctions, at);
    const gap = single === undefined ? this.#image.gapAt?.(at) : undefined;
    if (single !== undefined) this.#last = { start: single.start, end: single.end, function: single };
    else this.#last = gap && { start: gap.start, end: gap.end, function: undefined };
    return this.#last;
  }

  #examineIn(call: BoundedCall): void {
    if (this.#machine.uniform) this.#takeBranches(call);
    const number = numberSet(call.body, call.index - 1);
    if (number !== undefined) this.#pair(call, number);
    else this.#apart(call);
  }

  /** Where the instructions that make the call begin can only be guessed. */
  #examineAlone(at: number, range: Range | undefined, why: string): void {
    const segment = this.#image.code.find(({ vaddr, size }) => at >= vaddr && at < vaddr + size)!;
    const start = Math.max(segment.vaddr, at - CONTEXT);
    const code = this.#image.bytes(start, at + this.#machine.call.length - start);
    if (code === undefined || !this.#machine.isLikely(code, at - start)) return;
    const likely = this.#machine.likelyStart(code, at - start);
    const body = new Body(this.#machine, code.subarray(likely), false);
    const call = { at, body, index: body.indexAt(at - start - likely)!, range };
    const values = valuesBefore(body, call.index, this.#machine.number);
    if (!this.#concerns(values) || isTimeless(call, single(values))) return;
    this.#refuse(call, this.#likely(values), why);
  }

  /** Patches the branches that lead to the call. */
  #takeBranches(call: BoundedCall): void {
    for (const index of call.body.branchesTo(call.body.instruction(call.index).offset) ?? []) {
      const values = valuesBefore(call.body, index, this.#machine.number);
      const number = single(values);
      if (this.#concerns(values) && !isTimeless({ ...call, index }, number))
        this.#add(call, number, index, index + 1);
    }
  }

  /** The number is set right before the call. */
  #pair(call: BoundedCall, number: number): void {
    const { body, index, range } = call;
    // Whoever comes from elsewhere is not translated, but not harmed either.
    const others = valuesByBranch(body, index, this.#machine.number);
    if (!this.#machine.uniform && this.#concerns(others))
      this.#refuse(call, this.#likely(others), "a branch leads there past the number");
    if (!this.#wanted.has(number) || isTimeless(call, number)) return;
    const before = this.#crossesPage(range, body.instruction(index - 1)) ? straightLine(call).line : [];
    if (!this.#take(call, number, [index - 1, ...before])) this.#refuse(call, number, "crosses a page");
  }

  #apart(call: BoundedCall): void {
    const values = valuesBefore(call.body, call.index, this.#machine.number);
    const number = single(values);
    if (!this.#concerns(values) || isTimeless(call, number)) return;
    const { line, why } = straightLine(call);
    if (this.#take(call, number, line) || isEnteredByBranches(call)) return;
    const isThere = line.some((each) => call.body.instruction(each).length === this.#machine.replaced);
    this.#refuse(call, this.#likely(values), isThere ? "crosses a page" : why);
  }

  /** Patches the best instruction of a straight line before the call; false if there is none. */
  #take(call: BoundedCall, number: number | undefined, line: readonly number[]): boolean {
    const { body, index, range } = call;
    const fitting = line.filter((each) => {
      const instruction = body.instruction(each);
      return instruction.length === this.#machine.replaced && !this.#crossesPage(range, instruction);
    });
    const nearest = fitting[0];
    if (nearest === undefined) return false;
    const numbers = this.#machine.uniform
      ? []
      : fitting.filter((each) => numberSet(body, each) !== undefined);
    this.#add(call, number, numbers[0] ?? nearest, index);
    return true;
  }

  /** Patches an instruction, which moves with those behind it up to another one. */
  #add(call: BoundedCall, number: number | undefined, first: number, end: number): void {
    const { at, body, range } = call;
    const { offset } = body.instruction(first);
    const last = body.instruction(end - 1);
    this.sites.push({
      patch: range.start + offset,
      moved: Uint8Array.from(body.code.subarray(offset, last.offset + last.length)),
      call: at,
      number,
      free: this.#liveness.freeAfter(at + this.#machine.call.length, (registers) =>
        changedBy(call, registers),
      ),
      function: range.function?.name,
    });
  }

  #crossesPage({ start }: Range, { offset }: CodeInstruction): boolean {
    return ((start + offset) % PAGE) + this.#machine.replaced > PAGE;
  }

  #refuse({ at, range }: Pick<Call, "at" | "range">, number: number | undefined, why: string): void {
    this.unproved.push({ at, number, why, function: range?.function?.name });
  }

  /** The only one of the wanted numbers that is seen. */
  #likely({ constants }: Values): number | undefined {
    const [number, second] = [...constants].filter((each) => this.#wanted.has(each));
    return second === undefined ? number : undefined;
  }

  #concerns({ constants, open }: Values): boolean {
    return open || [...constants].some((number) => this.#wanted.has(number));
  }

  #bodyOf(range: Range): Body | undefined {
    const { start, end } = range;
    const known = this.#bodies.get(start);
    if (known !== undefined || end - start > MAX_FUNCTION) return known;
    const code = this.#image.bytes(start, end - start);
    if (code === undefined) return undefined;
    const body = new Body(this.#machine, code, range.function !== undefined);
    this.#bodies.set(start, body);
    return body;
  }
}

/** Where instructions begin: a function, or what no table knows of, functions and padding. */
interface Range {
  readonly start: number;
  readonly end: number;
  readonly function: FunctionRange | undefined;
}

/** An instruction that makes a system call: its address, and its index in the function. */
interface Call {
  readonly at: number;
  readonly body: Body;
  readonly index: number;
  readonly range: Range | undefined;
}

interface BoundedCall extends Call {
  readonly range: Range;
}

function numberSet(body: Body, index: number): number | undefined {
  return index < 0 ? undefined : body.machine.numberSet(body.code, body.instruction(index));
}

/** The instructions before the call, the nearest first, that are always followed by all the others up to it. */
function straightLine({ body, index }: Call): { line: number[]; why: string } {
  const line: number[] = [];
  for (let each = index - 1; each >= 0 && line.length < MAX_MOVED; each -= 1) {
    const branches = body.branchesTo(body.instruction(each + 1).offset);
    if (branches === undefined) return { line, why: "an unknown instruction in its function" };
    // Branches to the call itself are patched where any instruction can be.
    const isHarmless = body.machine.uniform && each + 1 === index;
    if (branches.length > 0 && !isHarmless) return { line, why: "a branch leads in between" };
    if (!body.machine.isMovable(body.code, body.instruction(each))) break;
    line.push(each);
  }
  return { line, why: body.machine.noneToReplace };
}

/**
 * Whether only branches lead to a system call, which are patched themselves. A call that stands before it does not return:
 * it would change the arguments.
 */
function isEnteredByBranches({ body, index }: Call): boolean {
  const before = index > 0 && body.instruction(index - 1);
  if (!body.machine.uniform || !before || (fallsThrough(before) && before.flow !== "call")) return false;
  return body.branchesTo(body.instruction(index).offset)?.length !== 0;
}

/** Whether a call is made without a time, whoever makes it. */
function isTimeless({ body, index }: Call, number: number | undefined): boolean {
  const { machine } = body;
  const table = tableOf(machine);
  const time = number === undefined ? undefined : table.timeArgument(number);
  if (time === undefined) return false;
  const isAlways = (argument: number, holds: (value: number) => boolean) => {
    const { constants, open } = valuesBefore(body, index, machine.arguments[argument]!);
    return !open && [...constants].every(holds);
  };
  return isAlways(time, (value) => value === 0) || isAlways(1, (value) => table.isImmediate(number!, value));
}

/** Those of the registers that the call's function changes somewhere. */
function changedBy({ body, index }: Call, registers: number): number {
  let changed = 0;
  for (const instruction of body.isSingle ? body.instructions() : instructionsBefore(body, index)) {
    changed |= body.machine.registerUse(body.code, instruction)?.changes ?? 0;
    if ((registers & ~changed) === 0) break;
  }
  return changed;
}

/** Those that are in the same function for certain: a jump or a return ends one, and so may a call. */
function* instructionsBefore(body: Body, index: number): Generator<CodeInstruction> {
  for (let each = index - 1; each >= 0; each -= 1) {
    const instruction = body.instruction(each);
    if (!fallsThrough(instruction) || instruction.flow === "call") return;
    yield instruction;
  }
}

function single({ constants, open }: Values): number | undefined {
  const [value] = constants;
  return open || constants.size !== 1 ? undefined : value;
}
