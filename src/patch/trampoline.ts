/**
 * Decides for each clock function of a vDSO how its entry is rewritten: the jump, the trampoline, and where a thread
 * that stands in the replaced bytes goes on.
 */
import { TimeskewError } from "../errors.ts";
import { type Address, address } from "../machine/address.ts";
import { branchesInto, type IncomingBranch } from "../machine/x86_64/branches.ts";
import { decodeJump, encodeJump, JUMP_LENGTH } from "../machine/x86_64/encode.ts";
import { JumpOutOfReach, RelocationError, UnknownInstruction } from "../machine/x86_64/errors.ts";
import { relocatePrologue } from "../machine/x86_64/relocate.ts";
import type { Landings } from "./landing.ts";
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
  landings: Landings = payload.entries,
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
  if (decodeJump(codeOf(vdso, fn), fn.address) !== undefined)
    throw unsafe(fn, "it begins with a jump already");
  const trampolineAddress = address(code + BigInt(payload.trampolines[fn.name]));
  const moved = relocatePrologue(codeOf(vdso, fn), fn.address, trampolineAddress, JUMP_LENGTH);
  if (moved.bytes.length > payload.trampolineSize) {
    throw unsafe(fn, `its relocated prologue needs ${moved.bytes.length} bytes`);
  }
  refuseIntruders(vdso, fn);

  // The jump must lie in one aligned word: only that is replaced by a single access.
  const inWord = fn.offset % WORD;
  if (inWord + JUMP_LENGTH > WORD) throw unsafe(fn, "its entry straddles an aligned word");
  const word = wordOf(fn);
  const original = vdso.bytes.slice(word, word + WORD);
  const patched = original.slice();
  const entry = address(code + BigInt(payload.entries[fn.name]));
  const lands = address(code + BigInt(landing));
  patched.set(encodeJump(fn.address, lands), inWord);

  return {
    function: fn,
    site: {
      function: fn.name,
      address: address(vdso.start + BigInt(word)),
      original,
      patched,
      prologue: { address: fn.address, bytes: codeOf(vdso, fn).slice(0, moved.prologueLength) },
    },
    trampoline: { address: trampolineAddress, bytes: moved.bytes },
    pad: lands === entry ? undefined : { address: lands, bytes: encodeJump(lands, entry) },
    moves: moved.map
      .filter(({ from }) => from > 0 && from < JUMP_LENGTH)
      .map(({ from, to }) => ({
        from: address(fn.address + BigInt(from)),
        to: address(trampolineAddress + BigInt(to)),
      })),
  };
}

/**
 * Code that would run into the rewritten bytes, or through the jump a second time: branches from anywhere in the
 * image into the bytes, or to the entry, of a function.
 */
function refuseIntruders(vdso: Vdso, fn: VdsoFunction): void {
  // All code from the first to the last exported function: static functions lie between them.
  const functions = [...vdso.image.symbols.values()].filter(
    ({ type, size }) => type !== "object" && size > 0,
  );
  const start = Math.min(...functions.map(({ offset }) => offset));
  const end = Math.max(...functions.map(({ offset, size }) => offset + size));
  const branches = branchesOf(vdso.bytes.subarray(start, end));
  const first = fn.offset - start;
  const intruder = branches.find(({ target }) => target >= first && target < first + JUMP_LENGTH);
  if (intruder === undefined) return;
  const at = start + intruder.offset;
  const from = functions.find(({ offset, size }) => at >= offset && at < offset + size);
  throw unsafe(
    fn,
    `${from?.name ?? "a static function"} branches into its first ${JUMP_LENGTH} bytes (at 0x${at.toString(16)})`,
  );
}

/** Of the code that was looked at last: all processes of a machine have the same. */
let last: { code: Uint8Array; branches: IncomingBranch[] } | undefined;

function branchesOf(code: Uint8Array): IncomingBranch[] {
  if (last === undefined || !equal(last.code, code)) {
    const branches = branchesInto([{ name: "the image", offset: 0, code }], -1, code.length);
    last = { code: code.slice(), branches };
  }
  return last.branches;
}

function unsafe(fn: VdsoFunction, why: string, cause?: unknown): TimeskewError {
  return new TimeskewError("E_VDSO", `the vDSO's ${fn.name} cannot be patched safely: ${why}`, {
    hint: "nothing was changed; please report this kernel's version",
    cause,
  });
}
