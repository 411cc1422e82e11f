/**
 * A chart as an SVG file for a README: no background and no style sheet, so it stands on light and on dark; its colours
 * have enough contrast on both. The same picture gives the same bytes.
 */
import { type OffsetAxis, offsetAxis, timeTicks } from "./axes.ts";
import { offsetCaption, timeCaption } from "./captions.ts";
import { boundsOf, type Curve, curveOf, type View } from "./curve.ts";
import { bandPath, decimal, linePath, type Scale } from "./path.ts";
import type { Picture } from "./picture.ts";
import type { Tick } from "./ticks.ts";
import { flagsOf, wrap } from "./wrap.ts";
import { element, escapeXml } from "./xml.ts";

/** At least 4.1 to 1 on white, and on GitHub's dark #0d1117. */
export const INK = "#767676";
/** The curve's; at least 3 to 1. */
export const ACCENT = "#2f81f7";

const WIDTH = 800;
const RIGHT = WIDTH - 32;
const MARGIN = 16;
const PLOT_HEIGHT = 216;
/** Legible at half the size, too. */
const FONT_SIZE = 16;
const LINE_HEIGHT = 24;
/** The widths of characters, rather too wide than too narrow: nobody knows the reader's fonts. */
const CHAR_WIDTH = 9.5;
const MONO_CHAR_WIDTH = 10;
const SANS = "system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif";
const MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace";
const MOST_PARTS = 5;
const MOST_COLUMNS = 640;

/** Where the plot is, px. */
interface Box {
  readonly left: number;
  readonly top: number;
  readonly bottom: number;
}

/** The whole file. */
export function svgChart(picture: Picture): string {
  const { subject, view, title, words } = picture;
  const curve = curveOf(subject, view, MOST_COLUMNS);
  const axis = offsetAxis(boundsOf(curve), picture.origin, MOST_PARTS);
  const titles = wrap(flagsOf(title), Math.floor((WIDTH - 2 * MARGIN) / MONO_CHAR_WIDTH));
  const gutter = Math.max(...axis.ticks.map(({ label }) => label.length)) * CHAR_WIDTH;
  const top = MARGIN + (titles.length + 2) * LINE_HEIGHT;
  const box = { left: MARGIN + Math.ceil(gutter) + 8, top, bottom: top + PLOT_HEIGHT };
  const scale = scaleOf(view, axis, box);
  const height = box.bottom + 2 * LINE_HEIGHT + 8;
  const content = [
    element("title", {}, escapeXml(`timeskew ${title}`)),
    element("desc", {}, escapeXml(words)),
    element("g", { fill: INK }, ...titleTexts(titles), ...captions(picture, axis, box)),
    offsetLines(axis, box, scale),
    timeLines(view, box, scale),
    markLines(picture, box, scale),
    curvePath(curve, scale),
  ];
  const root = {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${WIDTH} ${height}`,
    width: WIDTH,
    height,
    role: "img",
    "font-family": SANS,
    "font-size": FONT_SIZE,
  };
  return `${element("svg", root, ...content.filter((each) => each !== "").map((each) => `\n${each}`), "\n")}\n`;
}

function titleTexts(lines: readonly string[]): string[] {
  return lines.map((line, index) =>
    textAt(MARGIN, MARGIN + 12 + index * LINE_HEIGHT, line, { "font-family": MONO, "font-weight": 600 }),
  );
}

function captions({ subject }: Picture, axis: OffsetAxis, { left, top, bottom }: Box): string[] {
  return [
    textAt(MARGIN, top - LINE_HEIGHT - 12, offsetCaption(axis)),
    textAt((left + RIGHT) / 2, bottom + 2 * LINE_HEIGHT - 4, timeCaption(subject), {
      "text-anchor": "middle",
    }),
  ];
}

/** The ticks of the offsets, each a line across the plot; that of the true time is the strongest. */
function offsetLines({ ticks, origin }: OffsetAxis, { left }: Box, { y }: Scale): string {
  const line = (at: bigint) => `M${left} ${crisp(y(at))}H${RIGHT}`;
  const others = ticks.filter(({ at }) => at !== 0n);
  const isZeroInside = others.length < ticks.length || origin === 0n;
  return [
    stroke(others.map(({ at }) => line(at)).join(""), { opacity: 0.3 }),
    ...(isZeroInside ? [stroke(line(0n), { opacity: 0.9 })] : []),
    element(
      "g",
      { fill: INK, "text-anchor": "end" },
      ...ticks.map(({ at, label }) => textAt(left - 8, y(at) + 5.5, typographic(label))),
    ),
  ].join("\n");
}

function timeLines(view: View, { bottom }: Box, { x }: Scale): string {
  const ticks = timeTicks(view, (some) => isRoomFor(some, x));
  return [
    stroke(ticks.map(({ at }) => `M${crisp(x(at))} ${bottom}v6`).join(""), { opacity: 0.9 }),
    element(
      "g",
      { fill: INK, "text-anchor": "middle" },
      ...ticks.map(({ at, label }) => textAt(x(at), bottom + LINE_HEIGHT, label)),
    ),
  ].join("\n");
}

/** Between each label and the next. */
function isRoomFor(ticks: readonly Tick[], x: Scale["x"]): boolean {
  return ticks.every(({ at, label }, index) => {
    const next = ticks[index + 1];
    if (next === undefined) return true;
    return x(next.at) - x(at) >= ((label.length + next.label.length) / 2 + 2) * CHAR_WIDTH;
  });
}

function markLines({ marks }: Picture, { top, bottom }: Box, { x }: Scale): string {
  if (marks.length === 0) return "";
  const lines = marks.map(({ at }) => `M${crisp(x(at))} ${top - 8}V${bottom}`).join("");
  let free = 0;
  const labels = marks.flatMap(({ at, label }) => {
    const width = label.length * CHAR_WIDTH;
    const left = Math.min(x(at) - 4, WIDTH - 8 - width);
    if (left < free) return [];
    free = left + width + CHAR_WIDTH;
    return [textAt(left, top - 14, label)];
  });
  return `${stroke(lines, { "stroke-dasharray": "2 4" })}\n${element("g", { fill: INK }, ...labels)}`;
}

function curvePath(curve: Curve, scale: Scale): string {
  if (curve.kind === "band") {
    return element("path", {
      d: bandPath(curve.columns, scale),
      fill: ACCENT,
      "fill-opacity": 0.35,
      stroke: ACCENT,
      "stroke-width": 1.5,
      "stroke-linejoin": "round",
    });
  }
  return element("path", {
    d: linePath(curve.points, scale),
    fill: "none",
    stroke: ACCENT,
    "stroke-width": 2.5,
    "stroke-linejoin": "round",
  });
}

function scaleOf({ from, until }: View, { low, high }: OffsetAxis, { left, top, bottom }: Box): Scale {
  const [time, offsets] = [Number(until - from), Number(high - low)];
  return {
    x: (at) => left + ((RIGHT - left) * Number(at - from)) / time,
    y: (offset) => bottom - ((bottom - top) * Number(offset - low)) / offsets,
  };
}

function stroke(d: string, attributes: Readonly<Record<string, string | number>>): string {
  return d === "" ? "" : element("path", { d, stroke: INK, ...attributes });
}

function textAt(
  x: number,
  y: number,
  text: string,
  attributes: Readonly<Record<string, string | number>> = {},
): string {
  return element("text", { x: rounded(x), y: rounded(y), ...attributes }, escapeXml(text));
}

function rounded(px: number): string {
  return decimal(Math.round(10 * px));
}

/** The middle of a pixel, so that a line of one pixel is one. */
function crisp(px: number): number {
  return Math.floor(px) + 0.5;
}

/** With a true minus. */
function typographic(label: string): string {
  return label.replace(/^-/, "\u2212");
}
