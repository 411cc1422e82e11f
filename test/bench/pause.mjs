/**
 * How long a target stands still for inject and for recover: `pauseNs`, from the first thread's stop to the last
 * one's release. Of targets whose threads all sleep, and of targets whose threads do nothing but read the clock. Beside
 * it, in each round, the stop by a tool that attaches to the threads one by one (sequential.c).
 */
import { inject, recover } from "../../dist/index.js";
import { summarize } from "./statistics.mjs";
import { build, withVictim } from "./victims.mjs";

const TARGETS = [
  ...[1, 8, 64, 256, 1000].map((threads) => ({ threads, activity: "sleep", compared: true })),
  ...[1, 8].map((threads) => ({ threads, activity: "read", compared: true })),
  // One by one, each of these would wait for its turn to run before it could stop: seconds.
  { threads: 64, activity: "read", compared: false },
  { threads: 10_000, activity: "sleep", compared: true, rounds: 5 },
];

const SKEW = { offset: "-600s", clocks: ["CLOCK_REALTIME"] };

/**
 * One target's figures; pauses in ns.
 *
 * @typedef {object} Pauses
 * @property {number} threads
 * @property {"sleep" | "read"} activity
 * @property {{ injectNs: number, recoverNs: number, lingering: number, sequentialNs?: number }[]} rounds
 *   `lingering`: threads for whose sake recover left our pages mapped
 * @property {import("./statistics.mjs").Summary} inject
 * @property {import("./statistics.mjs").Summary} recover
 * @property {import("./statistics.mjs").Summary} [sequential] the stop by attaching to one thread after the other
 * @property {import("./statistics.mjs").Summary} [ratio] inject ÷ sequential, round by round
 */

/**
 * @param {{ rounds: number, progress: (what: string) => void }} options
 * @returns {Promise<Pauses[]>}
 */
export async function measurePauses({ rounds, progress }) {
  const crowd = build("crowd.c");
  const sequential = build("sequential.c");
  const results = [];
  for (const { threads, activity, compared, rounds: most = rounds } of TARGETS) {
    progress(`pauses of ${threads} threads that ${activity}`);
    const measured = await withVictim(crowd, [threads, activity], ({ pid }) =>
      withVictim(sequential, [pid], (other) =>
        measure(pid, threads, Math.min(rounds, most), compared ? other : undefined),
      ),
    );
    results.push({
      threads,
      activity,
      rounds: measured,
      inject: summarize(measured.map(({ injectNs }) => injectNs)),
      recover: summarize(measured.map(({ recoverNs }) => recoverNs)),
      ...(compared
        ? {
            sequential: summarize(measured.map(({ sequentialNs }) => sequentialNs)),
            ratio: summarize(measured.map(({ injectNs, sequentialNs }) => injectNs / sequentialNs)),
          }
        : {}),
    });
  }
  return results;
}

async function measure(pid, threads, rounds, sequential) {
  const measured = [];
  for (let round = 0; round < rounds; round++) {
    const injected = await inject({ pid, ...SKEW });
    const recovered = await recover({ pid });
    const other = await sequential?.ask("stop");
    if (injected.threads !== threads) {
      throw new Error(`${injected.threads} threads were held, not ${threads}`);
    }
    if (other !== undefined && other.threads !== threads) {
      throw new Error(`${other.threads} threads were stopped one by one, not ${threads}`);
    }
    measured.push({
      injectNs: Number(injected.pauseNs),
      recoverNs: Number(recovered.pauseNs),
      lingering: recovered.lingeringThreads,
      ...(other === undefined ? {} : { sequentialNs: other.stopNs }),
    });
  }
  return measured;
}
