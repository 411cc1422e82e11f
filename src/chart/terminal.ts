/** A chart in characters. */
import { type OffsetAxis, offsetAxis, timeTicks } from "./axes.ts";
import { offsetCaption, timeCaption } from "./captions.ts";
import { columnsOf, type View } from "./curve.ts";
import type { Picture } from "./picture.ts";
import { rowIn, spansOf } from "./plot.ts";
import { rangeOfAll } from "./range.ts";
import { ASCII, BRAILLE, type Raster } from "./raster.ts";
import type { Tick } from "./ticks.ts";
import { wrap } from "./wrap.ts";

export interface TerminalOptions {
  /** Characters in a line, at least MIN_WIDTH. */
  readonly width: number;
  /** False: ASCII only. */
  readonly unicode: boolean;
  /** Styles what is not the curve: axes, labels, marks. */
  readonly frame: (text: string) => string;
}

export const MIN_WIDTH = 40;

/** The least number of rows from the lowest tick to the highest. */
const ROWS = 12;
const MOST_PARTS = 5;
/** Blanks between two labels. */
const GAP = 2;

/** A row of the plot: the curve's characters, or undefined; and what shines through where there are none. */
interface Row {
  readonly curve: (string | undefined)[];
  readonly behind: string[];
}

/** At a column of the plot. */
interface Label {
  readonly start: number;
  readonly text: string;
}

/** Lines without their ends, none wider than `width`. */
export function terminalChart(picture: Picture, options: TerminalOptions): string[] {
  const { subject, view } = picture;
  const raster = options.unicode ? BRAILLE : ASCII;
  const range = rangeOfAll(columnsOf(subject, view, 2 * options.width));
  const axis = offsetAxis(range, picture.origin, MOST_PARTS);
  const gutter = Math.max(...axis.ticks.map(({ label }) => label.length));
  const width = options.width - gutter - 2;
  const indent = " ".repeat(gutter + 1);
  const { frame } = options;
  const lines = [
    ...wrap(offsetCaption(axis).split(" "), options.width).map((line) => frame(line)),
    ...markLabels(picture, width, raster).map((line) => frame(`${indent} ${line}`)),
    ...edged(plotRows(picture, axis, width, raster), axis, raster, frame),
    ...timeAxis(view, width, raster).map((line) => frame(indent + line)),
    frame(timeCaption(subject).padStart(options.width)),
  ];
  return options.unicode ? lines : lines.map((line) => line.replaceAll("µ", "u"));
}

function plotRows({ subject, view, marks }: Picture, axis: OffsetAxis, width: number, raster: Raster): Row[] {
  const { across, down, middle } = raster;
  const parts = axis.ticks.length - 1;
  const length = parts * Math.ceil(ROWS / parts);
  const row = rowIn(axis, length * down);
  const spans = spansOf(columnsOf(subject, view, width * across), (offset) => row(offset) + middle);
  const zero = Math.floor((row(0n) + middle) / down);
  const marked = new Set(marks.map(({ at }) => columnAt(view, at, width)));
  return Array.from({ length: length + 1 }, (_, y) => ({
    curve: Array.from({ length: width }, (_, x) => raster.at(spans, x, y)),
    behind: Array.from({ length: width }, (_, x) =>
      marked.has(x) ? raster.mark : y === zero ? raster.zero : " ",
    ),
  }));
}

/** Puts the axis and its labels to the left of the plot. */
function edged(
  rows: readonly Row[],
  axis: OffsetAxis,
  raster: Raster,
  frame: TerminalOptions["frame"],
): string[] {
  const labels = axis.ticks.map(({ label }) => label).reverse();
  const gutter = Math.max(...labels.map(({ length }) => length));
  const apart = (rows.length - 1) / (labels.length - 1);
  return rows.map((row, y) => {
    const label = y % apart === 0 ? labels[y / apart]! : undefined;
    const edge = `${(label ?? "").padStart(gutter)} ${label === undefined ? raster.edge : raster.edgeTick}`;
    return frame(edge) + painted(row, frame);
  });
}

function painted({ curve, behind }: Row, frame: TerminalOptions["frame"]): string {
  let text = "";
  let pending = "";
  for (const [x, char] of curve.entries()) {
    if (char === undefined) pending += behind[x];
    else {
      text += (pending === "" ? "" : frame(pending)) + char;
      pending = "";
    }
  }
  const rest = pending.trimEnd();
  return rest === "" ? text : text + frame(rest);
}

/** One line with a label above each mark that there is room for; none without marks. */
function markLabels({ view, marks }: Picture, width: number, { pointer }: Raster): string[] {
  const labels = marks.map(({ at, label }) => {
    const column = columnAt(view, at, width);
    const isRoom = column + label.length + 2 <= width;
    return isRoom
      ? { start: column, text: `${pointer} ${label}` }
      : { start: column - label.length - 1, text: `${label} ${pointer}` };
  });
  return labels.length === 0 ? [] : [lineOf(labels)];
}

function timeAxis(view: View, width: number, raster: Raster): string[] {
  const labelled = (ticks: readonly Tick[]): Label[] =>
    ticks.map(({ at, label }) => centred(columnAt(view, at, width), label, width));
  const ticks = timeTicks(view, (some) => fitting(labelled(some)).length === some.length);
  const line = Array.from({ length: width }, () => raster.axis);
  for (const { at } of ticks) line[Math.min(columnAt(view, at, width), width - 1)] = raster.tick;
  return [raster.corner + line.join(""), ` ${lineOf(labelled(ticks))}`];
}

/** The column of a time in the view. */
function columnAt({ from, until }: View, at: bigint, width: number): number {
  return Number(((at - from) * BigInt(width)) / (until - from));
}

/** On a column, as far as there is room. */
function centred(column: number, text: string, width: number): Label {
  const start = column - Math.floor((text.length - 1) / 2);
  return { start: Math.max(0, Math.min(start, width - text.length)), text };
}

function lineOf(labels: readonly Label[]): string {
  return fitting(labels).reduce((line, { start, text }) => line.padEnd(start) + text, "");
}

/** Those of the labels that fit behind the one in front of them, from left to right. */
function fitting(labels: readonly Label[]): Label[] {
  let free = 0;
  return labels.filter(({ start, text }) => {
    if (start < free) return false;
    free = start + text.length + GAP;
    return true;
  });
}
