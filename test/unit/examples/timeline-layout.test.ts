/** Whatever is told: no words on top of others, or beyond the edge. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawTimeline, type Model, Timeline } from "../../../examples/support/timeline.mjs";
import { cutOff, overlaps, readTimeline } from "./read-timeline.ts";

const START = 1.79e12;

const KINDS = ["skew", "bad", "good", "info"] as const;
const kind = fc.constantFrom(...KINDS);
const words = fc.oneof(
  fc.constantFrom(
    "drift",
    "prober found high clock drift",
    "W".repeat(40),
    "the lease of 8 s has expired, as it should",
  ),
  // Nor what a number that is none would look like.
  fc.string({ maxLength: 90 }).map((text) => text.replace(/[^ -~]|NaN|Infinity|undefined/g, "m")),
);
/** Of a play of 20 s: anywhere, or where others are. */
const moment = fc.oneof(
  fc.double({ min: 0, max: 20_000, noNaN: true }),
  fc.integer({ min: 0, max: 40 }).map((half) => 500 * half),
  fc.constantFrom(0, 1, 19_999, 20_000),
);
/** From ns to years, ms. */
const magnitude = fc.oneof(
  fc.constantFrom(1e-6, 1e-3, 0.0625, 1, 1000, 600_000, 7_200_000, 86_400_000, 3.2e10, 3e12, 1e300),
  fc.double({ min: 1e-7, max: 1e15, noNaN: true }),
);
const quantity = fc.oneof(
  fc.constant(0),
  magnitude,
  magnitude.map((each) => -each),
);

const lane = fc.record({
  name: fc.oneof(fc.constantFrom("etcd 1", "Postgres, the sum of all accounts", "x".repeat(60)), words),
  unit: fc.constantFrom(undefined, "ms", "s"),
  line: fc.constantFrom("steps", "straight"),
  offsets: fc.array(fc.tuple(moment, quantity), { maxLength: 6 }),
  values: fc.array(fc.tuple(moment, quantity), { maxLength: 4 }),
  spans: fc.array(fc.tuple(moment, moment, words, kind), { maxLength: 8 }),
  events: fc.array(fc.tuple(moment, words, kind), { maxLength: 30 }),
});

function timelineOf(
  lanes: readonly (typeof lane extends fc.Arbitrary<infer T> ? T : never)[],
  title: string,
): Model {
  const timeline = new Timeline({ title, subtitle: title, start: START });
  for (const { name, unit, line, offsets, values, spans, events } of lanes) {
    const drawn = timeline.lane(name, { unit, line });
    for (const [at, offset] of offsets) drawn.offset(START + at, offset);
    for (const [at, value] of values) drawn.value(START + at, value);
    for (const [from, to, text, of] of spans)
      drawn.span(START + Math.min(from, to), START + Math.max(from, to), text, of);
    for (const [at, text, of] of events) drawn.event(START + at, text, of);
  }
  return timeline.model();
}

describe("a timeline's layout", () => {
  it("keeps all words apart, and on the picture", () => {
    fc.assert(
      fc.property(fc.array(lane, { maxLength: 4 }), words, (lanes, title) => {
        const svg = drawTimeline(timelineOf(lanes, title));
        expect(svg).not.toMatch(/NaN|Infinity|undefined/);
        const drawn = readTimeline(svg);
        expect(overlaps(drawn)).toEqual([]);
        expect(cutOff(drawn)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  }, 120_000);

  it("does so for plays of any length", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e13, noNaN: true }), (length) => {
        const timeline = new Timeline({ title: "Any length", start: START });
        timeline
          .lane("server")
          .event(START + length, "over")
          .offset(START, 0)
          .offset(START + length, 5);
        const drawn = readTimeline(drawTimeline(timeline.model()));
        expect(overlaps(drawn)).toEqual([]);
        expect(cutOff(drawn)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it("and the instrument can say no", () => {
    const svg = `<svg width="100" height="40" font-size="10"><text x="0" y="20">one</text><text x="10" y="22">two</text><text x="95" y="39">three</text></svg>`;
    expect(overlaps(readTimeline(svg))).toEqual(["one / two"]);
    expect(cutOff(readTimeline(svg))).toEqual(["three"]);
  });
});
