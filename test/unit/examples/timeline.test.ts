/** What a timeline shows of its model. */
import { describe, expect, it } from "vitest";
import { drawTimeline, Timeline } from "../../../examples/support/timeline.mjs";
import { all } from "../chart/svg-read.ts";
import { cutOff, type Drawn, ofClass, overlaps, readTimeline } from "./read-timeline.ts";

/** Seconds after some day in 2026, in true ms. */
const at = (seconds: number) => 1.79e12 + 1000 * seconds;

const draw = (timeline: Timeline): Drawn => readTimeline(drawTimeline(timeline.model()));
const said = ({ words }: Drawn) => words.map(({ text }) => text);
const word = ({ words }: Drawn, wanted: string) => words.findLast(({ text }) => text === wanted)!;
const middle = ({ top, bottom }: { top: number; bottom: number }) => (top + bottom) / 2;

function play(): Timeline {
  const timeline = new Timeline({ title: "A play", subtitle: "with one server", start: at(0) });
  const server = timeline.lane("server");
  for (let second = 0; second <= 20; second++)
    server.offset(at(second), second >= 5 && second < 15 ? -600_000 : 0);
  server.span(at(5), at(15), "-600 s", "skew").event(at(6), "time went back", "bad");
  return timeline;
}

describe("a timeline", () => {
  it("has a title, the words for who cannot see it, and the names of its lanes", () => {
    const drawn = draw(play());
    const [title, description] = drawn.elements[0]!.children;
    expect(title).toMatchObject({ name: "title", text: "A play" });
    expect(description).toMatchObject({
      name: "desc",
      text: "server: 5 s to 15 s: -600 s; 6 s: time went back.",
    });
    expect(said(drawn)).toEqual(expect.arrayContaining(["A play", "with one server", "server", "-600 s"]));
    expect(drawn.width).toBe(960);
  });

  it("shows each offset at its height, as a line of steps", () => {
    const drawn = draw(play());
    const [, curve = []] = drawn.curves; // the first is that of the legend
    const [zero, low] = [middle(word(drawn, "0")), middle(word(drawn, "−600 s"))];
    const heights = new Set(curve.map(([, y]) => y));
    expect(heights.size).toBe(2);
    expect(Math.min(...heights)).toBeCloseTo(zero, -1);
    expect(Math.max(...heights)).toBeCloseTo(low, -1);
    for (const [index, [x, y]] of curve.slice(1).entries()) {
      expect(x === curve[index]![0] || y === curve[index]![1]).toBe(true);
    }
    expect(curve.at(-1)![0]).toBe(940);
  });

  it("shows when a clock was wrong through all lanes", () => {
    const timeline = play();
    timeline.lane("client").event(at(7), "saw nothing");
    timeline.lane("other").span(at(12), at(17), "another", "skew");
    const drawn = draw(timeline);
    const through = ofClass(drawn, "rect", "skew").filter(
      ({ attributes }) => Number(attributes.height) > 100,
    );
    expect(through).toHaveLength(1); // they overlap, so they are one
    const [five, fifteen] = [word(drawn, "6 s"), word(drawn, "16 s")].map(
      ({ left, right }) => (left + right) / 2,
    );
    const second = (fifteen! - five!) / 10;
    expect(Number(through[0]!.attributes.x)).toBeCloseTo(five! - second, 0);
    expect(Number(through[0]!.attributes.width)).toBeCloseTo(12 * second, 0);
  });

  it("moves straight on where that is said", () => {
    const timeline = new Timeline({ title: "Drift" });
    timeline
      .lane("clock", { unit: "ms", line: "straight" })
      .offset(at(0), 0)
      .offset(at(10), 1.7)
      .offset(at(11), 1.7);
    const drawn = draw(timeline);
    expect(said(drawn)).toEqual(expect.arrayContaining(["0", "+0.5 ms", "+1 ms", "+1.5 ms"]));
    expect(drawn.curves[1]).toHaveLength(3);
  });

  it("has one scale for lanes of one unit, and one each for values without", () => {
    const timeline = new Timeline({ title: "Scales" });
    timeline.lane("wrong").offset(at(0), 0).offset(at(1), 7_200_000);
    timeline.lane("right").offset(at(0), 1).offset(at(1), 0);
    timeline.lane("exact", { unit: "us" }).offset(at(0), 0).offset(at(1), 0.25);
    timeline.lane("keys").value(at(0), 10).value(at(1), 12);
    timeline.lane("money", { unit: "€" }).value(at(0), 10_000).value(at(1), 10_000);
    const drawn = draw(timeline);
    const ticks = said(drawn).filter((text) => /^(\+.*|0|1[\d.,]*( €)?)$/.test(text));
    expect(ticks).toEqual(["0", "0", "+2 h", "0", "+2 h", "0", "+250 µs", "10", "11", "12", "10,000 €"]);
  });

  it("shows what never changes in the middle of its lane", () => {
    const timeline = new Timeline({ title: "Constant" });
    timeline.lane("zero").offset(at(0), 0).offset(at(1), 0);
    timeline.lane("sum").value(at(0), -5).value(at(1), -5);
    const drawn = draw(timeline);
    expect(said(drawn)).toEqual(expect.arrayContaining(["0", "−5"]));
    expect(drawn.curves.slice(1).every((curve) => new Set(curve.map(([, y]) => y)).size === 1)).toBe(true);
  });

  it("counts equal events that are close to each other, and leaves out none", () => {
    const timeline = new Timeline({ title: "Many", start: at(0) });
    const lane = timeline.lane("log");
    for (let count = 0; count < 12; count++) lane.event(at(2 + count / 10), "clock drift found", "bad");
    lane.event(at(10), "clock drift found", "bad").event(at(20), "over");
    const drawn = draw(timeline);
    expect(said(drawn)).toEqual(
      expect.arrayContaining(["clock drift found × 12", "clock drift found", "over"]),
    );
    const titles = ofClass(drawn, "circle", "bad").length;
    expect(titles).toBeGreaterThan(2);
    expect(overlaps(drawn)).toEqual([]);
  });

  it("has a dot for each event, or one so near that it covers it", () => {
    const timeline = new Timeline({ title: "Dense", start: at(0) });
    const lane = timeline.lane("log").event(at(20), "the end");
    for (let count = 0; count <= 1000; count++) lane.event(at(4 + count / 250), "again", "bad");
    const drawn = draw(timeline);
    const dots = ofClass(drawn, "circle", "bad").map(({ attributes }) => Number(attributes.cx));
    const gaps = dots.slice(1).map((dot, index) => dot - dots[index]!);
    expect(Math.max(...gaps)).toBeLessThan(7); // two radii
    expect(dots.at(-1)! - dots[0]!).toBeGreaterThan((4 * (940 - 160)) / 20);
    expect(dots.length).toBeLessThan(60);
  });

  it("sums up what would be more than anybody reads, the bad first", () => {
    const timeline = new Timeline({ title: "Far too many", start: at(0) });
    const lane = timeline.lane("log");
    for (let count = 0; count < 2000; count++) lane.event(at(count / 100), `line ${count}`);
    lane.event(at(3), "the one that counts", "bad");
    const drawn = draw(timeline);
    expect(said(drawn)).toContain("the one that counts");
    const counts = said(drawn).filter((text) => /^(line|\d+ others)/.test(text));
    const [others] = counts.filter((text) => text.endsWith("others"));
    expect(Number.parseInt(others!, 10) + counts.length - 1).toBe(2000);
    expect(drawn.height).toBeLessThan(400);
    expect(overlaps(drawn)).toEqual([]);
  });

  it("does so however long they are", () => {
    const timeline = new Timeline({ title: "Far too much", start: at(0) });
    const lane = timeline.lane("log");
    for (let count = 0; count < 300; count++)
      lane.event(at(count / 30), `${count} is ${"very ".repeat(20)} bad`, "bad");
    const drawn = draw(timeline);
    expect(said(drawn)).toContain("293 others");
    expect(said(drawn).filter((text) => text.includes("very"))).toHaveLength(7);
    expect(overlaps(drawn)).toEqual([]);
    expect(cutOff(drawn)).toEqual([]);
  });

  it("shows spans that overlap below each other, and those that are too short all the same", () => {
    const timeline = new Timeline({ title: "Spans", start: at(0) });
    const lane = timeline.lane("server");
    lane.span(at(1), at(9), "a long one", "skew").span(at(5), at(6), "one inside", "bad");
    lane.span(at(20), at(20), "no time at all", "good");
    for (let count = 0; count < 8; count++) lane.span(at(10 + count), at(10.2 + count), "again", "skew");
    const drawn = draw(timeline);
    expect(said(drawn)).toEqual(expect.arrayContaining(["a long one", "one inside", "no time at all"]));
    expect(said(drawn).filter((text) => text.startsWith("again"))).toEqual(["again × 8"]);
    const bars = ofClass(drawn, "rect", "good").map(({ attributes }) => Number(attributes.width));
    expect(Math.min(...bars)).toBeGreaterThanOrEqual(3);
    expect(overlaps(drawn)).toEqual([]);
  });

  it("says what a series of spans is, though it leaves no room beside it", () => {
    const timeline = new Timeline({ title: "Strobe" });
    const lane = timeline.lane("server").offset(at(0), 1);
    for (let second = 0; second < 20; second += 0.5)
      lane.span(at(second), at(second + 0.25), "forth", "skew");
    const drawn = draw(timeline);
    expect(said(drawn)).toContain("forth × 40");
    expect(overlaps(drawn)).toEqual([]);
  });

  it("is drawn without lanes, and with lanes in which nothing happened", () => {
    const none = draw(new Timeline({ title: "Nothing" }));
    expect(said(none)).toContain("Nothing");
    const timeline = new Timeline({ title: "Hardly anything" });
    timeline.lane("empty");
    timeline.lane("").event(at(0), "");
    const drawn = draw(timeline);
    expect(drawn.elements[0]!.children[1]!.text).toBe("empty: nothing.\n: 0: .");
    expect(cutOff(drawn)).toEqual([]);
  });

  it("says what was said, whatever characters are in it", () => {
    const written = (...forbidden: string[]) => `<b>&amp;"' ${forbidden.join("")} [31m 日本 🕰`;
    const words = written("\u0000", "\u001b", "\ud800", "\uffff");
    const shown = written(...Array(4).fill("\ufffd"));
    const timeline = new Timeline({ title: words, subtitle: words });
    timeline
      .lane(words, { unit: words })
      .value(at(0), 1)
      .span(at(0), at(1), words)
      .event(at(1), words, "bad");
    const drawn = draw(timeline);
    expect(drawn.elements[0]!.children[0]!.text).toBe(shown);
    expect(all(drawn.elements[0]!).filter(({ text }) => text === shown).length).toBeGreaterThanOrEqual(4);
  });

  it("is the same for the same model, and for one that was written down", () => {
    const model = play().model();
    expect(drawTimeline(model)).toBe(drawTimeline(play().model()));
    expect(drawTimeline(JSON.parse(JSON.stringify(model)))).toBe(drawTimeline(model));
  });

  it("is in the order of time, whatever was told first", () => {
    const timeline = new Timeline({ title: "Disorder" });
    timeline.lane("server").event(at(2), "second").event(at(1), "first").offset(at(3), 1).offset(at(0), 0);
    const [lane] = timeline.model().lanes;
    expect(lane!.events.map(({ text }) => text)).toEqual(["first", "second"]);
    expect(lane!.offsets.map(([, offset]) => offset)).toEqual([0, 1]);
    expect(timeline.model()).toMatchObject({ from: at(0), until: at(3) });
  });

  it("is small, however often a clock was read, and keeps the extremes", () => {
    const timeline = new Timeline({ title: "Often" });
    const lane = timeline.lane("clock");
    for (let count = 0; count < 100_000; count++)
      lane.offset(at(count / 1000), count === 54_321 ? 1000 : count % 7);
    const drawn = draw(timeline);
    expect(drawTimeline(timeline.model()).length).toBeLessThan(40_000);
    const top = Math.min(...drawn.curves[1]!.map(([, y]) => y));
    expect(top).toBeCloseTo(middle(word(drawn, "+1 s")), -1);
  });

  it.each([Number.NaN, Infinity, -Infinity, 1e301, undefined])("refuses %s", (number) => {
    const lane = new Timeline({ title: "No" }).lane("server");
    for (const tell of [
      () => lane.offset(at(0), number as number),
      () => lane.value(number as number, 0),
      () => lane.span(at(0), number as number, "", "info"),
      () => lane.event(number as number, "", "info"),
    ])
      expect(tell).toThrow(/not a number that could be drawn/);
  });

  it("refuses a unit that there is not", () => {
    const timeline = new Timeline({ title: "No" });
    timeline.lane("server", { unit: "fortnights" }).offset(at(0), 1);
    expect(() => drawTimeline(timeline.model())).toThrow("not a unit of time: fortnights");
  });
});
