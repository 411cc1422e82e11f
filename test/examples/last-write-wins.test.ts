import { expect } from "vitest";
import { testDemonstration } from "../support/examples.ts";

testDemonstration("last-write-wins", {
  resting: [
    "The clocks drift apart by 200 ppm.",
    "Acknowledged writes are lost, each made after the one that it replaces had been read.",
  ],
  further: ({ timeline }) => {
    const [ahead, behind, losses] = timeline.lanes;
    const first = losses!.events[0]!;
    // The first loss is while the clocks drift, and none comes behind that.
    expect(first.at).toBeGreaterThan(ahead!.spans[0]!.from);
    const counts = losses!.values.filter(([at]) => at > behind!.spans[0]!.to).map(([, count]) => count);
    expect(new Set(counts).size).toBe(1);
  },
});
