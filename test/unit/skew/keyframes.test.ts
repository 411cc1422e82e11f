import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDuration } from "../../../src/skew/duration.ts";
import { checkFrames, parseKeyframes } from "../../../src/skew/keyframes.ts";
import { refusal } from "./refusal.ts";

const S = 1_000_000_000n;

describe("parseKeyframes", () => {
  const two = [
    { at: 0n, offset: 0n },
    { at: 60n * S, offset: -250_000_000n },
  ];

  it.each<[string, string]>([
    ["rows", "0s,0s\n1m,-250ms\n"],
    ["no newline at the end", "0,0\n1m,-250ms"],
    ["a header", "elapsed,offset\n0s,0s\n1m,-250ms\n"],
    ["another header", "Time, Offset\n0s,0s\n1m,-250ms\n"],
    ["a quoted one", '"elapsed","offset"\n"0s","0s"\n"1m","-250ms"\n'],
    ["comments and empty lines", "# a drill\n\n 0s , 0s # begin\n\n  # more\n1m,-250ms\n\n"],
    ["a comment in front of the header", "# a drill\nelapsed,offset\n0s,0s\n1m,-250ms"],
    ["what Windows writes", "\ufeffelapsed,offset\r\n0s,0s\r\n1m,-250ms\r\n"],
    ["pairs", '[["0s", "0s"], ["1m", "-250ms"]]'],
    ["objects", '[{"elapsed": "0s", "offset": "0s"}, {"offset": "-250ms", "elapsed": "60s"}]'],
    ["both, and a plain zero", '\n [[0, 0], {"elapsed": "1m", "offset": "-250ms"}]\n'],
  ])("reads %s", (_, text) => expect(parseKeyframes(text, "a.csv")).toEqual(two));

  it("reads a step", () => {
    expect(parseKeyframes("0s,0s\n1s,0s\n1s,5s", "a.csv")).toHaveLength(3);
  });

  it("reads what is written", () => {
    const frame = fc.record({
      gap: fc.bigInt({ min: 1n, max: 2n ** 50n }),
      offset: fc.bigInt({ min: 1n - 2n ** 62n, max: 2n ** 62n - 1n }),
    });
    fc.assert(
      fc.property(fc.array(frame, { minLength: 2, maxLength: 40 }), (steps) => {
        let at = 0n;
        const frames = steps.map(({ gap, offset }, index) => {
          if (index > 0) at += gap;
          return { at, offset };
        });
        const rows = frames.map((each) => [formatDuration(each.at), formatDuration(each.offset)]);
        expect(parseKeyframes(rows.map((row) => row.join(",")).join("\n"), "a.csv")).toEqual(frames);
        expect(parseKeyframes(JSON.stringify(rows), "a.json")).toEqual(frames);
      }),
    );
  });

  it("holds as many as a target has room for", () => {
    const rows = (count: number) => Array.from({ length: count }, (_, index) => `${index}s,1s`).join("\n");
    expect(parseKeyframes(rows(480), "a.csv")).toHaveLength(480);
    expect(refusal(() => parseKeyframes(rows(481), "a.csv")).message).toBe("a.csv: more than 480 key frames");
    expect(refusal(() => parseKeyframes("x".repeat(2_000_000), "a.csv")).message).toMatch(/more than 480/);
    expect(refusal(() => parseKeyframes(`[${"[0,0],".repeat(999)}[0,0]]`, "a.csv")).message).toMatch(
      /more than 480/,
    );
  });

  it.each<[string, string, RegExp, RegExp]>([
    ["nothing", "", /^f: no key frame/, /1m,250ms/],
    ["only a header", "elapsed,offset\n", /^f: no key frame/, /1m,250ms/],
    ["only comments", "# elapsed\n#\n", /^f: no key frame/, /1m,250ms/],
    ["an empty array", "[]", /^f: no key frame/, /1m,250ms/],
    ["a single frame", "0s,5s", /^f: only one key frame/, /--offset 5s/],
    ["a late begin", "elapsed,offset\n1s,0s\n2s,1s", /^f: line 2: the first key frame is at 1s/, /0s/],
    ["a begin before the beginning", "-1s,0s\n2s,1s", /^f: line 1: the first key frame is at -1s/, /0s/],
    ["no order", "0s,0s\n\n2s,1s\n1s,0s", /^f: line 4: 1s comes after 2s/, /order/],
    ["three at a time", "0s,0s\n2s,1s\n2s,2s\n2s,3s", /^f: line 4: three key frames at 2s/, /middle/],
    ["no unit", "0s,0s\n60,1s", /^f: line 2: elapsed: duration "60" has no unit/, /did you mean 60s\?/],
    ["no unit of the offset", "0s,0s\n60s,1.5", /^f: line 2: offset: duration "1.5" has no unit/, /1.5s/],
    ["no offset", "0s,0s\n60s,", /^f: line 2: offset is missing/, /two durations/],
    ["no time", "0s,0s\n,1s", /^f: line 2: elapsed is missing/, /two durations/],
    ["one column", "0s\n60s", /^f: line 1: "0s" is not two durations/, /two durations/],
    ["three columns", "0s,0s,0s", /^f: line 1: "0s,0s,0s" is not two durations/, /two durations/],
    ["semicolons", "0s;0s\n1s;1s", /^f: line 1: "0s;0s" is not two durations/, /1m,250ms/],
    ["tabs", "0s\t0s\n1s\t1s", /^f: line 1: "0s\\t0s" is not two durations/, /1m,250ms/],
    [
      "columns in another order",
      "offset,elapsed\n0s,0s",
      /^f: line 1: the columns are "offset,elapsed"/,
      /elapsed,offset/,
    ],
    ["a header in the middle", "0s,0s\nelapsed,offset\n", /^f: line 2: elapsed: duration "elapsed"/, /.*/],
    ["too far", "0s,0s\n1s,1500000h", /^f: line 2: 1500000h is out of range/, /146 years/],
    ["too late", "0s,0s\n1500000h,1s", /^f: line 2: 1500000h is out of range/, /146 years/],
    ["an object", '{"frames": []}', /^f: the JSON is not an array/, /for example/],
    ["broken JSON", '[\n["0s", "0s"],\n["1s" "1s"]\n]', /^f: line 3: not JSON/, /commas/],
    ["a JSON that stops", '[["0s", "0s"],', /^f(: line 1)?: not JSON/, /commas/],
    [
      "numbers",
      '[["0s","0s"], [60, "1s"]]',
      /^f: entry 2: elapsed is "60", not a duration/,
      /did you mean "60s"\?/,
    ],
    ["null", "[null]", /^f: entry 1: "null" is no key frame/, /two durations/],
    ["a triple", '[["0s","0s","0s"]]', /^f: entry 1: /, /two durations/],
    [
      "an unknown key",
      '[{"elapsed":"0s","offset":"0s","rate":2}]',
      /^f: entry 1: unknown key "rate"/,
      /elapsed and offset/,
    ],
    ["a missing key", '[{"elapsed":"0s"}]', /^f: entry 1: offset is missing/, /two durations/],
    [
      "a nested one",
      '[[["0s"],"0s"]]',
      /^f: entry 1: elapsed is a list of 1, not a duration/,
      /two durations/,
    ],
    [
      "an inherited key",
      '[{"__proto__": 1, "elapsed":"0s"}]',
      /^f: entry 1: unknown key "__proto__"/,
      /elapsed and/,
    ],
  ])("refuses %s", (_, text, message, hint) => {
    const found = refusal(() => parseKeyframes(text, "f"));
    expect([found.code, found.message, found.hint]).toEqual([
      "E_USAGE",
      expect.stringMatching(message),
      expect.stringMatching(hint),
    ]);
  });
});

describe("checkFrames", () => {
  it("judges frames from a program as those from a file", () => {
    const frames = [
      { at: 0n, offset: 0n },
      { at: 5n, offset: 1n },
      { at: 3n, offset: 1n },
    ];
    expect(() => checkFrames(frames.slice(0, 2), "--keyframes")).not.toThrow();
    expect(refusal(() => checkFrames(frames, "--keyframes")).message).toBe(
      "--keyframes: frame 3: 3ns comes after 5ns",
    );
    expect(refusal(() => checkFrames([], "--keyframes")).message).toMatch(/no key frame/);
    const many = Array.from({ length: 481 }, (_, at) => ({ at: BigInt(at), offset: 0n }));
    expect(refusal(() => checkFrames(many, "--keyframes")).message).toMatch(/more than 480/);
  });
});
