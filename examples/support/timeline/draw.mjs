/** A timeline as an SVG file. The same model gives the same bytes. */
import { isClock, quantities } from "./axes.mjs";
import { layLane, nameLines } from "./lane.mjs";
import { msOf, niceTicks, quantity, rounded, unitFor } from "./scale.mjs";
import { cut, MARGIN, NAME, SANS, SMALL, STYLE, TITLE, WIDTH, widthOf } from "./style.mjs";
import { element, px, rect, text } from "./xml.mjs";

const RIGHT = WIDTH - MARGIN;
const LINE = 19;
/** Between the names, the ticks' labels and the lanes. */
const GAP = 10;
const AXIS_HEIGHT = 46;
const MOST_TIME_TICKS = 12;
/** A play, ms: no true time is known more exactly. */
const SHORTEST = 1e-3;

/** @param {import("../timeline.mjs").Model} model @returns {string} the whole file */
export function drawTimeline(model) {
  const axes = quantities(model.lanes);
  const names = model.lanes.map(({ name }) => nameLines(name));
  const left = plotLeft(names, axes);
  const clock = clockOf(model, left);
  const lanes = model.lanes.map((lane, index) =>
    layLane(lane, { ...axes[index], name: names[index], edges: [left, RIGHT], ...clock }),
  );
  const head = headOf(model, left);
  const tops = [head.height];
  for (const { height } of lanes) tops.push(tops.at(-1) + height);
  const [top, bottom] = [tops[0], tops.at(-1)];
  const height = Math.ceil(bottom + AXIS_HEIGHT);
  const content = [
    text("title", {}, model.title),
    text("desc", {}, describe(model, clock.words)),
    text("style", {}, STYLE),
    rect(0.5, 0.5, WIDTH - 1, height - 1, { rx: 6, class: "ground" }),
    ...head.content,
    ...skewedTimes(model, clock.x, top, bottom),
    ...timeAxis(clock, left, top, bottom),
    ...tops.slice(0, -1).map((y) => element("path", { d: `M${MARGIN} ${px(y)}H${RIGHT}`, class: "line" })),
    ...lanes.map(({ draw }, index) => draw(tops[index])),
  ];
  const root = {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${WIDTH} ${height}`,
    width: WIDTH,
    height,
    role: "img",
    "font-family": SANS,
    "font-size": SMALL,
  };
  return `${element("svg", root, ...content.filter(Boolean).map((each) => `\n${each}`), "\n")}\n`;
}

/** Right of the names and of the ticks' labels. */
function plotLeft(names, axes) {
  const name = Math.max(0, ...names.flat().map((line) => widthOf(line, NAME)));
  const ticks = axes.flatMap(({ axis }) => axis?.ticks ?? []);
  const tick = Math.max(0, ...ticks.map(({ label }) => widthOf(label)));
  return Math.ceil(MARGIN + name + GAP + tick + GAP);
}

/**
 * The axis of time.
 *
 * @returns {{ unit: string, ms: number, length: number, x: (at: number) => number, words: (at: number) => string }}
 *   `length` in ms; `x`: px of a time; `words`: "3.25 s", since the start
 */
function clockOf({ from, until }, left) {
  const length = Math.max(until - from, SHORTEST);
  const unit = unitFor(length);
  const ms = msOf(unit);
  return {
    unit,
    ms,
    length,
    x: (at) => left + ((RIGHT - left) * (at - from)) / length,
    words: (at) => quantity(rounded((at - from) / ms, 4), unit),
  };
}

/** Title, subtitle and legend. */
function headOf({ title, subtitle, lanes }, left) {
  const room = WIDTH - 2 * MARGIN;
  const content = [
    text(
      "text",
      { x: MARGIN, y: 33, class: "ink", "font-size": TITLE.size, "font-weight": 600 },
      cut(title, room, TITLE),
    ),
  ];
  let height = 44;
  if (subtitle) {
    content.push(text("text", { x: MARGIN, y: height + 9, class: "muted" }, cut(subtitle, room)));
    height += LINE;
  }
  const legend = legendOf(lanes, left, height + 5);
  return { content: [...content, ...legend], height: height + (legend.length > 0 ? LINE + 3 : 5) };
}

function legendOf(lanes, left, y) {
  let x = left;
  const entry = (sample, words) => {
    const drawn = [sample(x), text("text", { x: px(x + 28), y: y + 4, class: "muted" }, words)];
    x += 28 + widthOf(words) + 20;
    return drawn;
  };
  const curve = (at) => element("path", { d: `M${px(at)} ${y}h20`, class: "curve" });
  const swatch = (at) => rect(at, y - 6, 20, 12, { class: "skew", "fill-opacity": 0.25 });
  return [
    ...(lanes.some(isClock) ? entry(curve, "a program's own clock, ahead (+) or behind (−)") : []),
    ...(skews(lanes).length > 0 ? entry(swatch, "while a clock is wrong") : []),
  ];
}

function skews(lanes) {
  return lanes.flatMap(({ spans }) => spans.filter(({ kind }) => kind === "skew"));
}

/** Through all lanes, so that what anybody did meanwhile stands out. Those that overlap are one. */
function skewedTimes({ lanes }, x, top, bottom) {
  const merged = [];
  for (const { from, to } of skews(lanes).toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else merged.push({ from, to });
  }
  return merged.map(({ from, to }) =>
    rect(x(from), top, x(to) - x(from), bottom - top, { class: "skew", "fill-opacity": 0.07 }),
  );
}

function timeAxis({ length, unit, ms }, left, top, bottom) {
  const ticks = timeTicks(length / ms, unit, RIGHT - left).map(({ px: at, label }) => ({
    x: left + at,
    label,
  }));
  const lines = ticks.map(({ x }) => `M${px(x)} ${px(top)}V${px(bottom + 5)}`).join("");
  const middle = { class: "muted", "text-anchor": "middle" };
  return [
    element("path", { d: lines, class: "line", "stroke-opacity": 0.5 }),
    element("path", { d: `M${px(left)} ${px(bottom)}H${RIGHT}`, class: "line" }),
    ...ticks.map(({ x, label }) => {
      const most = WIDTH - 4 - widthOf(label) / 2; // on the picture
      return text("text", { x: px(Math.min(x, most)), y: px(bottom + 19), ...middle }, label);
    }),
    text("text", { x: px((left + RIGHT) / 2), y: px(bottom + 36), ...middle }, "true time since the start"),
  ];
}

/** As many as there is room for. */
function timeTicks(length, unit, width) {
  for (let most = MOST_TIME_TICKS; ; most--) {
    const ticks = niceTicks(0, length, most, unit).map(({ at, label }) => ({
      px: (width * at) / length,
      label,
    }));
    const widest = Math.max(...ticks.map(({ label }) => widthOf(label)));
    if (most === 1 || ticks.length < 2 || ticks[1].px > widest + GAP) return ticks;
  }
}

/** For who cannot see it: what happened in each lane, in order. */
function describe({ lanes }, words) {
  return lanes
    .map(({ name, spans, events }) => {
      const all = [
        ...spans.map(({ from, to, text: what }) => ({
          at: from,
          said: `${words(from)} to ${words(to)}: ${what}`,
        })),
        ...events.map(({ at, text: what }) => ({ at, said: `${words(at)}: ${what}` })),
      ];
      return `${name}: ${
        all
          .sort((a, b) => a.at - b.at)
          .map(({ said }) => said)
          .join("; ") || "nothing"
      }.`;
    })
    .join("\n");
}
