/** A curve as dots: which rows of a raster each column covers. */
import type { Column } from "./curve.ts";
import type { Range } from "./range.ts";

/** Rows, both included, counted from the top. */
export interface Span {
  readonly top: number;
  readonly bottom: number;
}

/**
 * The rows of each column. What changes from one column to the next is drawn in the later one, so the curve has no gaps.
 *
 * @param rowOf of an offset
 */
export function spansOf(columns: readonly Column[], rowOf: (offset: bigint) => number): Span[] {
  const spans: Span[] = [];
  for (const { low, high } of columns) {
    const [top, bottom] = [rowOf(high), rowOf(low)];
    const before = spans.at(-1) ?? { top, bottom };
    spans.push({ top: Math.min(top, before.bottom + 1), bottom: Math.max(bottom, before.top - 1) });
  }
  return spans;
}

/** Rounded, `parts` being the whole of the range. */
export function rowIn({ low, high }: Range, parts: number): (offset: bigint) => number {
  const length = high - low;
  return (offset) => Number((2n * (high - offset) * BigInt(parts) + length) / (2n * length));
}
