/** The outcomes, for a terminal. */

const HEADER = { name: "limit", expected: "expected", seen: "seen", verdict: "verdict" };
/** Characters of each column; what is longer is wrapped. */
const WIDTHS = { name: 16, expected: 34, seen: 40, verdict: 12 };
const COLUMNS = Object.keys(WIDTHS);

/** @param {readonly import("./run.mjs").Outcome[]} outcomes */
export function table(outcomes) {
  const line = COLUMNS.map((column) => "-".repeat(WIDTHS[column])).join("  ");
  return [...row(HEADER), line, ...outcomes.flatMap(row)].join("\n");
}

function row(outcome) {
  const cells = COLUMNS.map((column) => wrap(outcome[column], WIDTHS[column]));
  const height = Math.max(...cells.map((cell) => cell.length));
  return Array.from({ length: height }, (_, i) =>
    COLUMNS.map((column, c) => (cells[c][i] ?? "").padEnd(WIDTHS[column]))
      .join("  ")
      .trimEnd(),
  );
}

/** Into lines of at most so many characters; a word that is longer is cut. */
function wrap(text, width) {
  const lines = [""];
  const words = text.split(/\s+/).flatMap((word) => word.match(new RegExp(`.{1,${width}}`, "gu")) ?? []);
  for (const word of words) {
    const last = lines.at(-1);
    if (last === "") lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
