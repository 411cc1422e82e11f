import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pictureOf } from "../../../src/chart/picture.ts";
import { rowIn, spansOf } from "../../../src/chart/plot.ts";
import { MIN_WIDTH, type TerminalOptions, terminalChart } from "../../../src/chart/terminal.ts";
import { parseDuration } from "../../../src/skew/duration.ts";
import { SPECIMENS, specimen } from "./specimens.ts";
import { charted, timeWithin, truth } from "./subjects.ts";

const WORDS = { title: "--offset 1s", words: "The clock is 1s ahead." };
const PLAIN: TerminalOptions = { width: 80, unicode: true, frame: (text) => text };
const fractions = Array.from({ length: 500 }, (_, index) => index * 2000);

/** The plot alone: behind the axis, from the highest tick to the lowest. */
interface Plot {
  readonly rows: string[];
  /** ns. */
  readonly top: number;
  readonly bottom: number;
}

function plotOf(lines: readonly string[]): Plot {
  const rows = lines.flatMap((line) => {
    const [, label, plot] = /^ *([^ ]*) [│┤|+](.*)$/.exec(line) ?? [];
    return plot === undefined || /^[└+][─-]/.test(line.trim()) ? [] : [{ label, plot }];
  });
  const ticks = rows.flatMap(({ label = "" }) => {
    if (label === "") return [];
    return [label === "0" ? 0 : Number(parseDuration(label))];
  });
  return { rows: rows.map(({ plot }) => plot), top: ticks[0]!, bottom: ticks.at(-1)! };
}

/** Whether the curve is in this cell. */
function isCurve(char: string | undefined): boolean {
  return char !== undefined && (/[\u2801-\u28ff]/.test(char) || char === "-" || char === "|");
}

describe("a chart in characters", () => {
  it("has lines of at most the width, of printable characters", () => {
    fc.assert(
      fc.property(
        charted,
        fc.integer({ min: MIN_WIDTH, max: 200 }),
        fc.boolean(),
        (chart, width, unicode) => {
          const lines = terminalChart(pictureOf(chart.subject, chart.until, WORDS), {
            ...PLAIN,
            width,
            unicode,
          });
          for (const line of lines) {
            expect(line.length, line).toBeLessThanOrEqual(width);
            expect(line).toMatch(unicode ? /^\P{Cc}*$/u : /^[ -~]*$/);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it.each(Object.keys(SPECIMENS))("%s: has the curve where the model is, in each column", (name) => {
    const picture = specimen(name);
    for (const unicode of [true, false]) {
      const { rows, top, bottom } = plotOf(terminalChart(picture, { ...PLAIN, unicode }));
      const width = Math.max(...rows.map(({ length }) => length));
      for (const fraction of fractions) {
        const at = timeWithin(picture.view, fraction);
        const x = Math.floor((fraction / 1e6) * width);
        const offset = Number(truth(picture.subject, at) - picture.origin);
        const y = Math.round(((top - offset) / (top - bottom)) * (rows.length - 1));
        // Half a row, and what the column to the left or right has, where it lies on the border.
        const around = [y - 1, y, y + 1].flatMap((row) =>
          [x - 1, x, x + 1].map((column) => rows[row]?.[column]),
        );
        expect(around.some(isCurve), `${offset} at ${at}`).toBe(true);
      }
    }
  });

  it("leaves no column out", () => {
    for (const name of Object.keys(SPECIMENS)) {
      const { rows } = plotOf(terminalChart(specimen(name), PLAIN));
      const width = Math.max(...rows.map(({ length }) => length));
      for (let x = 0; x < width; x++)
        expect(
          rows.some((row) => isCurve(row[x])),
          `${name}, ${x}`,
        ).toBe(true);
    }
  });

  it("has what is narrower than a column", () => {
    const { rows } = plotOf(terminalChart(specimen("spikes"), PLAIN));
    expect([...rows[0]!].filter(isCurve)).toHaveLength(5);
  });

  it("has no gaps", () => {
    const offset = fc.bigInt(-1000n, 1000n);
    fc.assert(
      fc.property(fc.array(fc.tuple(offset, offset), { minLength: 1 }), (pairs) => {
        const columns = pairs.map(([a, b]) => ({
          from: 0n,
          until: 1n,
          low: a < b ? a : b,
          high: a < b ? b : a,
        }));
        const rowOf = rowIn({ low: -1000n, high: 1000n }, 50);
        const spans = spansOf(columns, rowOf);
        for (const [index, { top, bottom }] of spans.entries()) {
          expect(top <= rowOf(columns[index]!.high) && bottom >= rowOf(columns[index]!.low)).toBe(true);
          const before = spans[index - 1];
          if (before !== undefined) expect(top <= before.bottom + 1 && bottom >= before.top - 1).toBe(true);
        }
      }),
    );
  });

  it("styles all but the curve", () => {
    const lines = terminalChart(specimen("slew"), { ...PLAIN, frame: (text) => `<${text}>` });
    const outside = lines.map((line) => line.replace(/<[^>]*>/g, "")).join("");
    expect(outside).toMatch(/^[\u2801-\u28ff]+$/);
  });
});
