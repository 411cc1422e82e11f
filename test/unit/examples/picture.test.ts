/** The README's picture: what its script draws, and no words of it leave their place. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { picture } from "../../../examples/picture.mjs";
import { type Element, parseXml } from "../chart/svg-read.ts";
import { widthInDejaVu } from "./dejavu.ts";

const drawn = picture();

describe("examples/picture.svg", () => {
  it("is what examples/picture.mjs draws", () => {
    expect(readFileSync(new URL("../../../examples/picture.svg", import.meta.url), "utf8")).toBe(drawn);
  });

  it("tells the same to who cannot see it", () => {
    const [title, description] = parseXml(drawn).children;
    expect(title).toMatchObject({ name: "title", text: expect.stringMatching(/./) });
    expect(description!.text).toContain(
      "timeskew inject --pid 1234 --offset -10m: your server 14:50:05, its database 15:00:05",
    );
    expect(description!.text).toContain("timeskew recover --pid 1234: your server 15:01:05, its database");
  });

  it("has no two texts in one place, whatever the font", () => {
    const boxes = textsOf(parseXml(drawn)).map(boxOf);
    expect(boxes.length).toBeGreaterThan(30);
    const collisions = boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => doOverlap(a, b)));
    expect(collisions).toEqual([]);
  });
});

function textsOf(element: Element): Element[] {
  return [...(element.name === "text" ? [element] : []), ...element.children.flatMap(textsOf)];
}

interface Box {
  readonly words: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** How much of a text's width is left of its place. */
const ANCHORS: Readonly<Record<string, number>> = { start: 0, middle: 0.5, end: 1 };

function boxOf({ text, attributes }: Element): Box {
  const size = Number(attributes["font-size"]);
  const width = widthInDejaVu(text, size);
  const left = Number(attributes.x) - width * ANCHORS[attributes["text-anchor"] ?? "start"]!;
  const bottom = Number(attributes.y);
  return { words: text, left, right: left + width, top: bottom - size, bottom };
}

function doOverlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
