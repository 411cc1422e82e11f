import { expect } from "vitest";
import { testDemonstration } from "../support/examples.ts";

testDemonstration("etcd", {
  resting: [
    "etcd-1 stamps its log ten minutes in the past",
    "the others warn of its clock, and of nobody else's",
    "etcd-2 stamps its log ten minutes in the future",
    "it warns of both others, etcd-3 of etcd-1 as before",
    "the lease from before the skew is overdue, and held",
    "the lease from before the skew ends only now",
    "timeskew finds nothing of itself in them",
  ],
  further: ({ timeline }) => {
    const minutes = timeline.lanes.slice(0, 3).map(({ offsets }) => {
      const all = offsets.map(([, ms]) => Math.round(ms / 60_000));
      return `from ${Math.min(...all)} to ${Math.max(...all)}, at last ${all.at(-1)}`;
    });
    expect(minutes).toEqual([
      "from -10 to 0, at last 0",
      "from 0 to 10, at last 0",
      "from 0 to 0, at last 0",
    ]);
  },
});

testDemonstration("etcd/monotonic", {
  resting: [
    "the others miss its heartbeats, and elect another leader",
    "a lease of a minute ends at once",
    "timeskew refuses to take a monotonic clock back",
    "taken back by force, it loses the leadership",
  ],
});
