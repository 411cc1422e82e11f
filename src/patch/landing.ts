/**
 * Where a jump lands. Any place in the code page would do, since a few more instructions there lead on to the
 * payload's function. It is chosen for the jump's own bytes: where an instruction of the old prologue begins inside the
 * jump, stands a byte that traps (known as instruction punning).
 *
 * Threads that sleep in a system call are not woken for an injection. One that wakes up by itself, and stands between
 * two instructions of a prologue at the very instant of the write, would read the jump's displacement as instructions.
 * So it traps, and the helper, which traces it, sends it on in the trampoline.
 */
import { type Address, address } from "../machine/address.ts";
import { decode } from "../machine/x86_64/decode.ts";
import { encodeJump, fitsInt32, JUMP_LENGTH } from "../machine/x86_64/encode.ts";
import { UnknownInstruction } from "../machine/x86_64/errors.ts";
import { isTrap, TRAPPING_DISPLACEMENTS } from "../machine/x86_64/traps.ts";
import { freeGap, freeGaps, type Gaps } from "../target/gap.ts";
import type { Mapping } from "../target/proc.ts";
import type { FunctionName, Payload } from "./payload.ts";
import { codeOf, type Vdso, type VdsoFunction } from "./vdso.ts";

/** For each function the offset in the code page that its jump leads to. */
export type Landings = Readonly<Partial<Record<FunctionName, number>>>;

const PAGE = 4096n;
/** rel32, less the length of the longest instruction around it. */
const REACH = (1n << 31n) - 16n;

/** @returns undefined if there is no such choice with the code page at this address */
export function findLandings(vdso: Vdso, payload: Payload, code: Address): Landings | undefined {
  const landings: Partial<Record<FunctionName, number>> = {};
  let free = payload.bytes.length;
  for (const fn of vdso.functions) {
    const cuts = cutsOf(vdso, fn);
    const lands = (offset: number) => trapsAt(cuts, fn.address, code + BigInt(offset));
    let offset = payload.entries[fn.name];
    if (!lands(offset)) {
      for (offset = free; offset + JUMP_LENGTH <= payload.codeSize && !lands(offset); ) offset++;
      if (offset + JUMP_LENGTH > payload.codeSize) return undefined;
      free = offset + JUMP_LENGTH;
    }
    landings[fn.name] = offset;
  }
  return landings;
}

/** Whether a jump from `from` to `to` has a trapping byte at each of the offsets. */
function trapsAt(cuts: readonly number[], from: Address, to: bigint): boolean {
  if (!fitsInt32(to - from - BigInt(JUMP_LENGTH))) return false;
  const jump = encodeJump(from, address(to));
  return cuts.every((at) => isTrap(jump[at]!));
}

/** Where, inside the jump, an instruction of the function began. */
function cutsOf(vdso: Vdso, fn: VdsoFunction): number[] {
  const code = codeOf(vdso, fn);
  const cuts: number[] = [];
  try {
    for (let at = 0; at < Math.min(JUMP_LENGTH, code.length); at += decode(code, at).length) {
      if (at > 0) cuts.push(at);
    }
  } catch (error) {
    if (!(error instanceof UnknownInstruction)) throw error;
    // Such a function is refused with a reason when its rewriting is planned.
  }
  return cuts;
}

/** Free addresses for our pages; if there are any, such that landings can be found. */
export function placePages(maps: readonly Mapping[], vdso: Vdso, payload: Payload): Address | undefined {
  // The relocated prologues refer to the kernel's data, [vvar], as the originals do: it must be in reach, too.
  // The kernel maps it right below.
  const start = maps.find(({ path }) => path.startsWith("[vvar") || path === "[vdso]")?.start ?? vdso.start;
  const near = { start, end: vdso.end };
  const size = BigInt(payload.codeSize + payload.paramsSize);
  for (const gaps of freeGaps(maps, near, size, REACH)) {
    for (const pages of candidates(gaps, vdso, payload)) {
      if (findLandings(vdso, payload, pages) !== undefined) return pages;
    }
  }
  return freeGap(maps, near, size, REACH)?.start;
}

/** How many places in a row are tried: hardly any prologue needs more than a few. */
const TRIES = 256n;

/** Places in a gap that are worth a try: where the highest byte of the displacement, if it has to trap, does. */
function* candidates({ first, last, above }: Gaps, vdso: Vdso, payload: Payload): Generator<Address> {
  const picky = vdso.functions.find((fn) => cutsOf(vdso, fn).includes(JUMP_LENGTH - 1));
  const windows =
    picky === undefined
      ? [{ from: first, to: last }]
      : TRAPPING_DISPLACEMENTS.map((displacement) => {
          const base = picky.address + BigInt(JUMP_LENGTH) + displacement;
          return { from: base - BigInt(payload.codeSize), to: base + 0xff_ffffn };
        });
  for (const { from, to } of above ? windows : windows.toReversed()) {
    const lowest = roundUp(from > first ? from : first);
    const highest = (to < last ? to : last) & ~(PAGE - 1n);
    for (let i = 0n; i < TRIES && lowest + i * PAGE <= highest; i++) {
      yield address(above ? lowest + i * PAGE : highest - i * PAGE);
    }
  }
}

function roundUp(value: bigint): bigint {
  return (value + PAGE - 1n) & ~(PAGE - 1n);
}
