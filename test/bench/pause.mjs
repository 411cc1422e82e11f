/**
 * How long a target stands still for inject and for recover: `pauseNs`, from the first thread's stop to the last
 * one's release. Of targets whose threads all sleep, and of targets whose threads do nothing but read the clock.
 */
import { inject, recover } from "../../dist/index.js";
import { summarize } from "./statistics.mjs";
import { build, withVictim } from "./victims.mjs";

const TARGETS = [
  ...[1, 8, 64, 256, 1000].map((threads) => ({ threads, activity: "sleep" })),
  ...[1, 8, 64].map((threads) => ({ threads, activity: "read" })),
];

const SKEW = { offset: "-600s", clocks: ["CLOCK_REALTIME"] };

/**
 * One target's figures; pauses in ns.
 *
 * @typedef {object} Pauses
 * @property {number} threads
 * @property {"sleep" | "read"} activity
 * @property {{ injectNs: number, recoverNs: number, lingering: number }[]} rounds
 *   `lingering`: threads for whose sake recover left our pages mapped
 * @property {import("./statistics.mjs").Summary} inject
 * @property {import("./statistics.mjs").Summary} recover
 */

/**
 * @param {{ rounds: number, progress: (what: string) => void }} options
 * @returns {Promise<Pauses[]>}
 */
export async function measurePauses({ rounds, progress }) {
  const crowd = build("crowd.c");
  const results = [];
  for (const { threads, activity } of TARGETS) {
    progress(`pauses of ${threads} threads that ${activity}`);
    const measured = await withVictim(crowd, [threads, activity], ({ pid }) => measure(pid, threads, rounds));
    results.push({
      threads,
      activity,
      rounds: measured,
      inject: summarize(measured.map(({ injectNs }) => injectNs)),
      recover: summarize(measured.map(({ recoverNs }) => recoverNs)),
    });
  }
  return results;
}

async function measure(pid, threads, rounds) {
  const measured = [];
  for (let round = 0; round < rounds; round++) {
    const injected = await inject({ pid, ...SKEW });
    const recovered = await recover({ pid });
    if (injected.threads !== threads) {
      throw new Error(`${injected.threads} threads were stopped, not ${threads}`);
    }
    measured.push({
      injectNs: Number(injected.pauseNs),
      recoverNs: Number(recovered.pauseNs),
      lingering: recovered.lingeringThreads,
    });
  }
  return measured;
}
