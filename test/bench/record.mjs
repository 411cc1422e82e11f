/**
 * Keeps what was measured in results.json, without the figures of each round, draws the charts beside it, and puts the tables
 * made of it into the page beside it, and the essence into the README, so that nothing there is anything else than what was
 * measured.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { judge } from "./aims.mjs";
import { charts } from "./charts.mjs";
import { figures } from "./figures.mjs";
import { withoutRounds } from "./shape.mjs";

/** What is kept of a figure: more than anything here is good for. */
const DIGITS = 5;

const HERE = fileURLToPath(new URL(".", import.meta.url));
export const RESULTS = join(HERE, "results.json");
export const CHARTS = join(HERE, "charts");
/** Where figures have their places. */
export const PAGES = [join(HERE, "README.md"), fileURLToPath(new URL("../../README.md", import.meta.url))];

const END = "<!-- /bench -->";

function begin(name) {
  return `<!-- bench: ${name}, written by npm run bench -- --record -->`;
}

/**
 * A text with the figures between their markers. A place may be left out of the text, a figure may not be without a place.
 *
 * @param {string} text
 * @param {ReadonlyMap<string, string>} all by the names of their places
 * @throws Error if a marker has no end
 */
export function withFigures(text, all) {
  let written = text;
  for (const [name, figure] of all) {
    const at = written.indexOf(begin(name));
    if (at < 0) continue;
    const from = at + begin(name).length;
    const to = written.indexOf(END, from);
    if (to < 0) throw new Error(`no ${END} behind ${begin(name)}`);
    written = `${written.slice(0, from)}\n${figure}\n${written.slice(to)}`;
  }
  return written;
}

/** The names of the places that a text has. */
export function places(text) {
  return [...text.matchAll(/<!-- bench: (\w+), written by/g)].map(([, name]) => name);
}

/** @param {import("./shape.mjs").Report} report of all parts */
export function record(report) {
  const pages = PAGES.map((page) => ({ page, text: readFileSync(page, "utf8") }));
  const kept = keptOf(report);
  const all = figures(kept);
  const missing = pages.flatMap(({ text }) => places(text)).filter((name) => !all.has(name));
  if (missing.length > 0)
    throw new Error(`there are places for what was not measured: ${missing.join(", ")}`);
  writeFileSync(RESULTS, `${compact(kept)}\n`);
  mkdirSync(CHARTS, { recursive: true });
  for (const [file, content] of charts(kept)) writeFileSync(join(CHARTS, file), content);
  for (const { page, text } of pages) writeFileSync(page, withFigures(text, all));
}

/** What is written down is made of what is kept, to the last digit. */
function keptOf(report) {
  const rounded = JSON.stringify(withoutRounds(report), (_, value) =>
    typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(DIGITS)) : value,
  );
  const kept = JSON.parse(rounded);
  return { ...kept, aims: judge(kept) };
}

/** JSON with every innermost object on a line. */
function compact(value) {
  return JSON.stringify(value, undefined, 1).replace(/\{[^{}[\]]*\}/g, (object) =>
    object.replace(/\s+/g, " "),
  );
}
