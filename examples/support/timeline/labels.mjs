/**
 * Where labels stand: each beside its dot, or below at the end of a line that leads down from it. No label overlaps another,
 * a dot, or (where there is room) a line to another.
 */
import { Rows } from "./rows.mjs";
import { widthOf } from "./style.mjs";

/** Between a dot and its label, and from the middle of a dot or of a line to where it ends, px. */
const TO_LABEL = 8;
const DOT = 5;
const LEADER = 3;

/** What a label takes beyond its own width, px. */
export const BESIDE = TO_LABEL + DOT;

/**
 * @typedef {{ label: string, xs: number[] }} Labelled dots in a row, the first first
 * @typedef {{ row: number, x: number, textX: number, side: "start" | "end" }} Place `x`: of the dot that a line leads down
 *   from; `side`: the text-anchor
 */

/**
 * @template {Labelled} T
 * @param {readonly T[]} groups in the order of their first dots; each label has room at one side of its first dot
 * @param {readonly [left: number, right: number]} edges
 * @param {boolean} isStrict whether a line may not pass behind a label
 * @returns {{ placed: (T & Place)[], rows: number } | undefined} undefined if there is no room, as there always is otherwise
 */
export function placeLabels(groups, [left, right], isStrict) {
  /** Those without room at their right. @type {Set<T>} */
  const toLeft = new Set();
  for (;;) {
    const board = new Board(groups, isStrict);
    const columns = isStrict ? [...toLeft].map(({ xs }) => xs[0]) : [];
    // The last first: then no line leads down through a label that is there already.
    const rightward = groups.filter((group) => !toLeft.has(group)).toReversed();
    const places = rightward.map((group) => board.rightOf(group, right, columns));
    const misfit = rightward[places.indexOf(undefined)];
    if (misfit === undefined) {
      const leftward = groups.filter((group) => toLeft.has(group));
      const others = leftward.map((group) => board.leftOf(group, left));
      if (others.includes(undefined)) return undefined;
      const placed = [...rightward, ...leftward].map((group, index) => ({
        ...group,
        ...[...places, ...others][index],
      }));
      return { placed, rows: board.rows };
    }
    toLeft.add(misfit);
  }
}

class Board {
  #labels = new Rows();
  #leaders = new Rows();
  #isStrict;

  constructor(groups, isStrict) {
    this.#isStrict = isStrict;
    for (const x of groups.flatMap(({ xs }) => xs)) this.#leaders.take(0, x - DOT, x + DOT);
  }

  get rows() {
    return Math.max(this.#labels.count, this.#leaders.count);
  }

  /** Beside the last dot, or else below the first. `columns`: where lines will have to lead down. */
  rightOf({ label, xs }, right, columns) {
    const width = widthOf(label);
    const waysFrom = (x) => ({ x, from: x + TO_LABEL, to: x + TO_LABEL + width, side: "start" });
    const [beside, below] = [xs.at(-1), xs[0]].map(waysFrom).map((way) => {
      const isCrossed = columns.some((column) => way.from < column + DOT && column - DOT < way.to);
      return way.to > right || isCrossed ? undefined : way;
    });
    if (beside && this.#isFree(0, beside)) return this.#take(0, beside);
    return below && this.#settle(below);
  }

  leftOf({ label, xs }, left) {
    const to = xs[0] - TO_LABEL;
    const from = to - widthOf(label);
    return from < left ? undefined : this.#settle({ x: xs[0], from, to, side: "end" });
  }

  #settle(way) {
    let row = 0;
    while (!this.#isFree(row, way) || (this.#isStrict && !this.#isClear(row, way))) row++;
    return this.#take(row, way);
  }

  /** Dots are in row 0, and lines lead down below. */
  #isFree(row, { from, to }) {
    const mayCover = row > 0 && !this.#isStrict;
    return this.#labels.isFree(row, from, to) && (mayCover || this.#leaders.isFree(row, from, to));
  }

  /** Whether a line may lead down to the row. */
  #isClear(row, { x }) {
    return Array.from({ length: row }, (_, above) => above + 1).every((each) =>
      this.#labels.isFree(each, x - LEADER, x + LEADER),
    );
  }

  #take(row, { x, from, to, side }) {
    this.#labels.take(row, from, to);
    for (let above = 1; above <= row; above++) this.#leaders.take(above, x - LEADER, x + LEADER);
    return { row, x, side, textX: side === "start" ? from : to };
  }
}
