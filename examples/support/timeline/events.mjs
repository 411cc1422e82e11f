/** The events of a lane: equal ones are counted, and there are no more labels than somebody reads. */
import { BESIDE, placeLabels } from "./labels.mjs";
import { cut, widthOf } from "./style.mjs";

const MOST_ROWS = 9;
const MOST_LABELS = 40;
/** However long they are: each has a row of its own then, below that of the dots. */
const FEW = MOST_ROWS - 1;
/** This many times the usual distance, and a series is over. */
const PAUSE = 4;
/** Dots closer than this are one, px. */
const APART = 4;
const PRIORITY = { bad: 3, skew: 2, good: 2, info: 1 };

/**
 * @typedef {{ text: string, kind: string, label: string, ats: number[], xs: number[] }} Group equal events: when, and the
 *   same in px
 */

/**
 * @param {readonly { at: number, text: string, kind: string }[]} events in the order of time
 * @param {(at: number) => number} x px of a time
 * @param {readonly [left: number, right: number]} edges
 * @returns {{ placed: (Group & import("./labels.mjs").Place)[], rows: number }} the most telling last, to be drawn on top
 */
export function placeEvents(events, x, edges) {
  const [left, right] = edges;
  const roomAt = ([x]) => Math.max(x - left, right - x) - BESIDE;
  const ways = [
    () => grouped(events, x, isClose),
    () => grouped(events, x, () => true),
    () => fewer(grouped(events, x, () => true)),
  ];
  for (const way of ways) {
    const groups = way().map((group) => ({ ...group, label: cut(group.label, roomAt(group.xs)) }));
    if (groups.length > MOST_LABELS) continue;
    const results = [true, false].map((isStrict) => placeLabels(groups, edges, isStrict));
    const fitting = results.find((result) => result && result.rows <= MOST_ROWS);
    if (fitting) return { ...fitting, placed: fitting.placed.toSorted(byPriority).reverse() };
  }
  throw new Error("more labels than rows"); // the last way leaves no more than that
}

/**
 * Equal events as groups: "text × 3".
 *
 * @param {(group: Group, x: number) => boolean} belongs whether a further one does
 */
function grouped(events, x, belongs) {
  /** The latest of each. @type {Map<string, Group>} */
  const latest = new Map();
  const groups = [];
  for (const { at, text, kind } of events) {
    let group = latest.get(`${kind} ${text}`);
    if (group === undefined || !belongs(group, x(at))) {
      group = { text, kind, label: text, ats: [], xs: [] };
      latest.set(`${kind} ${text}`, group);
      groups.push(group);
    }
    group.ats.push(at);
    group.xs.push(x(at));
    if (group.ats.length > 1) group.label = `${text} × ${group.ats.length}`;
  }
  return groups;
}

/** There is no room for a label between them, and no pause in a series of three or more. */
function isClose({ text, xs }, x) {
  const gap = x - xs.at(-1);
  const usual = (xs.at(-1) - xs[0]) / (xs.length - 1);
  return gap < widthOf(text) + 2 * BESIDE && (xs.length < 3 || gap < PAUSE * usual + APART);
}

function byPriority(one, other) {
  return PRIORITY[other.kind] - PRIORITY[one.kind] || one.xs[0] - other.xs[0];
}

/** The most telling of them, and one label for all others. */
function fewer(groups) {
  const sorted = groups.toSorted(byPriority);
  const [kept, others] = [sorted.slice(0, FEW - 1), sorted.slice(FEW - 1)];
  const ats = others.flatMap((group) => group.ats).sort((a, b) => a - b);
  const xs = others.flatMap((group) => group.xs).sort((a, b) => a - b);
  const rest = { text: "others", kind: "info", label: `${ats.length} others`, ats, xs };
  return [...kept, rest].sort((a, b) => a.xs[0] - b.xs[0]);
}

/** The places at which dots are drawn, so that each event has one there or nearly so. */
export function dotsOf(xs) {
  const dots = [];
  for (const x of xs) if (dots.length === 0 || x - dots.at(-1) >= APART) dots.push(x);
  return dots;
}
