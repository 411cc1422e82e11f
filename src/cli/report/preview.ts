/** A chart with the words around it. */
import { boundsOf, curveOf } from "../../chart/curve.ts";
import type { Picture } from "../../chart/picture.ts";
import { terminalChart } from "../../chart/terminal.ts";
import { flagsOf, wrap } from "../../chart/wrap.ts";
import type { Painter } from "../colour.ts";

/** As many pieces as JSON has points of; more are summed up in so many columns. */
const MOST_POINTS = 500;

export interface Surroundings {
  readonly width: number;
  readonly unicode: boolean;
  readonly notes: readonly string[];
}

export function previewLines(
  picture: Picture,
  { width, unicode, notes }: Surroundings,
  paint: Painter,
): string[] {
  return [
    ...wrap(flagsOf(picture.title), width).map((line) => paint.bold(line)),
    ...wrap(picture.words.split(" "), width),
    "",
    ...terminalChart(picture, { width, unicode, frame: paint.dim }),
    ...notes.flatMap((note) => ["", ...wrap(note.split(" "), width).map((line) => paint.yellow(line))]),
  ];
}

/** The chart as data: points of the model, or the ranges of columns. */
export function previewJson(
  { subject, view, marks, title, words }: Picture,
  notes: readonly string[],
): object {
  const curve = curveOf(subject, view, MOST_POINTS);
  const { low, high } = boundsOf(curve);
  return {
    verbs: title,
    description: words,
    ...view,
    begin: subject.begin,
    lowest: low,
    highest: high,
    marks,
    points: curve.kind === "line" ? curve.points : undefined,
    columns:
      curve.kind === "band"
        ? curve.columns.map(({ from, until, low: lowest, high: highest }) => ({
            from,
            until,
            lowest,
            highest,
          }))
        : undefined,
    notes,
  };
}
