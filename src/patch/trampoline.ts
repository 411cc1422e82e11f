/**
 * Decides for each clock function of a vDSO how its entry is rewritten: the jump, the trampoline, and where a thread
 * that stands in the replaced bytes goes on.
 */
import { TimeskewError } from "../errors.ts";
import { type Address, address } from "../machine/address.ts";
import type { CodeAround, IncomingBranch } from "../machine/code.ts";
import { JumpOutOfReach, RelocationError, UnknownInstruction } from "../machine/errors.ts";
import type { Machine } from "../machine/machine.ts";
import { jumpTo } from "./jump.ts";
import { type Landings, plainLandings } from "./landing.ts";
import { WORD } from "./mark.ts";
import type { Payload } from "./payload.ts";
import type { Move, PlannedSite } from "./plan.ts";
import { equal } from "./scene.ts";
import { codeOf, type Vdso, type VdsoFunction } from "./vdso.ts";

/** Code of ours, and where it goes in the target. */
export interface CodePiece {
  readonly address: Address;
  readonly bytes: Uint8Array;
}

export interface Rewrite {
  readonly function: VdsoFunction;
  readonly site: PlannedSite;
  /** The relocated prologue and the jump back. */
  readonly trampoline: CodePiece;
  /** Where the jump lands, if that is not the payload's function itself: a jump to that. */
  readonly pad: CodePiece | undefined;
  /** From each instruction that the jump cuts up to the same one in the trampoline. */
  readonly moves: readonly Move[];
}

/**
 * @param code where the payload's code page is, or will be
 * @param landings where in it the jumps lead
 * @throws TimeskewError E_VDSO for a function that cannot be rewritten safely
 */
export function planRewrites(
  vdso: Vdso,
  payload: Payload,
  code: Address,
  landings: Landings = plainLandings(vdso, payload, code),
): Rewrite[] {
  vdso.functions.forEach((fn, i) => {
    const neighbour = vdso.functions.slice(0, i).find((other) => wordOf(other) === wordOf(fn));
    if (neighbour !== undefined) throw unsafe(fn, `${neighbour.name} begins in the same aligned word`);
  });
  return vdso.functions.map((fn) => {
    try {
      return planRewrite(vdso, fn, payload, code, landings[fn.name] ?? payload.entries[fn.name]);
    } catch (error) {
      const refused =
        error instanceof RelocationError ||
        error instanceof UnknownInstruction ||
        error instanceof JumpOutOfReach;
      if (!refused) throw error;
      throw unsafe(fn, error.message, error);
    }
  });
}

/** Offset of the aligned word in which a function begins. */
function wordOf({ offset }: VdsoFunction): number {
  return offset - (offset % WORD);
}

function planRewrite(
  vdso: Vdso,
  fn: VdsoFunction,
  payload: Payload,
  code: Address,
  landing: number,
): Rewrite {
  const { machine } = vdso;
  if (machine.decodeJump(codeOf(vdso, fn), fn.address) !== undefined)
    throw unsafe(fn, "it begins with a jump already");
  const entry = address(code + BigInt(payload.entries[fn.name]));
  const lands = address(code + BigInt(landing));
  const jump = jumpTo(machine, fn.address, lands);
  if (vdso.image.asksForBti) refuseUnguarded(machine, fn, jump);
  const trampolineAddress = address(code + BigInt(payload.trampolines[fn.name]));
  const around = codeAround(vdso);
  const moved = machine.relocatePrologue(
    codeOf(vdso, fn),
    fn.address,
    trampolineAddress,
    jump.length,
    around,
  );
  if (moved.bytes.length > payload.trampolineSize) {
    throw unsafe(fn, `its relocated prologue needs ${moved.bytes.length} bytes`);
  }
  refuseIntruders(vdso, fn, jump.length);

  // The jump must lie in one aligned word: only that is replaced by a single access.
  const inWord = fn.offset % WORD;
  if (inWord + jump.length > WORD) throw unsafe(fn, "its entry straddles an aligned word");
  const word = wordOf(fn);
  const original = vdso.bytes.slice(word, word + WORD);
  const patched = original.slice();
  patched.set(jump, inWord);

  return {
    function: fn,
    site: {
      function: fn.name,
      address: address(vdso.start + BigInt(word)),
      original,
      patched,
      prologue: {
        address: fn.address,
        bytes: codeOf(vdso, fn).slice(0, moved.prologueLength),
        jump: jump.length,
      },
    },
    trampoline: { address: trampolineAddress, bytes: moved.bytes },
    pad: lands === entry ? undefined : { address: lands, bytes: machine.encodeJump(lands, entry) },
    moves: moved.map
      .filter(({ from }) => from > 0 && from < jump.length)
      .map(({ from, to }) => ({
        from: address(fn.address + BigInt(from)),
        to: address(trampolineAddress + BigInt(to)),
      })),
  };
}

/** Where indirect branches must land on instructions that are made for it: what calls the entry, and what comes back. */
function refuseUnguarded(machine: Machine, fn: VdsoFunction, jump: Uint8Array): void {
  if (fn.address === fn.entry) throw unsafe(fn, "its first instruction has to stay what it is (BTI)");
  if (jump.length !== machine.jumpLength) throw unsafe(fn, "no jump back from so far may land in it (BTI)");
}

/** Reads the image's code as it stands in the target. */
function codeAround({ start, bytes, image: { text } }: Vdso): CodeAround {
  return (at, length) => {
    const from = Number(at - start);
    const isCode = text !== undefined && from >= text.start && from + length <= text.end;
    return isCode ? bytes.subarray(from, from + length) : undefined;
  };
}

/**
 * Code that would run into the rewritten bytes, or through the jump a second time: branches from anywhere in the
 * image into the bytes, or to the entry, of a function.
 */
function refuseIntruders(vdso: Vdso, fn: VdsoFunction, jumpLength: number): void {
  // All code from the first to the last exported function: static functions lie between them.
  const functions = [...vdso.image.symbols.values()].filter(
    ({ type, size }) => type !== "object" && size > 0,
  );
  const start = Math.min(...functions.map(({ offset }) => offset));
  const end = Math.max(...functions.map(({ offset, size }) => offset + size));
  const branches = branchesOf(vdso.machine, vdso.bytes.subarray(start, end));
  const first = fn.offset - start;
  const intruder = branches.find(
    ({ target, isCall }) =>
      target >= first && target < first + jumpLength && !(isCall && target === first && isForTheVdso(fn)),
  );
  if (intruder === undefined) return;
  const at = start + intruder.offset;
  const from = functions.find(({ offset, size }) => at >= offset && at < offset + size);
  throw unsafe(
    fn,
    `${from?.name ?? "a static function"} branches into its first ${jumpLength} bytes (at 0x${at.toString(16)})`,
  );
}

/** What the vDSO calls by itself, too: then the payload sees so by where it returns to, and changes nothing. */
function isForTheVdso({ name }: VdsoFunction): boolean {
  return name === "vsyscall";
}

/** Of the code that was looked at last: all processes of a machine have the same. */
const last = new Map<Machine, { code: Uint8Array; branches: IncomingBranch[] }>();

function branchesOf(machine: Machine, code: Uint8Array): IncomingBranch[] {
  const known = last.get(machine);
  if (known !== undefined && equal(known.code, code)) return known.branches;
  const branches = machine.branchesInto([{ name: "the image", offset: 0, code }], -1, code.length);
  last.set(machine, { code: code.slice(), branches });
  return branches;
}

function unsafe(fn: VdsoFunction, why: string, cause?: unknown): TimeskewError {
  return new TimeskewError("E_VDSO", `the vDSO's ${fn.name} cannot be patched safely: ${why}`, {
    hint: "nothing was changed; please report this kernel's version",
    cause,
  });
}
