import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { curveOf } from "../../../src/chart/curve.ts";
import { type Picture, pictureOf } from "../../../src/chart/picture.ts";
import { rangesOf } from "../../../src/chart/range.ts";
import { ACCENT, INK, svgChart } from "../../../src/chart/svg.ts";
import { SPECIMENS, specimen } from "./specimens.ts";
import { charted, ROUNDING, timeWithin, truth } from "./subjects.ts";
import { all, distanceFrom, drawingOf, parseXml } from "./svg-read.ts";

const WORDS = { title: "--offset 1s", words: "The clock is 1s ahead." };
const fractions = fc.array(fc.integer({ min: 0, max: 999_999 }), { minLength: 20, maxLength: 20 });

function svgOf(title: string, words = ""): string {
  const subject = { base: 1n, profile: undefined, clock: 0, begin: 0n };
  return svgChart(pictureOf(subject, 60_000_000_000n, { title, words }));
}

/** WCAG 2's ratio of two colours, #rrggbb. */
function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light! + 0.05) / (dark! + 0.05);
}

function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

/** @param rounding by so many ns the model may be off a straight line */
function expectOnCurve(picture: Picture, fractions: readonly number[], rounding: bigint): void {
  const drawing = drawingOf(svgChart(picture), picture.origin);
  const slack = Math.abs(drawing.y(rounding) - drawing.y(0n));
  for (const fraction of fractions) {
    const at = timeWithin(picture.view, fraction);
    const [x, y] = [drawing.x(at), drawing.y(truth(picture.subject, at))];
    expect(distanceFrom(drawing, [x, y]), `at ${at}`).toBeLessThanOrEqual(0.5 + slack);
  }
}

describe("the curve", () => {
  it("passes through what the model says, within half a pixel", () => {
    fc.assert(
      fc.property(charted, fractions, ({ subject, until }, times) => {
        const picture = pictureOf(subject, until, WORDS);
        expectOnCurve(picture, times, ROUNDING);
      }),
      { numRuns: 100 },
    );
  });

  it.each(Object.keys(SPECIMENS))("of %s, too", (name) => {
    expectOnCurve(
      specimen(name),
      Array.from({ length: 2000 }, (_, index) => index * 500),
      0n,
    );
  });

  it("goes nowhere else: every corner is within half a pixel of what the model says nearby", () => {
    fc.assert(
      fc.property(charted, ({ subject, until }) => {
        const picture = pictureOf(subject, until, WORDS);
        const { view } = picture;
        if (curveOf(subject, view, 640).kind === "band") return;
        const drawing = drawingOf(svgChart(picture), picture.origin);
        const rangeOf = rangesOf(subject);
        const perPixel = Number(view.until - view.from) / (drawing.x(view.until) - drawing.x(view.from));
        const near = BigInt(Math.ceil(perPixel / 2)) + 1n;
        for (const [x, y] of drawing.path) {
          const at = view.from + BigInt(Math.round((x - drawing.x(view.from)) * perPixel));
          const from = at - near < view.from ? view.from : at - near;
          const { low, high } = rangeOf(from, at + near);
          expect(y).toBeGreaterThanOrEqual(drawing.y(high + ROUNDING) - 0.5);
          expect(y).toBeLessThanOrEqual(drawing.y(low - ROUNDING) + 0.5);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("has what is narrower than a pixel", () => {
    const picture = specimen("spikes");
    const drawing = drawingOf(svgChart(picture), picture.origin);
    for (const minute of [0n, 1n, 4n]) {
      const at = minute * 60_000_000_000n + 500_000n;
      expect(truth(picture.subject, at)).toBe(30_000_000_000n);
      expect(distanceFrom(drawing, [drawing.x(at), drawing.y(30_000_000_000n)])).toBeLessThanOrEqual(0.5);
    }
  });

  it("would be told to be wrong", () => {
    const picture = specimen("strobe");
    const drawing = drawingOf(svgChart(picture), picture.origin);
    const at = 2_500_000_000n;
    const on = [drawing.x(at), drawing.y(200_000_000n)] as const;
    expect(distanceFrom(drawing, on)).toBeLessThan(0.2);
    expect(distanceFrom(drawing, [on[0], on[1] + 1])).toBeGreaterThan(0.5);
    expect(distanceFrom(drawing, [drawing.x(at), drawing.y(0n)])).toBeGreaterThan(40);
  });
});

describe("the file", () => {
  it("is small and well formed, whatever it shows", () => {
    fc.assert(
      fc.property(charted, ({ subject, until }) => {
        const svg = svgChart(pictureOf(subject, until, WORDS));
        expect(Buffer.byteLength(svg)).toBeLessThan(20_000);
        parseXml(svg);
      }),
      { numRuns: 100 },
    );
  });

  it.each(Object.keys(SPECIMENS))("%s: has a name, a description, and nothing that loads or runs", (name) => {
    const { title, words } = specimen(name);
    const root = parseXml(svgChart(specimen(name)));
    expect(root.attributes).toMatchObject({ xmlns: "http://www.w3.org/2000/svg", role: "img", width: "800" });
    const [first, second] = root.children;
    expect([first?.name, first?.text]).toEqual(["title", `timeskew ${title}`]);
    expect([second?.name, second?.text]).toEqual(["desc", words]);
    const names = new Set(all(root).map((element) => element.name));
    expect([...names].sort()).toEqual(["desc", "g", "path", "svg", "text", "title"]);
    const values = all(root).flatMap(({ attributes }) => Object.entries(attributes));
    expect(values.filter(([key, value]) => /^on|href|style|url\(/i.test(key + value))).toEqual([]);
  });

  it("keeps every text within the picture, and legible at half the size", () => {
    for (const name of Object.keys(SPECIMENS)) {
      const root = parseXml(svgChart(specimen(name)));
      expect(Number(root.attributes["font-size"])).toBeGreaterThanOrEqual(16);
      const groups = all(root).filter(({ children }) => children.some((child) => child.name === "text"));
      for (const { attributes, children } of groups) {
        for (const { attributes: own, text } of children) {
          // A mean of DejaVu Sans, a wide font.
          const width = text.length * (own["font-family"] === undefined ? 9.2 : 9.7);
          const anchor = own["text-anchor"] ?? attributes["text-anchor"] ?? "start";
          const left = Number(own.x) - { start: 0, middle: width / 2, end: width }[anchor]!;
          expect(left, text).toBeGreaterThanOrEqual(0);
          expect(left + width, text).toBeLessThanOrEqual(800);
          expect(Number(own.y)).toBeLessThan(Number(root.attributes.height) - 4);
        }
      }
    }
  });

  it("has colours that stand on white and on black", () => {
    for (const background of ["#ffffff", "#0d1117", "#000000"]) {
      expect(contrast(INK, background)).toBeGreaterThan(4.1);
      expect(contrast(ACCENT, background)).toBeGreaterThan(3);
    }
  });

  it("escapes text", () => {
    const special = fc.constantFrom(
      "&",
      "<",
      ">",
      '"',
      "'",
      "]]>",
      "&amp;",
      "\0",
      "\u001b",
      "\ud800",
      "\uffff",
    );
    const text = fc.array(fc.oneof(special, fc.string({ unit: "binary" }))).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, (written) => {
        const [title, desc] = parseXml(svgOf(written, written)).children;
        const forbidden = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu;
        const shown = written.replace(forbidden, "\ufffd");
        expect([title?.text, desc?.text]).toEqual([`timeskew ${shown}`, shown]);
      }),
    );
    expect(svgOf(`</title><script>alert("&")</script>`)).not.toContain("<script");
  });

  it("breaks a long title between flags", () => {
    const title =
      "--at 2026-12-31T23:59:50Z --drift 200ppm --leap insert --leap-at 2027-01-01T00:00:00Z --smear 24h";
    const texts = all(parseXml(svgOf(title))).filter(({ attributes }) => attributes["font-weight"] === "600");
    expect(texts.map(({ text }) => text)).toEqual([
      "--at 2026-12-31T23:59:50Z --drift 200ppm --leap insert",
      "--leap-at 2027-01-01T00:00:00Z --smear 24h",
    ]);
  });
});
