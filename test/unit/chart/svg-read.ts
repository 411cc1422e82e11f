/** Reads our SVGs as a viewer does, knowing nothing of how they were written. */
import { parseDuration } from "../../../src/skew/duration.ts";

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

/** Parses XML without comments, processing instructions and CDATA. @throws Error if it is not well formed */
export function parseXml(xml: string): Element {
  const root: Element = { name: "", attributes: {}, children: [], text: "" };
  const open = [root];
  const token = /<\/([\w-]+)>|<([\w-]+)((?: [\w:-]+="[^"<]*")*)(\/?)>|([^<]+)/gy;
  for (let at = 0; at < xml.length; at = token.lastIndex) {
    const [, closed, opened, attributes = "", empty, text] = token.exec(xml) ?? [];
    const parent = open.at(-1)!;
    if (text !== undefined) parent.text += decoded(text);
    else if (closed !== undefined) {
      if (open.pop()?.name !== closed) throw new Error(`</${closed}> closes nothing`);
    } else if (opened !== undefined) {
      const element: Element = { name: opened, attributes: attributesOf(attributes), children: [], text: "" };
      parent.children.push(element);
      if (empty === "") open.push(element);
    } else throw new Error(`not XML: ${xml.slice(at, at + 40)}`);
  }
  if (open.length !== 1 || root.children.length !== 1 || root.text.trim() !== "")
    throw new Error("not one element");
  return root.children[0]!;
}

function attributesOf(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/ ([\w:-]+)="([^"]*)"/g)].map(
    ([, name, value]) => [name!, decoded(value!)] as const,
  );
  if (new Set(pairs.map(([name]) => name)).size !== pairs.length)
    throw new Error(`an attribute twice: ${text}`);
  return Object.fromEntries(pairs);
}

const ENTITIES: Readonly<Record<string, string>> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"' };

function decoded(text: string): string {
  if ([...text].some(isForbidden)) throw new Error("a character that XML forbids");
  return text.replace(/&[^;]*;?/g, (entity) => {
    const char = ENTITIES[entity];
    if (char === undefined) throw new Error(`unknown entity ${entity}`);
    return char;
  });
}

/** By XML 1.0, production 2. */
function isForbidden(char: string): boolean {
  const code = char.codePointAt(0)!;
  if (code < 0x20) return !"\t\n\r".includes(char);
  return (code >= 0xd800 && code <= 0xdfff) || code === 0xfffe || code === 0xffff;
}

export function all(element: Element): Element[] {
  return [element, ...element.children.flatMap(all)];
}

/** A line in pixels, ns at x = 0, ns per pixel: as the labels of an axis tell. */
interface Scale {
  readonly at: number;
  readonly per: number;
}

export interface Drawing {
  /** Vertices of the curve, px. */
  readonly path: readonly (readonly [x: number, y: number])[];
  /** Whether it surrounds an area. */
  readonly isBand: boolean;
  /** Pixels of a time, and of an offset, by the labels. */
  x(time: bigint): number;
  y(offset: bigint): number;
}

const ANCHORED = (anchor: string) => (element: Element) =>
  element.name === "g" && element.attributes["text-anchor"] === anchor;

export function drawingOf(svg: string, origin: bigint): Drawing {
  const elements = all(parseXml(svg));
  const curve = elements.filter(({ name }) => name === "path").at(-1)!.attributes;
  const offsets = labelsOf(elements.find(ANCHORED("end"))!, "y");
  const times = labelsOf(elements.find(ANCHORED("middle"))!, "x");
  const [x, y] = [scaleOf(times), scaleOf(offsets)];
  return {
    ...pathOf(curve.d!),
    x: (time) => x.at + x.per * Number(time),
    // Half the height of a figure above the line of the text.
    y: (offset) => y.at - 5.5 + y.per * Number(offset - origin),
  };
}

function labelsOf(group: Element, axis: "x" | "y"): { ns: number; px: number }[] {
  return group.children.map(({ text, attributes }) => ({
    ns: text === "0" ? 0 : Number(parseDuration(text.replace("\u2212", "-"))),
    px: Number(attributes[axis]),
  }));
}

function scaleOf(labels: readonly { ns: number; px: number }[]): Scale {
  const [first, last] = [labels[0]!, labels.at(-1)!];
  const per = (last.px - first.px) / (last.ns - first.ns);
  if (!Number.isFinite(per)) throw new Error("fewer than two labels");
  return { at: first.px - per * first.ns, per };
}

function pathOf(d: string): Pick<Drawing, "path" | "isBand"> {
  const path: [number, number][] = [];
  let [x, y] = [0, 0];
  let rest = d;
  const number = "(-?(?:\\d+\\.?\\d*|\\.\\d+))";
  const command = new RegExp(`^(?:([Ml])${number} ?${number}|([hv])${number}|z)`);
  while (rest !== "") {
    const [whole, pair, a, b, single, length] = command.exec(rest) ?? [];
    if (whole === undefined) throw new Error(`not a command: ${rest.slice(0, 40)}`);
    if (pair === "M") [x, y] = [Number(a), Number(b)];
    else if (pair === "l") [x, y] = [x + Number(a), y + Number(b)];
    else if (single === "h") x += Number(length);
    else if (single === "v") y += Number(length);
    // z leads back to where M was.
    path.push(whole === "z" ? path[0]! : [x, y]);
    rest = rest.slice(whole.length);
  }
  return { path, isBand: d.endsWith("z") };
}

/** How far a point is from the curve: from its line, or from the area between its outlines. */
export function distanceFrom({ path, isBand }: Drawing, [x, y]: readonly [number, number]): number {
  let least = Infinity;
  let crossings = 0;
  for (const [index, [bx, by]] of path.entries()) {
    const before = path[index - 1];
    if (before === undefined) continue;
    const [ax, ay] = before;
    least = Math.min(least, segmentDistance([ax, ay], [bx, by], [x, y]));
    if (ax > x !== bx > x && ay + ((by - ay) * (x - ax)) / (bx - ax) > y) crossings++;
  }
  return isBand && crossings % 2 === 1 ? 0 : least;
}

function segmentDistance(
  [ax, ay]: readonly [number, number],
  [bx, by]: readonly [number, number],
  [x, y]: readonly [number, number],
): number {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length));
  return Math.hypot(ax + along * dx - x, ay + along * dy - y);
}
