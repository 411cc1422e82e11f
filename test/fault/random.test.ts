/**
 * The tool is killed at random microseconds in the middle of its work (killing.ts), in every action, on every target.
 * `npm run test:kill` does this thousands of times.
 */
import { expect, test } from "vitest";
import { needPrograms, needTracing } from "../support/needs.ts";
import { emptyTally, killMany, note, summary } from "./killing.ts";
import { TARGETS } from "./targets.ts";
import { ACTIONS } from "./trial.ts";

const KILLS = Number(process.env.TIMESKEW_KILLS ?? 45);
const SHARE = Math.ceil(KILLS / (TARGETS.length * ACTIONS.length));
const REPORT_EVERY = 50;

const total = emptyTally();

for (const kind of TARGETS) {
  test.for(ACTIONS)(
    `killed at any moment in %s, on ${kind.name}`,
    { timeout: 3_600_000 },
    async (action, context) => {
      needPrograms(context, "gcc");
      needTracing(context, { permitted: true });
      const tally = await killMany(kind, action, SHARE, (said, findings) => {
        note(total, said, findings);
        if (total.kills % REPORT_EVERY === 0) console.log(`${summary(total)} of ${KILLS}`);
      });
      console.log(`${action} on ${kind.name}: ${summary(tally)}`);
      expect(tally.findings).toEqual([]);
      expect(tally.kills).toBe(SHARE);
    },
  );
}

test("all kills together", () => {
  console.log(`in all ${summary(total)}`);
  expect(total.findings).toEqual([]);
});
