import { describe, expect, it } from "vitest";
import { doingSentence } from "../../../../src/cli/report/doing.ts";
import { parseVerbs, shapeOf, type VerbTexts } from "../../../../src/skew/verbs.ts";

/** 2026-12-31 22:00:00 UTC. */
const EVENING = 1_798_754_400_000_000_000n;

const FRAMES = [
  { at: 0n, offset: 0n },
  { at: 60_000_000_000n, offset: 5n },
];

describe("what verbs do, in a sentence", () => {
  it.each<[VerbTexts, string]>([
    [{ offset: "-10m" }, "is 10m behind"],
    [{ offset: "0s", duration: "1m" }, "is on the true time (offset 0s), for 1m"],
    [{ drift: "0ppm", startIn: "5s" }, "is on the true time, beginning in 5s"],
    [{ at: "2038-01-19T03:14:00Z" }, "reads 2038-01-19T03:14:00Z when it begins"],
    [{ offset: "1h", freeze: true }, "is 1h ahead and stands still"],
    [{ rate: "1.5" }, "runs at 1.5 times the true rate"],
    [{ drift: "200ppm" }, "gains 17.28s a day"],
    [{ drift: "-50ppm" }, "loses 4.32s a day"],
    [{ drift: "-1ppb" }, "loses 86.4us a day"],
    [{ slew: "-5s", over: "10m" }, "glides to 5s behind within 10m"],
    [{ offset: "1s", slew: "0s", over: "10m" }, "is 1s ahead and glides to the true time within 10m"],
    [{ strobe: "200ms", period: "1s" }, "jumps 200ms ahead and back, 1s each"],
    [{ jitter: "20ms", seed: "1" }, "jumps to another offset of up to 20ms either way every 1s"],
    [
      { jitter: "20ms", seed: "1", jitterGlide: true, jitterEvery: "5s" },
      "glides to another offset of up to 20ms either way every 5s",
    ],
    [{ keyframes: FRAMES }, "follows 2 key frames in 1m"],
    [{ keyframes: FRAMES, repeat: true }, "follows 2 key frames in 1m, again and again"],
    [{ leap: "insert" }, "repeats a second after 2h"],
    [{ leap: "delete" }, "skips a second after 1h59m59s"],
    [{ leap: "insert", smear: "1h" }, "spreads an inserted leap second over 1h, after 1h30m"],
    [{ leap: "delete", smear: "4h" }, "spreads a deleted leap second over 4h, after 24h"],
    [
      { offset: "1s", rate: "2", strobe: "1ms", period: "1s", startIn: "1m", duration: "10s", every: "1m" },
      "is 1s ahead, runs at 2 times the true rate and jumps 1ms ahead and back, 1s each, beginning in 1m, for 10s in every 1m",
    ],
  ])("%o", (texts, expected) => {
    const verbs = parseVerbs(texts);
    const shape = shapeOf(verbs, { realtime: EVENING + verbs.startIn, offset: 0n });
    expect(doingSentence(verbs, shape)).toBe(`The clock ${expected}.`);
  });
});
