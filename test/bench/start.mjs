/**
 * What a whole command costs, from the shell's point of view, next to `node -e 0`, below which no program in Node
 * can go. One round runs each command once, with `node -e 0` before and after.
 */
import { quietRounds, spread, summarize, COMMANDS as TOLERANCE } from "./statistics.mjs";
import { mean, stopwatch } from "./stopwatch.mjs";
import { build, withVictim } from "./victims.mjs";

const RUN = ["run", "--offset", "-600s", "--"];
/** Of each program that is started by a followed one, the difference to the line above it. */
const PROGRAMS = "i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i + 1)); done";

/**
 * In the order in which a round runs them: each leaves the target as the next one wants it.
 *
 * @type {{ key: string, name: string, args: (pid: number) => string[] }[]}
 */
const COMMANDS = [
  { key: "version", name: "timeskew --version", args: () => ["--version"] },
  { key: "inject", name: "timeskew inject, first patch", args: (pid) => injection(pid, "-600s") },
  { key: "update", name: "timeskew inject, live update", args: (pid) => injection(pid, "-10m1ns") },
  { key: "recover", name: "timeskew recover", args: recovery },
  {
    key: "noWaits",
    name: "timeskew inject --no-waits",
    args: (pid) => [...injection(pid, "-600s"), "--no-waits"],
  },
  { key: "again", name: "timeskew recover, without waits", args: recovery },
  { key: "run", name: "timeskew run -- true", args: () => [...RUN, "true"] },
  { key: "programs", name: "timeskew run, 100 times true", args: () => [...RUN, "sh", "-c", PROGRAMS] },
];

function injection(pid, offset) {
  return ["inject", "--pid", `${pid}`, "--offset", offset, "--clock", "CLOCK_REALTIME"];
}

function recovery(pid) {
  return ["recover", "--pid", `${pid}`];
}

/**
 * One command's figures; times in ns.
 *
 * @typedef {import("./stopwatch.mjs").Times} Times
 * @typedef {object} Start
 * @property {string} key
 * @property {string} name
 * @property {Times[]} rounds
 * @property {import("./statistics.mjs").Summary} wall
 * @property {import("./statistics.mjs").Summary} cpu user and system time
 * @property {import("./statistics.mjs").Summary} wallRatio to `node -e 0`, per round
 * @property {import("./statistics.mjs").Summary} cpuRatio
 */

/**
 * @param {{ rounds: number, progress: (what: string) => void }} options
 * @returns {Promise<{ node: Start, commands: Start[], quiet: number, noisy: boolean, spread: number }>}
 */
export async function measureStart({ rounds, progress }) {
  const { node: timeNode, timeskew } = stopwatch();
  return withVictim(build("crowd.c"), [1, "sleep"], async ({ pid }) => {
    const node = () => timesOf(timeNode());
    const measured = [];
    node(); // fills the caches
    for (let round = 0; round < rounds; round++) {
      progress(`start-up, round ${round + 1} of ${rounds}`);
      const before = node();
      const times = COMMANDS.map(({ args }) => timesOf(timeskew(...args(pid))));
      const after = node();
      measured.push({
        process: 0,
        before: before.wallNs,
        after: after.wallNs,
        node: mean(before, after),
        times,
      });
    }
    return evaluateAll(measured);
  });
}

/** Of the quiet rounds, by the two `node -e 0`, if there were enough. */
function evaluateAll(measured) {
  const { rounds, quiet, noisy } = quietRounds(measured, TOLERANCE);
  const baseline = rounds.map((round) => round.node);
  return {
    node: { ...evaluate(baseline, baseline), key: "node", name: "node -e 0" },
    commands: COMMANDS.map(({ key, name }, i) => {
      const times = rounds.map((round) => round.times[i]);
      return { ...evaluate(times, baseline), key, name };
    }),
    quiet,
    noisy,
    spread: spread(summarize(measured.map(({ node }) => node.wallNs))),
  };
}

/** @returns {Times} without the output */
function timesOf({ wallNs, cpuNs }) {
  return { wallNs, cpuNs };
}

/**
 * @param {Times[]} rounds
 * @param {Times[]} baseline of the same rounds
 */
function evaluate(rounds, baseline) {
  const ratio = (key) => summarize(rounds.map((round, i) => round[key] / baseline[i][key]));
  return {
    rounds,
    wall: summarize(rounds.map(({ wallNs }) => wallNs)),
    cpu: summarize(rounds.map(({ cpuNs }) => cpuNs)),
    wallRatio: ratio("wallNs"),
    cpuRatio: ratio("cpuNs"),
  };
}
