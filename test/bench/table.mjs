/** Figures as cells, and cells as aligned tables. */
import { NOISY } from "./statistics.mjs";

/** @typedef {import("./statistics.mjs").Summary} Summary */

/** "1.08 ×", or "12.3 ×" where a second decimal says nothing. */
export function times(ratio) {
  return `${ratio.toFixed(ratio < 10 ? 2 : 1)} ×`;
}

/** "1.08 × (1.06–1.09)". @param {Summary} summary */
export function ratioCell({ median, p10, p90 }) {
  const digits = median < 10 ? 2 : 1;
  return `${median.toFixed(digits)} × (${p10.toFixed(digits)}–${p90.toFixed(digits)})`;
}

/** ms and their range, as two cells. @param {Summary} summary of ns */
export function pauseCells({ median, p10, p90 }) {
  return [milliseconds(median), `(${milliseconds(p10)}–${milliseconds(p90)})`];
}

/** @param {number} value of which at most so much was aimed at */
export function verdict({ median }, aim) {
  return median <= aim ? "met" : "missed";
}

export function milliseconds(ns) {
  const ms = ns / 1e6;
  return ms.toFixed(ms < 10 ? 2 : 1);
}

/** "10,000". */
export function grouped(count) {
  return count.toLocaleString("en-US");
}

/** "1 thread", "10,000 threads". */
export function plural(count, singular, plural = `${singular}s`) {
  return `${grouped(count)} ${count === 1 ? singular : plural}`;
}

/** A line if a busy machine has spoiled a measurement. @param {readonly number[]} spreads of what should be alike */
export function noise(what, spreads) {
  const worst = Math.max(0, ...spreads);
  if (worst <= NOISY) return [];
  const percent = Math.round(worst * 100);
  return [`  noisy: the ${what} differ by up to ${percent} % (p10–p90); trust the ratios only`];
}

/** Columns as wide as their widest cell; the first one is text, the others are aligned to the right. */
export function table(rows, align = "end") {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const pad = (cell, column) =>
    column === 0 || align === "start" ? cell.padEnd(widths[column]) : cell.padStart(widths[column]);
  return rows.map((row) => `  ${row.map(pad).join("  ")}`.trimEnd());
}
