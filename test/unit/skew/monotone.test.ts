import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stepsBack } from "../../../src/skew/monotone.ts";
import { offsetAt } from "../../../src/skew/profile.ts";
import { parseVerbs, type Shape, shapeOf, type VerbTexts } from "../../../src/skew/verbs.ts";
import { HORIZON, plainShape, shape } from "./profiles.ts";

const MONOTONIC = 1;
const TAI = 11;

/** The first moment at which a clock shows less than a nanosecond before. */
function firstStepBack({ base, profile }: Shape, clock: number): number | undefined {
  if (profile === undefined) return undefined;
  let last = offsetAt(base, profile, clock, 0n);
  for (let elapsed = 1; elapsed <= HORIZON; elapsed++) {
    const offset = offsetAt(base, profile, clock, BigInt(elapsed));
    if (1n + offset - last < 0n) return elapsed;
    last = offset;
  }
  return undefined;
}

function shapeOfTexts(texts: VerbTexts, offset = 0n): Shape {
  return shapeOf(parseVerbs(texts), { realtime: 1_800_000_000_000_000_000n, offset });
}

describe("stepsBack", () => {
  it("admits nothing that steps back in the model, at any nanosecond", () => {
    let admitted = 0;
    fc.assert(
      fc.property(shape, fc.constantFrom(MONOTONIC, TAI), (each, clock) => {
        if (stepsBack(each, clock) !== undefined) return;
        admitted++;
        expect(firstStepBack(each, clock)).toBeUndefined();
      }),
      { numRuns: 20_000 },
    );
    // Most are nonsense, but if all were refused, this would show nothing.
    expect(admitted).toBeGreaterThan(200);
  });

  it("refuses nothing that does not step back, if it is a single course", () => {
    let refused = 0;
    fc.assert(
      fc.property(plainShape, fc.constantFrom(MONOTONIC, TAI), (each, clock) => {
        if (stepsBack(each, clock) === undefined) return;
        refused++;
        expect(firstStepBack(each, clock)).toBeDefined();
      }),
      { numRuns: 20_000 },
    );
    expect(refused).toBeGreaterThan(1000);
  });

  const frames = (...pairs: [bigint, bigint][]) => pairs.map(([at, offset]) => ({ at, offset }));

  it.each<[string, VerbTexts, bigint?]>([
    ["an offset", { offset: "1h" }],
    ["an offset back, which the caller judges", { offset: "-1h" }],
    ["a slow drift", { drift: "-100000ppm" }],
    ["a fast one", { drift: "200ppm" }],
    ["the slowest rate", { rate: "0.001" }],
    ["the fastest", { rate: "1000" }],
    ["a clock that stands still", { freeze: true }],
    ["a glide forth", { slew: "5s", over: "1ns" }],
    ["a glide back", { slew: "-5s", over: "1m" }],
    ["a glide to the truth, as slow as can be", { slew: "0s", over: "10s" }, 10_000_000_000n],
    ["a glide back with a drift", { slew: "-5s", over: "1m", drift: "-50ppm" }],
    ["jitter that glides", { jitter: "5ms", jitterGlide: true }],
    ["jitter that glides as fast as can be", { jitter: "500ms", jitterGlide: true }],
    ["a fast clock with jitter that glides", { rate: "1.5", jitter: "5ms", jitterGlide: true }],
    ["key frames", { keyframes: frames([0n, 0n], [10n, 10n], [10n, 20n], [30n, 0n]) }],
    [
      "key frames that are repeated",
      { keyframes: frames([0n, 0n], [1000n, 999n], [2000n, 0n]), repeat: true },
    ],
    [
      "an offset that grows from nothing in each cycle",
      { keyframes: frames([0n, 0n], [5n, 0n]), duration: "3us", every: "5us" },
    ],
    ["an end behind the truth", { offset: "-1s", duration: "10s" }],
    ["a freeze that ends", { freeze: true, duration: "10s" }],
    ["a leap second that is left out", { leap: "delete" }],
    ["a leap second that is smeared", { leap: "insert", smear: "2s" }],
  ])("admits %s", (_, texts, offset) => {
    expect(stepsBack(shapeOfTexts(texts, offset), MONOTONIC)).toBeUndefined();
  });

  it.each<[string, VerbTexts, RegExp, RegExp, bigint?]>([
    ["a strobe", { strobe: "200ms", period: "1s" }, /step back by 200ms after 1s$/, /glide/],
    ["a strobe back", { strobe: "-200ms", period: "1s" }, /step back by 200ms each 2s$/, /glide/],
    ["jitter by steps", { jitter: "5ms" }, /by up to 10ms at a time/, /--jitter-glide/],
    [
      "jitter that glides too fast",
      { jitter: "501ms", jitterGlide: true },
      /lose 1.002s within 1s/,
      /--jitter-every 1.002s/,
    ],
    ["a leap second", { leap: "insert", leapAt: "2027-01-16T00:00:00Z" }, /step back by 1s after/, /glide/],
    [
      "a glide back that is too fast",
      { slew: "0s", over: "9s" },
      /run backwards from 0s to 9s/,
      /more time/,
      10_000_000_000n,
    ],
    [
      "key frames with a step back",
      { keyframes: frames([0n, 5n], [9n, 5n], [9n, 3n]) },
      /step back by 2ns after 9ns/,
      /glide/,
    ],
    [
      "the end of an offset",
      { offset: "5s", duration: "10s" },
      /5s ahead when --duration ends/,
      /recover --glide/,
    ],
    ["the end of a drift", { drift: "200ppm", duration: "10s" }, /1.999999ms ahead/, /recover --glide/],
    [
      "the beginning of a cycle",
      { offset: "-5s", duration: "10s", every: "1m" },
      /step back by 5s each 1m/,
      /glide/,
    ],
    [
      "two that slow it down",
      { drift: "-50ppm", jitter: "5ms", jitterGlide: true },
      /two things/,
      /--keyframes/,
    ],
  ])("refuses %s, and says what to use", (_, texts, why, instead, offset) => {
    const found = stepsBack(shapeOfTexts(texts, offset), MONOTONIC);
    expect(found?.why).toMatch(why);
    expect(found?.instead).toMatch(instead);
  });

  it("does not mind a leap second on a clock that has none", () => {
    expect(stepsBack(shapeOfTexts({ leap: "insert" }), TAI)).toBeUndefined();
  });
});
