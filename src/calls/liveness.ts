/**
 * Which of a system call's argument registers nobody reads after it: these may come back changed. Whoever compiles
 * code takes them for unchanged, because the kernel keeps them.
 *
 * Every path from behind the call is followed until the register is overwritten, or read, or the function returns. What
 * that rests on:
 *   - The calling convention of C: none of the six belongs to the caller, and the one that functions pass no argument in
 *     (x86-64: r10) carries none.
 *   - GCC's -fipa-ra: who calls a function of its own file knows which registers that one leaves alone, and may keep
 *     values there. So a register outlives a call that is seen not to change it, and a return is its end only if the
 *     function changes it somewhere.
 *   - Who calls a function that is seen never to return, since it ends in a loop (glibc's __libc_fatal), passes it no time
 *     of a system call.
 *   - No function returns a system call's argument in rdx or x1, as the second half of its own result.
 * Whatever is not understood reads every register.
 */
import type { CallMachine, CodeInstruction, Flow, RegisterUse } from "../machine/calls.ts";

/** How many calls deep, and how many instructions for one system call. */
const DEPTH = 4;
const BUDGET = 600;
/** Instructions of a function that never returns. */
const LONGEST_ENDLESS = 40;
/** For all of an image: hostile code must not cost minutes. */
const TOTAL_BUDGET = 200_000;

/** What becomes of registers from some instruction on, until its function returns. */
interface Fate {
  /** Read somewhere. */
  readonly read: number;
  /** Lost sight of somewhere. */
  readonly lost: number;
  /** Still unchanged at a return. */
  readonly kept: number;
}

/**
 * Code by address: some bytes and where among them it is, so that the instruction there is whole unless the code ends;
 * undefined where there is none.
 */
export type CodeAt = (address: number) => { readonly bytes: Uint8Array; readonly offset: number } | undefined;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Step {
  readonly open: number;
  readonly next: number;
  readonly branch: number | undefined;
}

const EVERYTHING: RegisterUse = { reads: -1, writes: 0, changes: -1 };
const UNKNOWN: Fate = { read: 0, lost: -1, kept: 0 };

export class Liveness {
  readonly #machine: CallMachine;
  readonly #codeAt: CodeAt;
  /** Those that matter: the kernel keeps them. */
  readonly #all: number;
  /** Not needed where the time is mostly in the register that functions pass nothing in. */
  readonly #mindsEnds: boolean;
  /** By the callee's address and the depth that was left. */
  readonly #callees = new Map<string, Fate>();
  /** Whether the function at an address may return. */
  readonly #returning = new Map<number, boolean>();
  #budget = 0;
  #total = TOTAL_BUDGET;

  /** @param codeAt the code of an image; a branch out of it leads to what is not understood */
  constructor(machine: CallMachine, codeAt: CodeAt) {
    this.#machine = machine;
    this.#codeAt = codeAt;
    this.#all = machine.arguments.reduce((sum, register) => sum | register) & ~machine.callResults;
    this.#mindsEnds = machine.notPassed === 0;
  }

  /**
   * @param address of the instruction behind the system call
   * @param changedOf those of some registers that the function itself changes somewhere
   * @returns bit n: argument n is read by nobody
   */
  freeAfter(address: number, changedOf: (registers: number) => number): number {
    const granted = Math.min(BUDGET, this.#total);
    this.#budget = granted;
    const { read, lost, kept } = this.#follow(address, DEPTH);
    this.#total -= granted - this.#budget;
    const live = read | lost | (kept & ~changedOf(kept));
    return this.#machine.arguments.reduce(
      (free, register, n) => ((live & register) === 0 ? free | (1 << n) : free),
      0,
    );
  }

  #follow(start: number, depth: number): Fate {
    const fate = { read: 0, lost: 0, kept: 0 };
    const followed = new Map<number, number>();
    const paths = [{ address: start, open: this.#all }];
    for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
      let { address, open } = path;
      for (;;) {
        // A register that is read on one path needs no second proof.
        const before = followed.get(address) ?? 0;
        open &= ~(before | fate.read | fate.lost);
        if (open === 0) break;
        followed.set(address, before | open);
        const step = this.#step(address, open, depth, fate);
        if (step === undefined) break;
        open = step.open;
        if (step.branch !== undefined) paths.push({ address: step.branch, open });
        address = step.next;
      }
    }
    return fate;
  }

  /** Where it goes on behind one instruction, and which of the registers are still open there. */
  #step(address: number, open: number, depth: number, fate: Mutable<Fate>): Step | undefined {
    const read = this.#at(address);
    if (read === undefined) {
      fate.lost |= open;
      return undefined;
    }
    const { instruction, bytes } = read;
    const { flow, branch, length, offset } = instruction;
    const next = address + length;
    const target = branch && address + (branch.target - offset);
    if (flow === "next" || flow === "conditional") {
      const use = this.#machine.registerUse(bytes, instruction) ?? EVERYTHING;
      fate.read |= open & use.reads;
      return { open: open & ~(use.reads | use.writes), next, branch: target };
    }
    if (flow === "jump") return { open, next: target!, branch: undefined };
    if (flow === "call" && target !== undefined) {
      if (this.#mindsEnds && !this.#mayReturn(target)) return undefined;
      return { open: this.#call(target, open, depth, fate), next, branch: undefined };
    }
    leave(flow, open, fate);
    return undefined;
  }

  /** The registers of `open` that the callee leaves alone. */
  #call(target: number, open: number, depth: number, fate: Mutable<Fate>): number {
    const { read, lost, kept } = this.#callee(target, depth - 1);
    fate.read |= open & (read | lost) & ~this.#machine.notPassed;
    return open & kept;
  }

  #callee(target: number, depth: number): Fate {
    if (depth === 0) return UNKNOWN;
    const key = `${target} ${depth}`;
    const known = this.#callees.get(key);
    if (known !== undefined) return known;
    const fate = this.#follow(target, depth);
    // One that the budget has cut short may be followed farther for another system call.
    if (this.#budget > 0) this.#callees.set(key, fate);
    return fate;
  }

  /** Whether a function has a return that is seen, or leads to where nothing is seen. */
  #mayReturn(target: number): boolean {
    const known = this.#returning.get(target);
    if (known !== undefined) return known;
    // Until it is known, of one that calls itself.
    this.#returning.set(target, true);
    const may = this.#leadsToReturn(target);
    if (this.#budget > 0) this.#returning.set(target, may);
    else this.#returning.delete(target);
    return may;
  }

  #leadsToReturn(start: number): boolean {
    const seen = new Set<number>();
    const paths = [start];
    for (let address = paths.pop(); address !== undefined; address = paths.pop()) {
      if (seen.has(address)) continue;
      if (seen.size === LONGEST_ENDLESS) return true;
      seen.add(address);
      const read = this.#at(address);
      if (read === undefined) return true;
      const { flow, branch, length, offset } = read.instruction;
      const target = branch && address + (branch.target - offset);
      const isPassed = flow === "call" && (target === undefined || this.#mayReturn(target));
      if (flow === "next" || flow === "conditional" || isPassed) paths.push(address + length);
      else if (flow !== "call" && flow !== "jump" && flow !== "stop") return true;
      if (target !== undefined && flow !== "call") paths.push(target);
    }
    return false;
  }

  #at(address: number): { instruction: CodeInstruction; bytes: Uint8Array } | undefined {
    if (this.#budget === 0) return undefined;
    this.#budget -= 1;
    const place = this.#codeAt(address);
    const instruction = place && this.#machine.decode(place.bytes, place.offset);
    return instruction && { instruction, bytes: place.bytes };
  }
}

/** What leads out of the function, or to where nothing can be said. */
function leave(flow: Flow, open: number, fate: Mutable<Fate>): void {
  if (flow === "return") fate.kept |= open;
  else if (flow === "syscall") fate.read |= open;
  else if (flow !== "stop") fate.lost |= open;
}
