/** Reads a drawn timeline as a viewer does: where its words, dots, bars and curves are. */
import { all, type Element, parseXml } from "../chart/svg-read.ts";
import { widthInDejaVu } from "./dejavu.ts";

export interface Box {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface Drawn {
  readonly width: number;
  readonly height: number;
  readonly elements: readonly Element[];
  /** Of all words that are shown. */
  readonly words: readonly Box[];
  readonly dots: readonly Box[];
  /** Of spans, with the words in them. */
  readonly bars: readonly Box[];
  /** Vertices of each curve. */
  readonly curves: readonly (readonly [x: number, y: number])[][];
}

export function readTimeline(svg: string): Drawn {
  const root = parseXml(svg);
  const elements = all(root);
  const size = Number(root.attributes["font-size"]);
  return {
    width: Number(root.attributes.width),
    height: Number(root.attributes.height),
    elements,
    words: elements
      .filter(({ name, text }) => name === "text" && text !== "")
      .map((each) => boxOf(each, size)),
    bars: elements.filter(({ name, attributes }) => name === "rect" && attributes.height === BAR).map(barOf),
    dots: elements.filter(({ name }) => name === "circle").map(dotOf),
    curves: elements
      .filter(({ attributes }) => attributes.class === "curve" && attributes.d?.startsWith("M"))
      .map(curveOf),
  };
}

/** Elements of a name and a class. */
export function ofClass({ elements }: Drawn, name: string, someClass: string): Element[] {
  return elements.filter(
    (each) => each.name === name && each.attributes.class?.split(" ").includes(someClass),
  );
}

function boxOf({ text, attributes }: Element, usual: number): Box {
  const size = Number(attributes["font-size"] ?? usual);
  const width = widthInDejaVu(text, size) * (attributes["font-weight"] ? 1.1 : 1);
  const [x, y] = [Number(attributes.x), Number(attributes.y)];
  const left = { start: x, middle: x - width / 2, end: x - width }[attributes["text-anchor"] ?? "start"]!;
  return { text, left, right: left + width, top: y - 0.76 * size, bottom: y + 0.2 * size };
}

/** What tells a bar from the tint below it. */
const BAR = "17";

function barOf({ attributes: { x, y, width, height } }: Element): Box {
  const [left, top] = [Number(x), Number(y)];
  return { text: "a bar", left, right: left + Number(width), top, bottom: top + Number(height) };
}

function dotOf({ attributes: { cx, cy, r } }: Element): Box {
  const [x, y, radius] = [Number(cx), Number(cy), Number(r)];
  return { text: "a dot", left: x - radius, right: x + radius, top: y - radius, bottom: y + radius };
}

function curveOf({ attributes: { d = "" } }: Element): [number, number][] {
  let [x, y] = [0, 0];
  return [...d.matchAll(/([MLHVh])(-?[\d.]+)(?: (-?[\d.]+))?/g)].map(([, command, a, b]) => {
    if (command === "V") y = Number(a);
    else x = command === "h" ? x + Number(a) : Number(a);
    if (b !== undefined) y = Number(b);
    return [x, y];
  });
}

export function overlap(one: Box, other: Box): boolean {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}

/** All that cover each other; dots may, and words may be in a bar. */
export function overlaps({ words, dots, bars }: Drawn): string[] {
  const isWithin = (one: Box, other: Box) => one.left >= other.left && one.right <= other.right;
  const pairs = [
    ...words.flatMap((word, index) =>
      [...words.slice(index + 1), ...dots].map((other) => [word, other] as const),
    ),
    ...bars.flatMap((bar, index) => bars.slice(index + 1).map((other) => [bar, other] as const)),
    ...words.flatMap((word) => bars.filter((bar) => !isWithin(word, bar)).map((bar) => [word, bar] as const)),
  ];
  return pairs
    .filter(([one, other]) => overlap(one, other))
    .map(([one, other]) => `${one.text} / ${other.text}`);
}

/** Words that are not all on the picture. */
export function cutOff({ words, width, height }: Drawn): string[] {
  return words
    .filter(({ left, right, top, bottom }) => left < 0 || right > width || top < 0 || bottom > height)
    .map(({ text }) => text);
}
