/**
 * How it looks. The picture has a ground of its own, light or dark by what the reader's system prefers, so it is legible
 * on a page of either kind, whichever the page itself has chosen.
 */

export const WIDTH = 960;
export const MARGIN = 20;
/** Of a lane's name, at most. */
export const NAME_WIDTH = 140;
export const SMALL = 11.5;
export const NAME = { size: 13, isBold: true };
export const TITLE = { size: 17, isBold: true };
export const SANS = "system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif";

/** Each has at least 4.5 to 1 on its ground, lines and tints apart. */
const LIGHT = { ground: "#ffffff", ink: "#1f2328", muted: "#59636e", line: "#d1d9e0", curve: "#0969da" };
const DARK = { ground: "#0d1117", ink: "#f0f6fc", muted: "#9198a1", line: "#3d444d", curve: "#4493f8" };
const LIGHT_KINDS = { skew: "#9a6700", bad: "#cf222e", good: "#1a7f37", info: "#59636e" };
const DARK_KINDS = { skew: "#d29922", bad: "#f85149", good: "#3fb950", info: "#9198a1" };

function rules({ ground, ink, muted, line, curve }, kinds) {
  return [
    `.ground{fill:${ground};stroke:${line}}`,
    `.ink{fill:${ink}}`,
    `.muted{fill:${muted}}`,
    `.label{paint-order:stroke;stroke:${ground};stroke-width:3;stroke-linejoin:round}`,
    `.line{fill:none;stroke:${line}}`,
    `.zero{fill:none;stroke:${muted};stroke-dasharray:2 3}`,
    `.curve{fill:none;stroke:${curve};stroke-width:2;stroke-linejoin:round}`,
    `.dot{fill:${curve}}`,
    ...Object.entries(kinds).flatMap(([kind, colour]) => [
      `.${kind}{fill:${colour}}`,
      `.${kind}-line{fill:none;stroke:${colour}}`,
    ]),
  ].join("");
}

export const STYLE = `${rules(LIGHT, LIGHT_KINDS)}@media(prefers-color-scheme:dark){${rules(DARK, DARK_KINDS)}}`;

/** Widths in em in the widest fonts that readers have (DejaVu Sans, Verdana), rather too wide. The first that fits counts. */
const WIDTHS = [
  [/[ijl']/, 0.3],
  [/[ .,:;!|()[\]I·]/, 0.41],
  [/[frtJ/\\"-]/, 0.47],
  [/[cskvxyz*]/, 0.6],
  [/[\da-ln-v?$_€°µ]/, 0.65],
  [/[A-LNOP-VX-Z&]/, 0.8],
  [/[w#+=<>~^×−→≤≥]/, 0.85],
  [/[\u00c0-\u00ff]/, 0.98],
];
/** Of all others: m, W, a letter of another script. */
const WIDE = 1.08;

/** Of what is written bold, so much wider. */
const BOLDER = 1.13;

/** How wide a text is at most, px. */
export function widthOf(text, { size = SMALL, isBold = false } = {}) {
  let em = 0;
  for (const char of text) em += WIDTHS.find(([some]) => some.test(char))?.[1] ?? WIDE;
  return em * size * (isBold ? BOLDER : 1);
}

/** The text, or its beginning with an ellipsis, within a width; nothing, if there is not even room for that. */
export function cut(text, width, style = {}) {
  if (widthOf(text, style) <= width) return text;
  const chars = [...text];
  while (chars.length > 0 && widthOf(`${chars.join("")}…`, style) > width) chars.pop();
  return chars.length === 0 ? "" : `${chars.join("").trimEnd()}…`;
}
