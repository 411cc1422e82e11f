/** Bars: what a read of each clock costs, by each way to skew it. Pure. */

import { COLOURS, crisp, element, heading, INK, line, px, SMALL, svg, text, WIDTH } from "./svg.mjs";
import { times } from "./table.mjs";

const LEFT = 212;
const RIGHT = WIDTH - 150;
const BAR = 15;
const GAP = 14;
/** Of the grid, ns. */
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
const MOST_PARTS = 6;

const WAYS = [
  { key: "untouched", name: "untouched", colour: COLOURS.plain },
  { key: "skewed", name: "timeskew", colour: COLOURS.timeskew },
  { key: "faketime", name: "libfaketime (LD_PRELOAD)", colour: COLOURS.faketime },
  { key: "percall", name: "a payload that makes a system call per read", colour: COLOURS.percall },
];

/**
 * @param {Awaited<ReturnType<typeof import("./reads.mjs").measureReads>>} reads
 * @param {string} machine in words
 * @returns {string} an SVG file
 */
export function readsChart({ functions }, machine) {
  const shown = functions.filter(({ name, command }) => command !== "clock_getres" && !name.includes(","));
  const ways = WAYS.filter(({ key }) => shown.every(({ ns }) => key in ns));
  const title = "What a read of the clock costs";
  const head = heading(
    title,
    `ns, median of the quiet rounds; the thin line is p10 to p90; ${machine}`,
    ways,
  );
  const top = head.bottom + 20;
  const tall = ways.length * BAR + GAP;
  const bottom = top + shown.length * tall;
  const most = Math.max(...shown.flatMap(({ ns }) => ways.map(({ key }) => ns[key].p90)));
  const x = (ns) => LEFT + ((RIGHT - LEFT) * ns) / most;
  const content = [
    ...head.content,
    ...grid(most, x, top - 6, bottom),
    ...shown.flatMap((each, index) => group(each, ways, top + index * tall, x)),
  ];
  return svg({ title, words: words(shown, ways), height: bottom + 32 }, content);
}

function grid(most, x, top, bottom) {
  const step = STEPS.find((each) => most / each <= MOST_PARTS) ?? STEPS.at(-1);
  const ticks = Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => index * step);
  return ticks.flatMap((ns) => [
    line(`M${crisp(x(ns))} ${top}V${bottom}`, { opacity: ns === 0 ? 0.9 : 0.25 }),
    text(x(ns), bottom + 18, `${ns} ns`, { "text-anchor": "middle", "font-size": SMALL }),
  ]);
}

/** One function's bars, each with its figure. */
function group({ name, ns }, ways, top, x) {
  const bars = ways.flatMap(({ key, colour }, index) => {
    const { p10, median, p90 } = ns[key];
    const y = top + index * BAR;
    const middle = crisp(y + BAR / 2);
    const ratio = key === "untouched" ? "" : ` (${times(median / ns.untouched.median)})`;
    const width = px(Math.max(1, x(median) - LEFT));
    return [
      element("rect", { x: LEFT, y: px(y + 1), width, height: BAR - 3, fill: colour }),
      line(`M${px(x(p10))} ${middle}H${px(x(p90))}`, { stroke: INK, "stroke-width": 1.5 }),
      text(Math.max(x(median), x(p90)) + 6, y + BAR - 3.5, `${figure(median)}${ratio}`, {
        "font-size": SMALL,
      }),
    ];
  });
  const middle = top + (ways.length * BAR) / 2 + 4;
  return [text(LEFT - 12, middle, name.replace("CLOCK_", ""), { "text-anchor": "end" }), ...bars];
}

function figure(ns) {
  return `${ns.toFixed(ns < 100 ? 1 : 0)} ns`;
}

function words(functions, ways) {
  const each = functions.map(
    ({ name, ns }) =>
      `${name}: ${ways.map(({ key, name }) => `${name} ${figure(ns[key].median)}`).join(", ")}`,
  );
  return `${each.join(". ")}.`;
}
