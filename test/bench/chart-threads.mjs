/** Lines over the number of threads, both axes logarithmic: how long a target stands still, and how long commands take. Pure. */
import { COLOURS, crisp, element, heading, INK, line, px, SMALL, svg, text, WIDTH } from "./svg.mjs";
import { grouped } from "./table.mjs";

const LEFT = 84;
const RIGHT = WIDTH - 250;
const HEIGHT = 340;
/** Between two labels at the lines' ends. */
const LINE_HEIGHT = 17;

/**
 * @typedef {import("./statistics.mjs").Summary} Summary
 * @typedef {{ threads: number, ns: Summary }} Point
 * @typedef {{ name: string, colour: string, dashed?: boolean, points: Point[] }} Series
 */

/**
 * @param {import("./pause.mjs").Pauses[]} pauses
 * @param {string} machine in words
 */
export function stopsChart(pauses, machine) {
  const of = (activity, key) =>
    pauses
      .filter((each) => each.activity === activity && each[key] !== undefined)
      .map((each) => ({ threads: each.threads, ns: each[key] }));
  return chart("How long the target stands still", machine, [
    { name: "timeskew inject", colour: COLOURS.timeskew, points: of("sleep", "inject") },
    {
      name: "timeskew inject, all threads running",
      colour: COLOURS.timeskew,
      dashed: true,
      points: of("read", "inject"),
    },
    { name: "timeskew recover", colour: COLOURS.recover, points: of("sleep", "recover") },
    { name: "attaching one by one", colour: COLOURS.percall, points: of("sleep", "sequential") },
  ]);
}

/**
 * @param {import("./whole.mjs").Whole[]} whole
 * @param {string} machine in words
 */
export function commandsChart(whole, machine) {
  const of = (key) => whole.map((each) => ({ threads: each.threads, ns: each[key] }));
  return chart("How long a whole command takes", machine, [
    { name: "timeskew inject", colour: COLOURS.timeskew, points: of("inject") },
    { name: "timeskew recover", colour: COLOURS.recover, points: of("recover") },
    { name: "attaching one by one, in C", colour: COLOURS.percall, points: of("sequential") },
    { name: "node -e 0", colour: INK, dashed: true, points: of("node") },
  ]);
}

/** @param {readonly Series[]} all */
function chart(title, machine, all) {
  const series = all.filter(({ points }) => points.length > 0);
  const last = Math.max(...series.flatMap(({ points }) => points.map(({ threads }) => threads)));
  const [long, short] = [series.filter(endsAt(last)), series.filter((each) => !endsAt(last)(each))];
  const head = heading(title, `median of the rounds, the bars are p10 to p90; ${machine}`, short);
  const [top, bottom] = [head.bottom, head.bottom + HEIGHT];
  const points = series.flatMap((each) => each.points);
  const xs = decades(points.map(({ threads }) => threads));
  const ys = decades(points.flatMap(({ ns }) => [ns.p10, ns.p90]));
  const x = scale(xs, LEFT, RIGHT);
  const y = scale(ys, bottom, top);
  const content = [
    ...head.content,
    ...xs.flatMap((threads) => [
      line(`M${crisp(x(threads))} ${top}V${bottom}`, { opacity: 0.25 }),
      text(x(threads), bottom + 20, grouped(threads), { "text-anchor": "middle", "font-size": SMALL }),
    ]),
    ...ys.flatMap((ns) => [
      line(`M${LEFT} ${crisp(y(ns))}H${RIGHT}`, { opacity: 0.25 }),
      text(LEFT - 8, y(ns) + 4, duration(ns), { "text-anchor": "end", "font-size": SMALL }),
    ]),
    text((LEFT + RIGHT) / 2, bottom + 42, "threads of the target", {
      "text-anchor": "middle",
      "font-size": SMALL,
    }),
    ...series.flatMap((each) => curve(each, x, y)),
    ...endLabels(long, x, y),
  ];
  return svg({ title, words: words(series), height: bottom + 56 }, content);
}

/** Those have their names at their ends; the others' would lie on other lines. */
function endsAt(threads) {
  return ({ points }) => points.at(-1).threads === threads;
}

/** The powers of ten around all of them. */
function decades(values) {
  const [low, high] = [
    Math.floor(Math.log10(Math.min(...values))),
    Math.ceil(Math.log10(Math.max(...values))),
  ];
  return Array.from({ length: Math.max(high, low + 1) - low + 1 }, (_, index) => 10 ** (low + index));
}

function scale(ticks, from, to) {
  const [low, high] = [Math.log10(ticks[0]), Math.log10(ticks.at(-1))];
  return (value) => from + ((to - from) * (Math.log10(value) - low)) / (high - low);
}

/** @param {Series} series */
function curve({ points, colour, dashed }, x, y) {
  const at = points.map(({ threads, ns }) => [px(x(threads)), px(y(ns.median))]);
  const bars = points.map(({ threads, ns }) => `M${px(x(threads))} ${px(y(ns.p10))}V${px(y(ns.p90))}`);
  const style = { stroke: colour, "stroke-width": 2.5, "stroke-linejoin": "round" };
  return [
    line(`M${at.map((each) => each.join(" ")).join("L")}`, {
      ...style,
      ...(dashed ? { "stroke-dasharray": "6 5" } : {}),
    }),
    line(bars.join(""), { stroke: colour, "stroke-width": 1.5 }),
    ...at.map(([cx, cy]) => element("circle", { cx, cy, r: 3.5, fill: colour })),
  ];
}

/** Each line's name where it ends; those that end nearby make room for each other. */
function endLabels(series, x, y) {
  const labels = series
    .map(({ name, colour, points }) => ({ name, colour, ...points.at(-1) }))
    .map(({ name, colour, threads, ns }) => ({ name, colour, x: x(threads), y: y(ns.median) }))
    .sort((a, b) => a.y - b.y);
  let free = 0;
  return labels.map((label) => {
    const at = Math.max(label.y, free);
    free = at + LINE_HEIGHT;
    return text(label.x + 10, at + 5, label.name, { fill: label.colour });
  });
}

function words(series) {
  const each = series.map(({ name, points }) => {
    const figures = points.map(({ threads, ns }) => `${grouped(threads)}: ${duration(ns.median)}`);
    return `${name}, by threads: ${figures.join(", ")}`;
  });
  return `${each.join(". ")}.`;
}

function duration(ns) {
  const [unit, size] = ns >= 999.5e6 ? ["s", 1e9] : ns >= 999.5e3 ? ["ms", 1e6] : ["µs", 1e3];
  return `${Number((ns / size).toPrecision(2))} ${unit}`;
}
