/**
 * What a whole command costs, by the number of the target's threads, all of which sleep: `timeskew inject` and `recover` from
 * their start to their end, and beside them a small C program that stops and releases the threads one by one, and does
 * nothing else (sequential.c).
 */
import { summarize } from "./statistics.mjs";
import { stopwatch } from "./stopwatch.mjs";
import { build, withVictim } from "./victims.mjs";

const THREADS = [1, 64, 1000, 10_000];
/** Of the largest ones: one by one, they take seconds. */
const FEW = { threads: 10_000, rounds: 5 };

/**
 * Wall times in ns.
 *
 * @typedef {import("./statistics.mjs").Summary} Summary
 * @typedef {{ injectNs: number, recoverNs: number, sequentialNs: number, nodeNs: number }} Round
 * @typedef {{ threads: number, rounds: Round[], inject: Summary, recover: Summary, sequential: Summary, node: Summary }} Whole
 */

/**
 * @param {{ rounds: number, small: boolean, progress: (what: string) => void }} options
 * @returns {Promise<Whole[]>}
 */
export async function measureWhole({ rounds, small, progress }) {
  const crowd = build("crowd.c");
  const sequential = build("sequential.c");
  const watch = stopwatch();
  const results = [];
  for (const threads of small ? THREADS.slice(0, 2) : THREADS) {
    const count = threads < FEW.threads ? rounds : Math.min(rounds, FEW.rounds);
    const measured = await withVictim(crowd, [threads, "sleep"], ({ pid }) => {
      progress(`whole commands on ${threads} threads`);
      return Array.from({ length: count }, () => measure(watch, sequential, `${pid}`));
    });
    results.push({ threads, rounds: measured, ...evaluate(measured) });
  }
  return results;
}

/** @returns {Round} */
function measure({ node, timeskew, time }, sequential, pid) {
  return {
    nodeNs: node().wallNs,
    injectNs: timeskew("inject", "--pid", pid, "--offset", "-600s", "--stop-timeout", "20s").wallNs,
    recoverNs: timeskew("recover", "--pid", pid, "--stop-timeout", "20s").wallNs,
    sequentialNs: time(sequential, pid, "once").wallNs,
  };
}

/** @param {Round[]} rounds */
function evaluate(rounds) {
  const of = (key) => summarize(rounds.map((round) => round[key]));
  return {
    inject: of("injectNs"),
    recover: of("recoverNs"),
    sequential: of("sequentialNs"),
    node: of("nodeNs"),
  };
}
