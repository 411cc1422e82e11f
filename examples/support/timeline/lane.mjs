/** One lane: its name, the bars of its spans, its curve, and its events, from top to bottom. */
import { curvePath } from "./curve.mjs";
import { dotsOf, placeEvents } from "./events.mjs";
import { placeSpans } from "./spans.mjs";
import { cut, MARGIN, NAME, NAME_WIDTH, widthOf } from "./style.mjs";
import { element, px, rect, text } from "./xml.mjs";

const PADDING = 10;
const NAME_HEIGHT = 17;
const BAR_ROW = 20;
const BAR_HEIGHT = 17;
const CURVE_HEIGHT = 64;
/** Of the curve, above its highest and below its lowest value. */
const CURVE_ROOM = 8;
const EVENT_ROW = 17;
/** From a row's top to its middle, and from there to its base line. */
const MIDDLE = 8.5;
const TO_BASE = 4;

/**
 * What will be drawn where.
 *
 * @param {import("../timeline.mjs").LaneModel} lane
 * @param {import("./axes.mjs").Quantity & { name: string[], edges: [number, number], x: (at: number) => number,
 *   words: (at: number) => string }} how `name`: its lines; `x`: px of a time; `words`: how a time is said
 * @returns {{ height: number, draw: (top: number) => string }}
 */
export function layLane(lane, how) {
  const spans = placeSpans(lane.spans, how.x, how.edges);
  const events = placeEvents(lane.events, how.x, how.edges);
  const bars = spans.rows * BAR_ROW;
  const curve = how.axis ? CURVE_HEIGHT : 0;
  const drawn = bars + curve + events.rows * EVENT_ROW;
  const draw = (top) => {
    const [first, second, third] = [top + PADDING, top + PADDING + bars, top + PADDING + bars + curve];
    return [
      ...nameTexts(how.name, first),
      ...spans.placed.map((each) => drawSpans(each, first, curve > 0 ? third : undefined, how.words)),
      ...(how.axis ? drawCurve(lane.line, how, second) : []),
      ...events.placed.map((each) => leader(each, third)),
      ...events.placed.map((each) => drawEvents(each, third, how.words)),
    ].join("");
  };
  return { height: 2 * PADDING + Math.max(drawn, how.name.length * NAME_HEIGHT), draw };
}

/** A lane's name in lines. */
export function nameLines(name) {
  const lines = [];
  for (const word of name.split(" ")) {
    const longer = `${lines.at(-1) ?? ""} ${word}`.trim();
    if (lines.length > 0 && widthOf(longer, NAME) <= NAME_WIDTH) lines[lines.length - 1] = longer;
    else lines.push(cut(word, NAME_WIDTH, NAME));
  }
  return lines;
}

function nameTexts(lines, top) {
  const style = { x: MARGIN, class: "ink", "font-weight": 600, "font-size": NAME.size };
  return lines.map((line, index) => text("text", { ...style, y: px(top + 13 + index * NAME_HEIGHT) }, line));
}

/** Each with a tint of its colour below it, over the curve, which ends at `bottom`; undefined: there is none. */
function drawSpans({ bars, row, label, textX, side, place }, first, bottom, words) {
  const top = first + row * BAR_ROW;
  const below = top + BAR_HEIGHT;
  const end = bottom ?? below;
  const drawn = bars.map(({ x, width, kind, from, to, text: what }) => {
    const sides = `M${px(x)} ${px(top)}V${px(end)}m${px(width)} 0V${px(top)}`;
    return element(
      "g",
      {},
      text("title", {}, `${words(from)} to ${words(to)}: ${what}`),
      rect(x, top, width, BAR_HEIGHT, { class: kind, "fill-opacity": 0.28 }),
      end > below ? rect(x, below, width, end - below, { class: kind, "fill-opacity": 0.1 }) : "",
      element("path", { d: sides, class: `${kind}-line`, "stroke-opacity": 0.6 }),
    );
  });
  if (label === "") return drawn.join("");
  const style = { class: place === "inside" ? "ink" : `label ${bars[0].kind}`, "text-anchor": side };
  const middle = top + MIDDLE + (place === "below" ? BAR_ROW : 0);
  return [...drawn, text("text", { x: px(textX), y: px(middle + TO_BASE), ...style }, label)].join("");
}

function drawCurve(line, { axis, points, x, edges: [left, right] }, top) {
  const [low, high] = [top + CURVE_HEIGHT - CURVE_ROOM, top + CURVE_ROOM];
  const y = (value) => low + ((high - low) * (value - axis.low)) / (axis.high - axis.low);
  return [
    ...axis.ticks.flatMap(({ at, label }) => [
      element("path", { d: `M${px(left)} ${px(y(at))}H${px(right)}`, class: at === 0 ? "zero" : "line" }),
      text("text", { x: px(left - 8), y: px(y(at) + TO_BASE), class: "muted", "text-anchor": "end" }, label),
    ]),
    element("path", { d: curvePath(points, line, { x, y }), class: "curve" }),
  ];
}

/** From a dot down to its label. */
function leader({ kind, x, row, side, textX }, top) {
  if (row === 0) return "";
  const [from, to] = [top + MIDDLE, top + MIDDLE + row * EVENT_ROW];
  const d = `M${px(x)} ${px(from)}V${px(to)}H${px(side === "start" ? textX - 2 : textX + 2)}`;
  return element("path", { d, class: `${kind}-line`, "stroke-opacity": 0.6 });
}

function drawEvents({ text: what, label, kind, ats, xs, row, side, textX }, top, words) {
  const dots = top + MIDDLE;
  const [first, last] = [words(ats[0]), words(ats.at(-1))];
  const style = { class: `label ${kind === "info" ? "ink" : kind}`, "text-anchor": side };
  return element(
    "g",
    {},
    text("title", {}, `${ats.length === 1 ? first : `${ats.length} times, ${first} to ${last}`}: ${what}`),
    ...dotsOf(xs).map((each) => element("circle", { cx: px(each), cy: px(dots), r: 3.5, class: kind })),
    text("text", { x: px(textX), y: px(dots + row * EVENT_ROW + TO_BASE), ...style }, label),
  );
}
