/** The bars of a lane's spans, in rows, each with its words inside, beside or below it. */
import { Rows } from "./rows.mjs";
import { cut, widthOf } from "./style.mjs";

const PADDING = 6;
const GAP = 4;
/** So that it can be seen, however short it was. */
const NARROWEST = 3;

/**
 * @typedef {{ text: string, kind: string, from: number, to: number, x: number, width: number }} Bar `from`, `to`: times
 * @typedef {{ bars: Bar[], row: number, label: string, textX: number, side: "start" | "end",
 *   place: "inside" | "beside" | "below" }} PlacedSpans `side`: the text-anchor; `place`: of the words
 */

/**
 * @param {readonly { from: number, to: number, text: string, kind: string }[]} spans in the order of time
 * @param {(at: number) => number} x px of a time
 * @param {readonly [left: number, right: number]} edges
 * @returns {{ placed: PlacedSpans[], rows: number }}
 */
export function placeSpans(spans, x, edges) {
  const rows = new Rows();
  const placed = grouped(spans.map((span) => barOf(span, x, edges))).map((bars) => settle(bars, rows, edges));
  return { placed, rows: rows.count };
}

function barOf(span, x, [, right]) {
  const at = Math.min(x(span.from), right - NARROWEST);
  return { ...span, x: at, width: Math.max(x(span.to) - at, NARROWEST) };
}

/** Equal ones too narrow for their words, and too close together for words beside each. */
function grouped(bars) {
  const groups = [];
  for (const bar of bars) {
    const group = groups.findLast(([{ text, kind }]) => text === bar.text && kind === bar.kind);
    const last = group?.at(-1);
    const room = widthOf(bar.text) + 2 * PADDING;
    const isClose = last && last.width < room && bar.width < room && bar.x - (last.x + last.width) < room;
    if (isClose && bar.x >= last.x + last.width) group.push(bar);
    else groups.push([bar]);
  }
  return groups;
}

function settle(bars, rows, edges) {
  const ways = waysFor(bars, edges);
  const fits = (row, way) => extentsOf(row, way).every(([each, from, to]) => rows.isFree(each, from, to));
  const row = rows.first((each) => ways.some((way) => fits(each, way)));
  const way = ways.find((each) => fits(row, each));
  for (const extent of extentsOf(row, way)) rows.take(...extent);
  const { label, textX, side, place } = way;
  return { bars, row, label, textX, side, place };
}

/** What bars and words take of which rows. */
function extentsOf(row, { from, to, below }) {
  const bars = [row, from - GAP / 2, to + GAP / 2];
  return below === undefined ? [bars] : [bars, [row + 1, from - GAP / 2, below + GAP / 2]];
}

/** Where the words may stand, the best first. */
function waysFor(bars, [left, right]) {
  const [from, to] = [bars[0].x, bars.at(-1).x + bars.at(-1).width];
  const label = bars.length === 1 ? bars[0].text : `${bars[0].text} × ${bars.length}`;
  const width = widthOf(label) + 2 * PADDING;
  const inside = { from, to, label, textX: from + PADDING, side: "start", place: "inside" };
  if (bars.length === 1 && bars[0].width >= width) return [inside];
  const beside = [
    { from, to: to + width, label, textX: to + PADDING, side: "start", place: "beside" },
    { from: from - width, to, label, textX: from - PADDING, side: "end", place: "beside" },
  ].filter((way) => way.from >= left && way.to <= right);
  if (beside.length > 0) return beside;
  const words = cut(label, right - from);
  return [
    { from, to, below: from + widthOf(words), label: words, textX: from, side: "start", place: "below" },
  ];
}
