/** The curve of a chart: the exact polyline, or, of more pieces than anybody could tell apart, a band. */
import { type Range, rangeOfAll, rangesOf } from "./range.ts";
import { lineAt, type Subject, valueAt } from "./subject.ts";

/** ns; an offset that the model gives for this very time. */
export interface Point {
  readonly at: bigint;
  readonly offset: bigint;
}

/** The offsets of [from, until), ns. */
export interface Column extends Range {
  readonly from: bigint;
  readonly until: bigint;
}

export type Curve =
  | { readonly kind: "line"; readonly points: readonly Point[] }
  | { readonly kind: "band"; readonly columns: readonly Column[] };

/** What is drawn of a subject's time: [from, until), ns; until > from. */
export interface View {
  readonly from: bigint;
  readonly until: bigint;
}

/** @param columns how many a band has; a line has at most as many pieces */
export function curveOf(subject: Subject, view: View, columns: number): Curve {
  const points = pointsOf(subject, view, columns);
  return points === undefined
    ? { kind: "band", columns: columnsOf(subject, view, columns) }
    : { kind: "line", points };
}

/**
 * First and last of each piece, so a step is two points a nanosecond apart; the last one of all at `until`, if its piece
 * goes on there. Undefined for more pieces than `most`.
 */
function pointsOf(subject: Subject, { from, until }: View, most: number): Point[] | undefined {
  const points: Point[] = [];
  for (let at = from, count = 0; at < until; count++) {
    if (count === most) return undefined;
    const line = lineAt(subject, at);
    const last = line.until === undefined || line.until > until ? until : line.until - 1n;
    points.push({ at, offset: line.offset });
    if (last > at) points.push({ at: last, offset: valueAt(subject, last) });
    at = last + 1n;
  }
  return points;
}

/** The view in `count` columns, alike to the nanosecond. */
export function columnsOf(subject: Subject, view: View, count: number): Column[] {
  const rangeOf = rangesOf(subject);
  const length = view.until - view.from;
  const edge = (index: number) => view.from + (length * BigInt(index)) / BigInt(count);
  return Array.from({ length: count }, (_, index) => {
    const from = edge(index);
    // Of a view with fewer nanoseconds than columns, some columns show the same.
    const until = edge(index + 1) > from ? edge(index + 1) : from + 1n;
    return { from, until, ...rangeOf(from, until) };
  });
}

/** The least and the greatest offset of a curve. */
export function boundsOf(curve: Curve): Range {
  if (curve.kind === "band") return rangeOfAll(curve.columns);
  return rangeOfAll(curve.points.map(({ offset }) => ({ low: offset, high: offset })));
}
