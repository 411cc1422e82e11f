/** The verdicts of `npm run bench`: what was met, what was missed, by how much and why. */
import { expect, test } from "vitest";
import { judge } from "../../bench/aims.mjs";
import { reads, specimen, summary } from "./specimen.mjs";

const MET = (group, who, aim, seen, value) => ({ group, who, aim, seen, value, met: true });

test("of every read, stop and command", () => {
  expect(judge(specimen()).map(({ group, who, met }) => `${group}, ${who}: ${met}`)).toEqual([
    "a skewed read, `CLOCK_REALTIME`: true",
    "a skewed read against a system call per read, `CLOCK_REALTIME`: true",
    "a skewed read against libfaketime, `CLOCK_REALTIME`: true",
    "a skewed read, `time`: false",
    "a skewed read against a system call per read, `time`: true",
    "a skewed read against libfaketime, `time`: true",
    "a skewed read, `time, skewed by 1h500ms`: false",
    "a skewed read against a system call per read, `time, skewed by 1h500ms`: true",
    "a skewed read against libfaketime, `time, skewed by 1h500ms`: true",
    "a stop of 1 thread, asleep: false",
    "a stop of 1 thread, reading the clock: true",
    "a stop of 1,000 threads, all asleep: true",
    "a whole command, `timeskew inject, first patch`: false",
    "a whole command, `timeskew inject, live update`: true",
    "a whole command, `timeskew recover`: true",
  ]);
});

test("what is met needs no reason, what is missed has figures for one", () => {
  const ns = { untouched: 20, skewed: 26, percall: 207, faketime: 78 };
  const functions = [reads("CLOCK_TAI", "tai", ns)];
  expect(judge({ reads: { functions } })).toEqual([
    MET("a skewed read", "`CLOCK_TAI`", "≤ 1.3 × untouched", "1.30 ×", 1.3),
    {
      ...MET(
        "a skewed read against a system call per read",
        "`CLOCK_TAI`",
        "≥ 8 × faster",
        "7.96 × faster",
        207 / 26,
      ),
      met: false,
      why: "207 ns against 26 ns",
    },
    MET("a skewed read against libfaketime", "`CLOCK_TAI`", "≥ 3 × faster", "3.00 × faster", 3),
  ]);
});

test("what no skewed read could reach is said", () => {
  const ns = { untouched: 25, skewed: 25, faketime: 60 };
  const [, verdict] = judge({ reads: { functions: [reads("CLOCK_TAI", "tai", ns)] } });
  expect(verdict.why).toBe("60 ns against 25 ns; an untouched read would be 2.40 × faster");
});

test("a stop that is too long tells what the waits take, and a command what loading and the search take", () => {
  const verdicts = judge(specimen()).filter(({ met, group }) => !met && !group.startsWith("a skewed read"));
  expect(verdicts.map(({ why }) => why)).toEqual([
    "0.18 ms more; without the 16 places where libc makes waits it is 0.27 ms, and the fastest with them 0.34 ms",
    "40 ms more; 20 ms to load the tool, 35 ms to search libc for waits",
  ]);
});

test("1,000 threads by one by one", () => {
  const report = specimen();
  const thousand = report.pause.find(({ threads }) => threads === 1000);
  thousand.ratio = summary(0.21);
  const [verdict] = judge({ pause: [thousand] });
  expect(verdict).toMatchObject({ met: false, seen: "0.21 ×", why: "3.00 ms against 28 ms" });
});

test("nothing is said of what was not measured", () => {
  expect(judge({})).toEqual([]);
  const { reads } = specimen();
  const alone = reads.functions.map((each) => ({ ...each, gains: {} }));
  expect(judge({ reads: { ...reads, functions: alone } })).toHaveLength(3);
});
