/**
 * What a skew adds to a target's memory, from /proc/PID/smaps: before, during, and after its recovery. Of processes that sleep,
 * so that whatever changes is ours.
 */
import { readFileSync } from "node:fs";
import { inject, recover } from "../../dist/engine.js";
import { build, withVictim } from "./victims.mjs";

const PAGE = 4; // KiB
const WALL = { offset: "-600s", clocks: ["CLOCK_REALTIME"] };
/** A quarter of a cycle each, up and down. */
const FRAMES = [0n, 1n, 2n, 3n].map((n) => ({ at: n * 1_000_000_000n, offset: (n % 2n) * 1_000_000n }));

const CASES = [
  { name: "`CLOCK_REALTIME`", threads: 1, settings: WALL },
  { name: "the same, of 1,000 threads", threads: 1000, settings: WALL },
  { name: "`CLOCK_MONOTONIC`", threads: 1, settings: { offset: "600s", clocks: ["CLOCK_MONOTONIC"] } },
  {
    name: "`--keyframes`",
    threads: 1,
    settings: { keyframes: FRAMES, repeat: true, clocks: ["CLOCK_REALTIME"] },
  },
  { name: "`--no-waits`", threads: 1, settings: { ...WALL, waits: false } },
];

/**
 * KiB; mappings are counted.
 *
 * @typedef {{ size: number, dirty: number, mappings: number }} Memory `dirty`: Private_Dirty, the process's own pages
 * @typedef {{ name: string, before: Memory, during: Memory, after: Memory, pages: number }} Taken `pages`: that it adds to the
 *   private ones while skewed
 */

/**
 * @param {{ progress: (what: string) => void }} options
 * @returns {Promise<Taken[]>}
 */
export async function measureMemory({ progress }) {
  const crowd = build("crowd.c");
  const results = [];
  for (const { name, threads, settings } of CASES) {
    progress(`memory of ${name}`);
    results.push(await withVictim(crowd, [threads, "sleep"], ({ pid }) => measure(pid, name, settings)));
  }
  return results;
}

/** @returns {Promise<Taken>} */
async function measure(pid, name, settings) {
  const before = memoryOf(pid);
  await inject({ pid, ...settings });
  const during = memoryOf(pid);
  await recover({ pid, allowBackwardMonotonic: true });
  return { name, before, during, after: memoryOf(pid), pages: (during.dirty - before.dirty) / PAGE };
}

/** @returns {Memory} */
function memoryOf(pid) {
  const smaps = readFileSync(`/proc/${pid}/smaps`, "utf8");
  const all = (field) =>
    [...smaps.matchAll(new RegExp(`^${field}:\\s+(\\d+) kB$`, "gm"))].map(([, n]) => Number(n));
  const sum = (values) => values.reduce((total, each) => total + each, 0);
  const sizes = all("Size");
  return { size: sum(sizes), dirty: sum(all("Private_Dirty")), mappings: sizes.length };
}
