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
import { JumpOutOfReach } from "../machine/errors.ts";
import type { Machine } from "../machine/machine.ts";
import { freeGap, freeGaps, type Gaps } from "../target/gap.ts";
import type { Mapping } from "../target/proc.ts";
import type { FunctionName, Payload } from "./payload.ts";
import { codeOf, type Vdso, type VdsoFunction } from "./vdso.ts";

/** For each function the offset in the code page that its jump leads to. */
export type Landings = Readonly<Partial<Record<FunctionName, number>>>;

const PAGE = 4096n;

/** @returns undefined if there is no such choice with the code page at this address */
export function findLandings(vdso: Vdso, payload: Payload, code: Address): Landings | undefined {
  const { jumpLength } = vdso.machine;
  const landings: Partial<Record<FunctionName, number>> = {};
  let free = payload.bytes.length;
  for (const fn of vdso.functions) {
    if (!reaches(vdso.machine, fn.address, code, payload)) return undefined;
    const lands = landingTest(vdso, fn, code);
    let offset = payload.entries[fn.name];
    if (!lands(offset)) {
      for (offset = free; offset + jumpLength <= payload.codeSize && !lands(offset); ) offset++;
      if (offset + jumpLength > payload.codeSize) return undefined;
      free = offset + jumpLength;
    }
    landings[fn.name] = offset;
  }
  return landings;
}

/** Where jumps lead of whose bytes nothing is asked: to the payload's functions; the longer ones, to pages of their own. */
export function plainLandings(vdso: Vdso, payload: Payload, code: Address): Landings {
  if (vdso.functions.every((fn) => reaches(vdso.machine, fn.address, code, payload))) return payload.entries;
  const pages = freePagesOf(payload);
  return Object.fromEntries(vdso.functions.map(({ name }, i) => [name, pages[i]]));
}

/** Offsets of the pages of code that nothing of the payload is in. */
function freePagesOf({ bytes, codeSize }: Payload): number[] {
  const first = Math.ceil(bytes.length / Number(PAGE));
  const count = codeSize / Number(PAGE) - first;
  return Array.from({ length: count }, (_, i) => (first + i) * Number(PAGE));
}

/** Whether longer jumps can be used: they replace a whole word each, and land at the beginnings of free pages. */
function mayGoFar({ machine, image, functions }: Vdso, payload: Payload): boolean {
  const { far } = machine;
  return (
    far !== undefined &&
    !image.asksForBti &&
    functions.every(({ offset }) => offset % far.length === 0) &&
    freePagesOf(payload).length >= functions.length
  );
}

/** Whether a jump from there leads to any byte of the code. */
function reaches(machine: Machine, from: Address, code: Address, { codeSize }: Payload): boolean {
  try {
    for (const offset of [0, codeSize]) machine.encodeJump(from, address(code + BigInt(offset)));
    return true;
  } catch (error) {
    if (error instanceof JumpOutOfReach) return false;
    throw error;
  }
}

/** Tells of an offset in the code whether a jump there has a trapping byte at each cut: thousands are asked about. */
function landingTest(vdso: Vdso, fn: VdsoFunction, code: Address): (offset: number) => boolean {
  const { jumpLength, traps } = vdso.machine;
  const cuts = cutsOf(vdso, fn);
  const first = Number(BigInt.asIntN(32, code - fn.address - BigInt(jumpLength)));
  const last = jumpLength - DISPLACEMENT_BYTES;
  return (offset) =>
    cuts.every((at) => at >= last && traps?.isTrap(((first + offset) >> (8 * (at - last))) & 0xff));
}

/** What ends a jump that is longer than some instructions: little-endian, from the jump's end. */
const DISPLACEMENT_BYTES = 4;

/** Where, inside the jump, an instruction of the function began; not for what is refused when its rewriting is planned. */
function cutsOf({ machine, ...vdso }: Vdso, fn: VdsoFunction): number[] {
  return machine.boundaries(codeOf(vdso, fn), machine.jumpLength);
}

/** Free addresses for our pages; if there are any, such that landings can be found. */
export function placePages(maps: readonly Mapping[], vdso: Vdso, payload: Payload): Address | undefined {
  // The relocated prologues refer to the kernel's data, [vvar], as the originals do: it must be in reach, too.
  // The kernel maps it right below.
  const start = maps.find(({ path }) => path.startsWith("[vvar") || path === "[vdso]")?.start ?? vdso.start;
  const near = { start, end: vdso.end };
  const size = BigInt(payload.codeSize + payload.paramsSize);
  const { reach } = vdso.machine;
  const limits = {
    highest: endOfAddresses(vdso.machine, maps),
    ...(vdso.machine.bits === 32 && { stackGuard: STACK_ROOM }),
  };
  const spans = spansOf(vdso, payload);
  for (const gaps of freeGaps(maps, near, size, reach, limits)) {
    for (const pages of candidates(gaps, spans)) {
      if (findLandings(vdso, payload, pages) !== undefined) return pages;
    }
  }
  const gap = freeGap(maps, near, size, reach, limits);
  if (gap !== undefined || !mayGoFar(vdso, payload)) return gap?.start;
  return freeGap(maps, near, size, vdso.machine.far!.reach, limits)?.start;
}

/** In 4 GiB the stack may grow down to where the libraries begin, by 8 MiB unless its limit was raised. */
const STACK_ROOM = 9n << 20n;

/** Where the target's addresses end: the kernel maps nothing higher, and other kernels may have more. */
export function endOfAddresses({ addressSpaces }: Machine, maps: readonly Mapping[]): bigint {
  const used = maps
    .filter(({ path }) => path !== "[vsyscall]")
    .reduce((most, { end }) => (end > most ? end : most), 0n);
  return addressSpaces.find((end) => end >= used) ?? used;
}

/** Addresses `from` to `to`. */
interface Span {
  readonly from: bigint;
  readonly to: bigint;
}

/** How many places in a row are tried: hardly any prologue needs more than a few. */
const TRIES = 256n;

/** Places in a gap that are worth a try. */
function* candidates({ first, last, above }: Gaps, spans: readonly Span[] | undefined): Generator<Address> {
  const all = spans ?? [{ from: first, to: last }];
  for (const { from, to } of above ? all : all.toReversed()) {
    const lowest = roundUp(from > first ? from : first);
    const highest = (to < last ? to : last) & ~(PAGE - 1n);
    for (let i = 0n; i < TRIES && lowest + i * PAGE <= highest; i++) {
      yield address(above ? lowest + i * PAGE : highest - i * PAGE);
    }
  }
}

/**
 * Where the highest bytes of the displacements trap, as far as they have to; in ascending order. Undefined if each place
 * is as good as the other: lower bytes take any value within a few pages.
 */
function spansOf(vdso: Vdso, payload: Payload): Span[] | undefined {
  const { machine, functions, start, end } = vdso;
  const { jumpLength } = machine;
  const traps = machine.traps?.bytes ?? [];
  const cuts = new Set(functions.flatMap((fn) => cutsOf(vdso, fn)));
  const isHighest = cuts.has(jumpLength - 1);
  const isSecond = cuts.has(jumpLength - 2);
  if (!isHighest && !isSecond) return undefined;
  const highest = isHighest ? traps : ANY_BYTE;
  const prefixes = isSecond ? highest.flatMap((a) => traps.map((b) => (a << 8) | b)) : highest;
  const bits = isSecond ? 16n : 24n;
  return prefixes
    .map((prefix) => BigInt.asIntN(32, BigInt(prefix) << bits))
    .map((displacement) => wrapped(machine, start + displacement))
    .map((from) => ({ from: from - BigInt(payload.codeSize), to: from + (1n << bits) + (end - start) }))
    .sort((a, b) => (a.from < b.from ? -1 : 1));
}

/** In 32 bits, what is far below is far above as well. */
function wrapped({ bits }: Machine, place: bigint): bigint {
  return bits === 64 ? place : BigInt.asUintN(32, place);
}

const ANY_BYTE: readonly number[] = Array.from({ length: 256 }, (_, byte) => byte);

function roundUp(value: bigint): bigint {
  return (value + PAGE - 1n) & ~(PAGE - 1n);
}
