/** Just enough XML to write one file. */

/** An element; `content` is XML already, or nothing. */
export function element(name, attributes, ...content) {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`);
  const open = `<${name}${written.join("")}`;
  return content.length === 0 ? `${open}/>` : `${open}>${content.join("")}</${name}>`;
}

/** An element with words in it. */
export function text(name, attributes, words) {
  return element(name, attributes, escapeXml(words));
}

export function rect(x, y, width, height, attributes) {
  return element("rect", { x: px(x), y: px(y), width: px(width), height: px(height), ...attributes });
}

/** What XML 1.0 forbids in any form: most control characters, halves of surrogate pairs, U+FFFE and U+FFFF. */
const FORBIDDEN = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu;

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** For text and for attributes in double quotes. */
export function escapeXml(words) {
  return words.replace(FORBIDDEN, "\ufffd").replace(/[&<>"]/g, (char) => ENTITIES[char]);
}

/** To a tenth of a pixel. */
export function px(number) {
  return String(Math.round(number * 10) / 10);
}
