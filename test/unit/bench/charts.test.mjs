/** The benchmark's charts: that they say what was measured, and can be read, on light and on dark. */
import { describe, expect, test } from "vitest";
import { charts } from "../../bench/charts.mjs";
import { COLOURS, GROUNDS, INK } from "../../bench/svg.mjs";
import { parseXml } from "../chart/svg-read.ts";
import { specimen, summary } from "./specimen.mjs";

const ALL = charts(specimen());
const NAMES = ["reads.svg", "stops.svg", "commands.svg"];

/** All elements of a name, with their attributes and text. */
function elements(svg, name) {
  return [...svg.matchAll(new RegExp(`<${name}(| [^>]*?)/?>([^<]*)`, "g"))].map(([, attributes, text]) => ({
    ...Object.fromEntries(
      [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
    ),
    text,
  }));
}

function luminance(colour) {
  const channels = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255);
  const linear = channels.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

function contrast(a, b) {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

test("one for each part that was measured", () => {
  expect([...ALL.keys()]).toEqual(NAMES);
  const { machine, pause } = specimen();
  expect([...charts({ machine, pause }).keys()]).toEqual(["stops.svg"]);
});

test.each(Object.entries(COLOURS))("%s can be told from light and from dark", (_, colour) => {
  for (const ground of GROUNDS) expect(contrast(colour, ground)).toBeGreaterThan(colour === INK ? 4 : 3);
});

describe.each(NAMES)("%s", (name) => {
  const svg = ALL.get(name);

  test("is well-formed, has a title, and words for who cannot see it", () => {
    const root = parseXml(svg);
    expect(root.name).toBe("svg");
    expect(root.attributes).toMatchObject({ width: "960", role: "img" });
    expect(elements(svg, "title")[0].text).not.toBe("");
    expect(elements(svg, "desc")[0].text).toMatch(/timeskew/);
    expect(svg).toContain("Some &lt;CPU&gt; &amp; more");
  });

  test("has no letters below 11 px, and none beyond its edges", () => {
    const { height } = elements(svg, "svg")[0];
    for (const { x, y, text, "font-size": size = "14", "text-anchor": anchor = "start" } of elements(
      svg,
      "text",
    )) {
      expect(Number(size)).toBeGreaterThanOrEqual(11);
      const width = text.length * Number(size) * 0.6;
      const left = Number(x) - { start: 0, middle: width / 2, end: width }[anchor];
      expect(left, text).toBeGreaterThanOrEqual(0);
      expect(left + width, text).toBeLessThanOrEqual(960);
      expect(Number(y), text).toBeLessThanOrEqual(Number(height) - 4);
    }
  });

  test("has no letters upon letters", () => {
    const boxes = elements(svg, "text").map(({ x, y, text, "text-anchor": anchor = "start" }) => {
      const width = text.length * 6;
      return {
        left: Number(x) - { start: 0, middle: width / 2, end: width }[anchor],
        width,
        y: Number(y),
        text,
      };
    });
    for (const [index, a] of boxes.entries()) {
      for (const b of boxes.slice(index + 1)) {
        const apart = a.left + a.width <= b.left || b.left + b.width <= a.left || Math.abs(a.y - b.y) >= 11;
        expect(apart, `${a.text} / ${b.text}`).toBe(true);
      }
    }
  });
});

test("bars are as long as reads take", () => {
  const bars = elements(ALL.get("reads.svg"), "rect").filter(({ height }) => height === "12");
  const byColour = (colour) => bars.filter(({ fill, rx }) => fill === colour && rx === undefined)[0];
  const [plain, percall] = [byColour(COLOURS.plain), byColour(COLOURS.percall)].map(({ width }) =>
    Number(width),
  );
  expect(percall / plain).toBeCloseTo(176 / 20, 1);
});

test("a way that was not measured has no bars", () => {
  const { machine, reads } = specimen();
  for (const { ns } of reads.functions) delete ns.faketime;
  expect(charts({ machine, reads }).get("reads.svg")).not.toContain(COLOURS.faketime);
});

test("each decade has the same height, and ten times as many threads are as far apart", () => {
  const { machine } = specimen();
  const point = (threads, ns) => ({
    threads,
    activity: "sleep",
    inject: summary(ns, 0),
    recover: summary(ns, 0),
  });
  const svg = charts({ machine, pause: [point(1, 1e5), point(10, 1e6), point(100, 1e7)] }).get("stops.svg");
  const [a, b, c] = elements(svg, "circle").map(({ cx, cy }) => [Number(cx), Number(cy)]);
  expect(b[0] - a[0]).toBeCloseTo(c[0] - b[0], 0);
  expect(a[1] - b[1]).toBeCloseTo(b[1] - c[1], 0);
  expect(a[1]).toBeGreaterThan(b[1]);
});
