/**
 * How long a target stands still for inject and for recover: `pauseNs`, from the first thread's stop to the last
 * one's release. Of targets whose threads all sleep, and of targets whose threads do nothing but read the clock. Beside
 * it, in each round, the stop without the call sites of waits (`--no-waits`), and that by a tool which attaches to the
 * threads one by one (sequential.c).
 */
import { inject, recover } from "../../dist/engine.js";
import { summarize } from "./statistics.mjs";
import { build, withVictim } from "./victims.mjs";

const TARGETS = [
  ...[1, 8, 64, 256, 1000].map((threads) => ({ threads, activity: "sleep", compared: true })),
  ...[1, 8].map((threads) => ({ threads, activity: "read", compared: true })),
  // One by one, each of these would wait for its turn to run before it could stop: seconds.
  { threads: 64, activity: "read", compared: false },
  { threads: 10_000, activity: "sleep", compared: true, rounds: 5 },
];

/** The most threads of a short run. */
const SMALL = 64;
/** On a busy machine, 64 threads that compute get a processor one after the other. */
const PATIENT = { stopTimeoutMs: 20_000 };
const SKEW = { offset: "-600s", clocks: ["CLOCK_REALTIME"], ...PATIENT };

/**
 * One target's figures; pauses in ns.
 *
 * @typedef {import("./statistics.mjs").Summary} Summary
 * @typedef {object} Pauses
 * @property {number} threads
 * @property {"sleep" | "read"} activity
 * @property {{ injectNs: number, recoverNs: number, bareNs: number, lingering: number, sequentialNs?: number }[]} rounds
 *   `bareNs`: inject without waits; `lingering`: threads for whose sake recover left our pages mapped
 * @property {number} sites call sites that inject rewrote
 * @property {number} lingering how many recoveries left our pages mapped
 * @property {Summary} inject
 * @property {Summary} recover
 * @property {Summary} bare
 * @property {Summary} [sequential] the stop by attaching to one thread after the other
 * @property {Summary} [ratio] inject ÷ sequential, round by round
 */

/**
 * @param {{ rounds: number, small: boolean, progress: (what: string) => void }} options
 * @returns {Promise<Pauses[]>}
 */
export async function measurePauses({ rounds, small, progress }) {
  const crowd = build("crowd.c");
  const sequential = build("sequential.c");
  const results = [];
  const targets = small ? TARGETS.filter(({ threads }) => threads <= SMALL) : TARGETS;
  for (const target of targets) {
    const { threads, activity, compared } = target;
    progress(`pauses of ${threads} threads that ${activity}`);
    const count = Math.min(rounds, target.rounds ?? rounds);
    const measured = await withVictim(crowd, [threads, activity], ({ pid }) =>
      withVictim(sequential, [pid], (other) => measure(pid, threads, count, compared ? other : undefined)),
    );
    results.push({ threads, activity, ...evaluate(measured, compared) });
  }
  return results;
}

async function measure(pid, threads, rounds, sequential) {
  const measured = [];
  for (let round = 0; round < rounds; round++) {
    const injected = await inject({ pid, ...SKEW });
    const recovered = await recover({ pid, ...PATIENT });
    const bare = await inject({ pid, ...SKEW, waits: false });
    await recover({ pid, ...PATIENT });
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
      bareNs: Number(bare.pauseNs),
      sites: injected.waits.sites,
      lingering: recovered.lingeringThreads,
      ...(other === undefined ? {} : { sequentialNs: other.stopNs }),
    });
  }
  return measured;
}

function evaluate(rounds, compared) {
  return {
    rounds,
    sites: rounds[0].sites,
    lingering: rounds.filter((round) => round.lingering > 0).length,
    inject: summarize(rounds.map(({ injectNs }) => injectNs)),
    recover: summarize(rounds.map(({ recoverNs }) => recoverNs)),
    bare: summarize(rounds.map(({ bareNs }) => bareNs)),
    ...(compared
      ? {
          sequential: summarize(rounds.map(({ sequentialNs }) => sequentialNs)),
          ratio: summarize(rounds.map(({ injectNs, sequentialNs }) => injectNs / sequentialNs)),
        }
      : {}),
  };
}
