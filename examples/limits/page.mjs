/** Puts what was printed into README.md, between the markers of each limit. */
import { readFileSync, writeFileSync } from "node:fs";
import { machine, release } from "node:os";
import { fileURLToPath } from "node:url";

const PAGE = fileURLToPath(new URL("README.md", import.meta.url));

export const beginOf = (name) => `<!-- seen: ${name} -->`;
export const END = "<!-- /seen -->";

/**
 * A page with what was printed for one limit, and the names of its programs.
 *
 * @param {string} text the page
 * @param {Pick<import("./run.mjs").Outcome, "name" | "transcript" | "sources">} outcome
 * @param {string} where kernel, machine and date
 * @throws Error if the page has no place for it
 */
export function withBlock(text, { name, transcript, sources }, where) {
  const begin = text.indexOf(beginOf(name));
  const end = text.indexOf(END, begin);
  if (begin < 0 || end < 0) throw new Error(`no place for what was seen: ${beginOf(name)} … ${END}`);
  const programs = sources.map((source) => `, [${source}](${source})`).join("");
  const block = ["```console", ...transcript, "```", "", `\`${name}\`${programs}: ${where}`].join("\n");
  return `${text.slice(0, begin + beginOf(name).length)}\n${block}\n${text.slice(end)}`;
}

/** @param {readonly import("./run.mjs").Outcome[]} outcomes */
export function recordIn(outcomes) {
  const kernel = /^[\d.]+\d/.exec(release())?.[0] ?? release();
  const where = `Linux ${kernel}, ${machine()}, ${new Date().toISOString().slice(0, 10)}`;
  const text = readFileSync(PAGE, "utf8");
  writeFileSync(
    PAGE,
    outcomes.reduce((page, outcome) => withBlock(page, outcome, where), text),
  );
}
