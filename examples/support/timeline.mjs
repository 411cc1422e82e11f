/** What happened when, in lanes, one for each member of a play; as plain JSON, and drawn as SVG. */
export { drawTimeline } from "./timeline/draw.mjs";

/**
 * @typedef {"skew" | "bad" | "good" | "info"} Kind
 * @typedef {[at: number, value: number]} Point
 * @typedef {{ from: number, to: number, text: string, kind: Kind }} Span
 * @typedef {{ at: number, text: string, kind: Kind }} Event
 * @typedef {{ name: string, unit?: string, line: "steps" | "straight", offsets: Point[], values: Point[], spans: Span[],
 *   events: Event[] }} LaneModel offsets in ms
 * @typedef {{ title: string, subtitle?: string, from: number, until: number, lanes: LaneModel[] }} Model all times in
 *   true ms since 1970
 */

export class Timeline {
  #title;
  #subtitle;
  #start;
  #lanes = [];

  /** @param {{ title: string, subtitle?: string, start?: number }} about `start`: zero of the axis (default: the first) */
  constructor({ title, subtitle, start }) {
    this.#title = title;
    this.#subtitle = subtitle;
    this.#start = start;
  }

  /** What was played with, once it is known: versions, the kernel. */
  set subtitle(text) {
    this.#subtitle = text;
  }

  /**
   * One more, below the others.
   *
   * @param {string} name
   * @param {{ unit?: string | undefined, line?: "steps" | "straight" }} [how] lanes with the same `unit` share a scale. Of offsets it
   *   is ns, us, ms, s, m, h or d (default: what suits them); of values it is any word. `line`: whether a quantity stays
   *   as it was until it is read again (default), or moves straight on
   */
  lane(name, { unit, line = "steps" } = {}) {
    const lane = new Lane(name, unit, line);
    this.#lanes.push(lane);
    return lane;
  }

  /** @returns {Model} */
  model() {
    const lanes = this.#lanes.map((lane) => lane.model());
    const ats = lanes.flatMap(timesOf);
    const from = this.#start ?? ats.reduce((a, b) => Math.min(a, b), ats[0] ?? 0);
    const until = ats.reduce((a, b) => Math.max(a, b), from);
    const about = { title: this.#title, ...(this.#subtitle && { subtitle: this.#subtitle }) };
    return { ...about, from, until, lanes };
  }
}

class Lane {
  #offsets = [];
  #values = [];
  #spans = [];
  #events = [];

  constructor(name, unit, line) {
    this.name = name;
    this.unit = unit;
    this.line = line;
  }

  /** Its own clock minus the true one, in ms, as read from itself. */
  offset(at, ms) {
    this.#offsets.push([finite(at), finite(ms)]);
    return this;
  }

  /** Any other quantity; a lane has either offsets or values. */
  value(at, number) {
    this.#values.push([finite(at), finite(number)]);
    return this;
  }

  /** @param {Kind} kind */
  span(from, to, text, kind = "info") {
    this.#spans.push({ from: finite(from), to: finite(to), text, kind });
    return this;
  }

  /** @param {Kind} kind */
  event(at, text, kind = "info") {
    this.#events.push({ at: finite(at), text, kind });
    return this;
  }

  /** @returns {LaneModel} in the order of time */
  model() {
    const { name, unit, line } = this;
    return {
      name,
      ...(unit && { unit }),
      line,
      offsets: this.#offsets.toSorted(([a], [b]) => a - b),
      values: this.#values.toSorted(([a], [b]) => a - b),
      spans: this.#spans.toSorted((a, b) => a.from - b.from),
      events: this.#events.toSorted((a, b) => a.at - b.at),
    };
  }
}

/** So that a difference of two is a number, too. */
const LARGEST = 1e300;

function finite(number) {
  if (!(Math.abs(number) <= LARGEST)) throw new TypeError(`not a number that could be drawn: ${number}`);
  return number;
}

function timesOf({ offsets, values, spans, events }) {
  return [
    ...[...offsets, ...values].map(([at]) => at),
    ...spans.flatMap(({ from, to }) => [from, to]),
    ...events.map(({ at }) => at),
  ];
}
