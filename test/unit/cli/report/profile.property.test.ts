/** Whatever a target has written where its profile should be: it is printed, in lines that a terminal can take. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { PLAIN } from "../../../../src/cli/colour.ts";
import { escapeText } from "../../../../src/cli/report/escape.ts";
import { injectLines } from "../../../../src/cli/report/inject.ts";
import { nowLines } from "../../../../src/cli/report/now.ts";
import { recoverLines } from "../../../../src/cli/report/recover.ts";
import { statusLines } from "../../../../src/cli/report/status.ts";
import { watchLines } from "../../../../src/cli/report/watch.ts";
import type { RunningProfile, Skew } from "../../../../src/types.ts";
import { injected, NOON, nowResult, REALTIME_SKEW, recovered, row } from "../helpers.ts";

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

/** Texts that come near to what the verbs write. */
const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("--jitter", "--strobe", "--period", "--leap insert"),
    ),
  )
  .map((words) => words.join(" "));

const profile: fc.Arbitrary<RunningProfile> = fc.record({
  text,
  phase: fc.constantFrom("waiting" as const, "running" as const, "paused" as const, "ended" as const),
  rate: fc.double({ noNaN: true }),
  next: fc.option(
    fc.record({
      in: int64,
      what: fc.constantFrom("starts" as const, "stops" as const, "ends" as const, "changes" as const),
    }),
    { nil: undefined },
  ),
  seed: fc.constant(undefined),
});

const skews: fc.Arbitrary<Skew> = fc
  .record({ offset: int64, profile })
  .map((found) => ({ ...REALTIME_SKEW, ...found }));

it("prints any profile in tame lines", () => {
  fc.assert(
    fc.property(skews, fc.integer({ min: 1, max: 300 }), (skew, columns) => {
      const found = row(7, { skew });
      const lines = [
        ...statusLines([found, row(8)], NOON, PLAIN, columns),
        ...watchLines([{ pid: 7, row: found }], NOON, columns),
        ...injectLines(injected(7, { skew, previous: skew }), PLAIN),
        ...recoverLines(recovered(7, { skew }), PLAIN),
        ...recoverLines(recovered(7, { skew, action: "gliding", state: "skewed" }), PLAIN),
        ...nowLines(nowResult(7, { skew }), PLAIN),
      ];
      for (const line of lines) {
        expect(line).toBe(escapeText(line));
        expect(line).not.toMatch(/undefined|NaN/);
      }
    }),
    { numRuns: 2_000 },
  );
});
