/**
 * What a change of a live skew costs, and that nobody is stopped for it. A thread that is stopped has to run for that, which
 * the kernel counts in its context switches: of threads that sleep all the time there must not be one. That the count would
 * show a stop is seen at the first injection, for which one of the sleepers is woken.
 */
import { readdirSync, readFileSync } from "node:fs";
import { inject, recover } from "../../dist/engine.js";
import { summarize } from "./statistics.mjs";
import { build, withVictim } from "./victims.mjs";

const THREADS = [1, 1000];
const CLOCK = { clocks: ["CLOCK_REALTIME"], stopTimeoutMs: 20_000 };

/**
 * @typedef {object} Update
 * @property {number} threads
 * @property {{ ns: number, pauseNs: number, switches: number }[]} rounds a change each: how long it took the tool, how long it
 *   says that the target was stopped, and how often the kernel says that one of its threads ran
 * @property {import("./statistics.mjs").Summary} time ns
 * @property {number} pauseNs the longest
 * @property {number} switches of all rounds
 * @property {number} switchesOfInject the control: of the injection before
 */

/**
 * @param {{ rounds: number, progress: (what: string) => void }} options
 * @returns {Promise<Update[]>}
 */
export async function measureUpdates({ rounds, progress }) {
  const crowd = build("crowd.c");
  const results = [];
  for (const threads of THREADS) {
    progress(`live changes of ${threads} threads`);
    results.push({
      threads,
      ...(await withVictim(crowd, [threads, "sleep"], ({ pid }) => measure(pid, rounds))),
    });
  }
  return results;
}

async function measure(pid, count) {
  const before = switches(pid);
  await inject({ pid, offset: "-600s", ...CLOCK });
  const switchesOfInject = switches(pid) - before;
  const rounds = [];
  for (let round = 0; round < count; round++) rounds.push(await change(pid, round));
  await recover({ pid });
  return {
    rounds,
    time: summarize(rounds.map(({ ns }) => ns)),
    pauseNs: Math.max(...rounds.map(({ pauseNs }) => pauseNs)),
    switches: rounds.reduce((sum, each) => sum + each.switches, 0),
    switchesOfInject,
  };
}

async function change(pid, round) {
  const before = switches(pid);
  const start = process.hrtime.bigint();
  const { action, pauseNs } = await inject({ pid, offset: `-601s${round}ns`, ...CLOCK });
  const ns = Number(process.hrtime.bigint() - start);
  if (action !== "updated") throw new Error(`a change was ${action}`);
  return { ns, pauseNs: Number(pauseNs), switches: switches(pid) - before };
}

/** How often the threads of a process have run and ceased to, so far. */
function switches(pid) {
  return readdirSync(`/proc/${pid}/task`)
    .map((tid) => readFileSync(`/proc/${pid}/task/${tid}/status`, "utf8"))
    .flatMap((text) => [...text.matchAll(/ctxt_switches:\s+(\d+)/g)])
    .reduce((sum, [, count]) => sum + Number(count), 0);
}
