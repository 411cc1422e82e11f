/** A quantity over time as SVG path data. */
import { px } from "./xml.mjs";

/**
 * @param {readonly (readonly [at: number, value: number])[]} points in the order of time
 * @param {"steps" | "straight"} line
 * @param {{ x: (at: number) => number, y: (value: number) => number }} scale
 */
export function curvePath(points, line, { x, y }) {
  const pixels = thinned(points.map(([at, value]) => [x(at), y(value)]));
  const [[startX, startY], ...rest] = pixels;
  const parts = rest.map(([toX, toY]) =>
    line === "steps" ? `H${px(toX)}V${px(toY)}` : `L${px(toX)} ${px(toY)}`,
  );
  return `M${px(startX)} ${px(startY)}${parts.join("")}`;
}

/** Of many points in one column of pixels: the first, the extremes and the last, in their order. */
function thinned(pixels) {
  const columns = new Map();
  for (const pixel of pixels) {
    const column = Math.round(pixel[0]);
    if (!columns.has(column)) columns.set(column, []);
    columns.get(column).push(pixel);
  }
  return [...columns.values()].flatMap((column) => {
    if (column.length <= 4) return column;
    const byHeight = column.toSorted((a, b) => a[1] - b[1]);
    const kept = new Set([column[0], byHeight[0], byHeight.at(-1), column.at(-1)]);
    return column.filter((pixel) => kept.has(pixel));
  });
}
