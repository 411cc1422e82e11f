/**
 * Where in the target's address space our pages go: free addresses so near to the vDSO that a direct jump
 * reaches them from any of its bytes, and back.
 */
import { type Address, address } from "../machine/address.ts";
import { isStack, type Mapping } from "./proc-maps.ts";

/** Addresses `start` to `end`, the end excluded. */
export interface AddressRange {
  readonly start: Address;
  readonly end: Address;
}

export interface GapLimits {
  /** Bytes; a power of two. */
  pageSize: bigint;
  /** Nothing is put below: vm.mmap_min_addr. */
  lowest: bigint;
  /** Nothing is put at or above: TASK_SIZE. */
  highest: bigint;
  /** Bytes kept free below a stack for it to grow into: the kernel's stack_guard_gap, 256 pages. */
  stackGuard: bigint;
}

/** x86-64 with four-level page tables, which is where mmap stays unless a hint asks for more. */
export const DEFAULT_LIMITS: Readonly<GapLimits> = {
  pageSize: 4096n,
  lowest: 65536n,
  highest: 0x7fff_ffff_f000n,
  stackGuard: 256n * 4096n,
};

interface Span {
  start: bigint;
  end: bigint;
}

/**
 * A free, page-aligned range of `size` bytes (rounded up to pages) with no two bytes of it and of `near`
 * farther apart than `reach`. It keeps a page's distance from every mapping if any such range does, because
 * neighbours can grow or be merged; then the lowest range above `near` is preferred, then the highest below.
 *
 * @param near the vDSO
 * @param reach in bytes: 2^31 − 1 less the jump's length for x86-64's rel32
 * @returns undefined if there is none
 */
export function freeGap(
  maps: readonly Mapping[],
  near: AddressRange,
  size: bigint,
  reach: bigint,
  limits: Partial<GapLimits> = {},
): AddressRange | undefined {
  const { pageSize } = { ...DEFAULT_LIMITS, ...limits };
  for (const { first, last, above } of freeGaps(maps, near, size, reach, limits)) {
    const start = above ? first : last;
    return { start: address(start), end: address(start + roundUp(size, pageSize)) };
  }
  return undefined;
}

/** Where a free range may start: any page from `first` to `last`. */
export interface Gaps {
  readonly first: bigint;
  readonly last: bigint;
  /** Above `near`, or below it. */
  readonly above: boolean;
}

/** Every free range, the one that `freeGap` would take first; for the parameters see there. */
export function* freeGaps(
  maps: readonly Mapping[],
  near: AddressRange,
  size: bigint,
  reach: bigint,
  limits: Partial<GapLimits> = {},
): Generator<Gaps> {
  const { pageSize, lowest, highest, stackGuard } = { ...DEFAULT_LIMITS, ...limits };
  const length = roundUp(size, pageSize);
  if (length <= 0n) return;

  // The farthest pair of bytes is our first with the vDSO's last, or our last with its first.
  const window = {
    start: max(lowest, near.end - 1n - reach),
    end: min(highest, near.start + reach + 1n),
  };

  for (const distance of [pageSize, 0n]) {
    const starts = freeSpans(takenSpans(maps, near, distance, stackGuard), window)
      .map((span) => ({
        first: roundUp(span.start, pageSize),
        last: (span.end / pageSize) * pageSize - length,
      }))
      .filter(({ first, last }) => first <= last);
    for (const each of starts) if (each.first >= near.end) yield { ...each, above: true };
    for (const each of starts.toReversed()) if (each.last < near.start) yield { ...each, above: false };
  }
}

function roundUp(value: bigint, pageSize: bigint): bigint {
  return ((value + pageSize - 1n) / pageSize) * pageSize;
}

/**
 * Every mapping with `distance` bytes around it, and with its guard below it if it is a stack; in order and
 * without overlap.
 */
function takenSpans(
  maps: readonly Mapping[],
  near: AddressRange,
  distance: bigint,
  stackGuard: bigint,
): Span[] {
  const spans: Span[] = [{ start: near.start - distance, end: near.end + distance }];
  // A stack whose lower part got other permissions shows only its upper part as [stack]; the lower one,
  // anonymous and adjacent, is what grows.
  let runStart = 0n;
  let runEnd = -1n;
  for (const mapping of maps.toSorted((a, b) => compare(a.start, b.start))) {
    const maybeStack = mapping.path === "" || isStack(mapping);
    if (!maybeStack || mapping.start !== runEnd) runStart = mapping.start;
    runEnd = maybeStack ? mapping.end : -1n;
    const guard = isStack(mapping) ? runStart - stackGuard : mapping.start;
    spans.push({ start: min(guard, mapping.start - distance), end: mapping.end + distance });
  }

  const merged: Span[] = [];
  for (const span of spans.sort((a, b) => compare(a.start, b.start))) {
    const last = merged.at(-1);
    if (last && span.start <= last.end) last.end = max(last.end, span.end);
    else merged.push(span);
  }
  return merged;
}

/** The parts of `window` that are not taken, in order. */
function freeSpans(taken: readonly Span[], window: Span): Span[] {
  const free: Span[] = [];
  let start = window.start;
  for (const span of taken) {
    free.push({ start, end: min(window.end, span.start) });
    start = max(window.start, span.end);
  }
  free.push({ start, end: window.end });
  return free.filter((span) => span.start < span.end);
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
