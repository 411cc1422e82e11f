/** SVG path data of a curve: as few bytes as a tenth of a pixel's precision takes. */
import type { Column, Point } from "./curve.ts";

/** Pixels of a time and of an offset, ns. */
export interface Scale {
  x(at: bigint): number;
  y(offset: bigint): number;
}

type Pixel = readonly [x: number, y: number];

export function linePath(points: readonly Point[], { x, y }: Scale): string {
  return pathOf(points.map(({ at, offset }) => [x(at), y(offset)]));
}

/** The outline of the columns side by side: along their tops, and back along their bottoms. */
export function bandPath(columns: readonly Column[], { x, y }: Scale): string {
  const tops = columns.flatMap(({ from, until, high }): Pixel[] => [
    [x(from), y(high)],
    [x(until), y(high)],
  ]);
  const bottoms = columns.flatMap(({ from, until, low }): Pixel[] => [
    [x(from), y(low)],
    [x(until), y(low)],
  ]);
  return `${pathOf([...tops, ...bottoms.reverse()])}z`;
}

/** Relative commands between points that are rounded first, so that no error adds up. */
function pathOf(pixels: readonly Pixel[]): string {
  const points = straightened(pixels.map(([x, y]) => [Math.round(10 * x), Math.round(10 * y)]));
  const [first, ...rest] = points;
  let [x, y] = first!;
  let path = `M${decimal(x)} ${decimal(y)}`;
  for (const [nextX, nextY] of rest) {
    path += command(nextX - x, nextY - y);
    [x, y] = [nextX, nextY];
  }
  return path;
}

/** Without points that are passed anyway, on the way along an axis. */
function straightened(points: readonly Pixel[]): Pixel[] {
  const kept: Pixel[] = [];
  for (const point of points) {
    const [last, before] = [kept.at(-1), kept.at(-2)];
    if (last !== undefined && before !== undefined && isPassed(before, last, point)) kept.pop();
    const [x, y] = kept.at(-1) ?? [];
    if (x !== point[0] || y !== point[1]) kept.push(point);
  }
  return kept;
}

function isPassed([ax, ay]: Pixel, [bx, by]: Pixel, [cx, cy]: Pixel): boolean {
  return (
    (ax === bx && bx === cx && (by - ay) * (cy - by) >= 0) ||
    (ay === by && by === cy && (bx - ax) * (cx - bx) >= 0)
  );
}

/** In tenths of a pixel. */
function command(dx: number, dy: number): string {
  if (dy === 0) return `h${decimal(dx)}`;
  if (dx === 0) return `v${decimal(dy)}`;
  const y = decimal(dy);
  return `l${decimal(dx)}${y.startsWith("-") ? "" : " "}${y}`;
}

/** Of tenths, without a zero that SVG does without: -0.5 is "-.5". */
export function decimal(tenths: number): string {
  return String(tenths / 10).replace(/^(-?)0\./, "$1.");
}
