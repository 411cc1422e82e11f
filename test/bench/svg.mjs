/**
 * What the charts are drawn with: as src/chart/svg.ts, no background and no style sheet, so that they stand on light and on
 * dark; every colour has a contrast of at least 3 to 1 with both, that of letters 4 to 1. The same figures give the same bytes.
 */

export const WIDTH = 960;
export const INK = "#767676";
export const COLOURS = {
  timeskew: "#2f81f7",
  faketime: "#bf7018",
  percall: "#c2528b",
  recover: "#2a9a56",
  plain: INK,
};
/** White, and GitHub's dark. */
export const GROUNDS = ["#ffffff", "#0d1117"];
export const FONT_SIZE = 14;
export const SMALL = 12;
/** A character's, rather too wide than too narrow: nobody knows the reader's fonts. */
export const CHAR_WIDTH = 0.6;
const SANS = "system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif";

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escapeXml(text) {
  return text.replace(/[&<>"]/g, (char) => ENTITIES[char]);
}

/** @param {Record<string, string | number>} attributes @param {readonly string[]} content XML already */
export function element(name, attributes, ...content) {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`);
  const open = `<${name}${written.join("")}`;
  return content.length === 0 ? `${open}/>` : `${open}>${content.join("")}</${name}>`;
}

export function text(x, y, words, attributes = {}) {
  return element("text", { x: px(x), y: px(y), fill: INK, ...attributes }, escapeXml(words));
}

export function line(d, attributes = {}) {
  return element("path", { d, stroke: INK, fill: "none", ...attributes });
}

/** To a tenth of a pixel. */
export function px(value) {
  return Number(value.toFixed(1));
}

/** The middle of a pixel, so that a line of one pixel is one. */
export function crisp(value) {
  return Math.floor(value) + 0.5;
}

/**
 * The whole file.
 *
 * @param {{ title: string, words: string, height: number }} what `words`: for who cannot see it
 * @param {readonly string[]} content
 */
export function svg({ title, words, height }, content) {
  const root = {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${WIDTH} ${height}`,
    width: WIDTH,
    height,
    role: "img",
    "font-family": SANS,
    "font-size": FONT_SIZE,
  };
  const parts = [element("title", {}, escapeXml(title)), element("desc", {}, escapeXml(words)), ...content];
  return `${element("svg", root, ...parts.map((each) => `\n${each}`), "\n")}\n`;
}

/**
 * The title, and beneath it what the colours mean, in rows as long as the picture is wide.
 *
 * @param {string} title
 * @param {string} subtitle
 * @param {readonly { name: string, colour: string, dashed?: boolean }[]} entries
 * @returns {{ content: string[], bottom: number }}
 */
export function heading(title, subtitle, entries) {
  const content = [
    text(16, 28, title, { "font-size": 18, "font-weight": 600 }),
    text(16, 50, subtitle, { "font-size": SMALL }),
  ];
  let [x, y] = [16, 78];
  for (const { name, colour, dashed } of entries) {
    const width = 22 + name.length * FONT_SIZE * CHAR_WIDTH;
    if (x + width > WIDTH - 16) [x, y] = [16, y + 22];
    content.push(
      dashed
        ? line(`M${x} ${y - 5}h14`, { stroke: colour, "stroke-width": 2.5, "stroke-dasharray": "6 2" })
        : element("rect", { x, y: y - 11, width: 12, height: 12, fill: colour, rx: 2 }),
      text(x + 18, y, name),
    );
    x += width + 18;
  }
  return { content, bottom: entries.length === 0 ? y - 6 : y + 16 };
}
