/**
 * Finds the places of an image where system calls that matter are made, and which of them can be patched: an
 * instruction of exactly five bytes before the `syscall`, in the same straight line, makes room for a jump. Nobody can
 * stand inside it, and nobody jumps there. What stands between the two is moved.
 *
 * Nothing here can make a patch unsafe but the boundaries of instructions: they come from the function's start, and from
 * there on linearly (compilers put no data between their code). Branches that were overlooked would make a call that
 * nobody has translated.
 */
import type { CodeImage, FunctionRange, GappedImage } from "../elf/functions.ts";
import type { Instruction } from "../machine/x86_64/instruction.ts";
import { ARGUMENTS, Liveness } from "../machine/x86_64/liveness.ts";
import { RAX, registerUse } from "../machine/x86_64/registers.ts";
import { Body } from "./body.ts";
import { CodeReader, piecesOf } from "./code.ts";
import { candidates, REACH } from "./scan.ts";
import { isImmediate, timeArgument } from "./table.ts";
import { CONTEXT, isLikely, knownFunctionAt, likelyStart } from "./unbounded.ts";
import { fallsThrough, type Values, valuesBefore, valuesByBranch } from "./values.ts";

/** A place where a system call is made that can be patched. Addresses are link-time addresses of its image. */
export interface CallSite {
  /** Of the instruction of five bytes that a jump will replace. */
  readonly patch: number;
  /** The instructions from there up to the syscall instruction, which follows them. */
  readonly moved: Uint8Array;
  /** The system call's number; undefined: it is in a register, known only when the call is made. */
  readonly number: number | undefined;
  /** Bit n: argument register n (rdi rsi rdx r10 r8 r9) is read by nobody after the call. */
  readonly free: number;
  /** Name of the function, if it has one. */
  readonly function: string | undefined;
}

/** One that cannot, and why; `at` is the syscall instruction. */
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
 * @param wanted numbers of system calls. One that is certainly made with NULL for a time (table.ts) is passed over:
 *   there is nothing to translate in it.
 */
export function findCalls(image: SearchedImage, wanted: ReadonlySet<number>): Calls {
  const finder = new Finder(image, wanted);
  for (const segment of image.code) {
    for (const { address, bytes, fresh } of piecesOf(image, segment, REACH)) {
      for (const offset of candidates(bytes, fresh, wanted)) {
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
const PATCH_LENGTH = 5;
const SYSCALL_LENGTH = 2;
/** Instructions between a patch and its `syscall`. */
const MAX_MOVED = 16;

class Finder implements Calls {
  readonly sites: CallSite[] = [];
  readonly unproved: Unproved[] = [];
  readonly #image: SearchedImage;
  readonly #wanted: ReadonlySet<number>;
  readonly #liveness: Liveness;
  readonly #bodies = new Map<number, Body>();
  #last: Range | undefined;
  #examined = 0;

  constructor(image: SearchedImage, wanted: ReadonlySet<number>) {
    this.#image = image;
    this.#wanted = wanted;
    const reader = new CodeReader(image);
    this.#liveness = new Liveness((address) => reader.at(address));
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
    else if (index !== undefined) this.#examineIn({ at, body, index, range });
    else if (!body.isKnownTo(offset)) this.#examineAlone(at, range, "an unknown instruction before it");
  }

  #rangeAt(at: number): Range | undefined {
    if (this.#last !== undefined && at >= this.#last.start && at < this.#last.end) return this.#last;
    const single = this.#image.functionAt(at) ?? knownFunctionAt(this.#image, at);
    const gap = single === undefined ? this.#image.gapAt?.(at) : undefined;
    if (single !== undefined) this.#last = { start: single.start, end: single.end, function: single };
    else this.#last = gap && { start: gap.start, end: gap.end, function: undefined };
    return this.#last;
  }

  #examineIn(call: BoundedCall): void {
    const number = numberSetBefore(call);
    if (number !== undefined) this.#pair(call, number);
    else this.#apart(call);
  }

  /** Where the instructions that make the call begin can only be guessed. */
  #examineAlone(at: number, range: Range | undefined, why: string): void {
    const segment = this.#image.code.find(({ vaddr, size }) => at >= vaddr && at < vaddr + size)!;
    const start = Math.max(segment.vaddr, at - CONTEXT);
    const code = this.#image.bytes(start, at + SYSCALL_LENGTH - start);
    if (code === undefined || !isLikely(code, at - start)) return;
    const likely = likelyStart(code, at - start);
    const body = new Body(code.subarray(likely), false);
    const call = { at, body, index: body.indexAt(at - start - likely)!, range };
    const values = valuesBefore(body, call.index, RAX);
    if (!this.#concerns(values) || isTimeless(call, single(values))) return;
    this.#refuse(call, this.#likely(values), why);
  }

  /** The number is set right before the `syscall`. */
  #pair(call: BoundedCall, number: number): void {
    const { body, index, range } = call;
    // Whoever comes from elsewhere is not translated, but not harmed either.
    const others = valuesByBranch(body, index, RAX);
    if (this.#concerns(others))
      this.#refuse(call, this.#likely(others), "a branch leads there past the number");
    if (!this.#wanted.has(number) || isTimeless(call, number)) return;
    const before = crossesPage(range, body.instruction(index - 1)) ? straightLine(call).line : [];
    if (!this.#take(call, number, [index - 1, ...before])) this.#refuse(call, number, "crosses a page");
  }

  #apart(call: BoundedCall): void {
    const values = valuesBefore(call.body, call.index, RAX);
    const number = single(values);
    if (!this.#concerns(values) || isTimeless(call, number)) return;
    const { line, why } = straightLine(call);
    if (this.#take(call, number, line)) return;
    const isThere = line.some((each) => call.body.instruction(each).length === PATCH_LENGTH);
    this.#refuse(call, this.#likely(values), isThere ? "crosses a page" : why);
  }

  /** Patches the best instruction of a straight line before the call; false if there is none. */
  #take(call: BoundedCall, number: number | undefined, line: readonly number[]): boolean {
    const { at, body, index, range } = call;
    const fitting = line.filter((each) => {
      const instruction = body.instruction(each);
      return instruction.length === PATCH_LENGTH && !crossesPage(range, instruction);
    });
    const best = fitting.find((each) => isNumber(body.instruction(each))) ?? fitting[0];
    if (best === undefined) return false;
    const { offset } = body.instruction(best);
    this.sites.push({
      patch: range.start + offset,
      moved: Uint8Array.from(body.code.subarray(offset, body.instruction(index).offset)),
      number,
      free: this.#liveness.freeAfter(at + SYSCALL_LENGTH, (registers) => changedBy(call, registers)),
      function: range.function?.name,
    });
    return true;
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
    const body = new Body(code, range.function !== undefined);
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

/** A `syscall` instruction: its address, and its index in the function. */
interface Call {
  readonly at: number;
  readonly body: Body;
  readonly index: number;
  readonly range: Range | undefined;
}

interface BoundedCall extends Call {
  readonly range: Range;
}

/** mov eax, imm32 */
function isNumber({ map, opcode, length }: Instruction): boolean {
  return map === "" && opcode === 0xb8 && length === PATCH_LENGTH;
}

function numberSetBefore({ body, index }: Call): number | undefined {
  const before = index === 0 ? undefined : body.instruction(index - 1);
  if (before === undefined || !isNumber(before)) return undefined;
  return new DataView(body.code.buffer, body.code.byteOffset + before.offset + 1, 4).getInt32(0, true);
}

/** The instructions before the call, the nearest first, that are always followed by all the others up to it. */
function straightLine({ body, index }: Call): { line: number[]; why: string } {
  const line: number[] = [];
  for (let each = index - 1; each >= 0 && line.length < MAX_MOVED; each -= 1) {
    const branches = body.branchesTo(body.instruction(each + 1).offset);
    if (branches === undefined) return { line, why: "an unknown instruction in its function" };
    if (branches.length > 0) return { line, why: "a branch leads in between" };
    if (body.instruction(each).flow !== "next") break;
    line.push(each);
  }
  return { line, why: "no instruction of five bytes before it" };
}

function crossesPage({ start }: Range, { offset }: Instruction): boolean {
  return ((start + offset) % PAGE) + PATCH_LENGTH > PAGE;
}

/** Whether a call is made without a time, whoever makes it. */
function isTimeless({ body, index }: Call, number: number | undefined): boolean {
  const time = number === undefined ? undefined : timeArgument(number);
  if (time === undefined) return false;
  const isAlways = (argument: number, holds: (value: number) => boolean) => {
    const { constants, open } = valuesBefore(body, index, ARGUMENTS[argument]!);
    return !open && [...constants].every(holds);
  };
  return isAlways(time, (value) => value === 0) || isAlways(1, (value) => isImmediate(number!, value));
}

/** Those of the registers that the call's function changes somewhere. */
function changedBy({ body, index }: Call, registers: number): number {
  let changed = 0;
  for (const instruction of body.isSingle ? body.instructions() : instructionsBefore(body, index)) {
    changed |= registerUse(body.code, instruction)?.changes ?? 0;
    if ((registers & ~changed) === 0) break;
  }
  return changed;
}

/** Those that are in the same function for certain: a jump or a return ends one, and so may a call. */
function* instructionsBefore(body: Body, index: number): Generator<Instruction> {
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
