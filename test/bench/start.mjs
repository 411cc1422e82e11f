/**
 * What a whole command costs, from the shell's point of view, next to `node -e 0`, below which no program in Node
 * can go. One round runs each command once, with `node -e 0` before and after.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { spread, summarize } from "./statistics.mjs";
import { build, withVictim } from "./victims.mjs";

const CLI = fileURLToPath(new URL("../../bin/timeskew.js", import.meta.url));

/** How long a command may take, as a multiple of `node -e 0`: issue 2. */
export const AIMS = { inject: 2 };

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
  { key: "recover", name: "timeskew recover", args: (pid) => ["recover", "--pid", `${pid}`] },
  { key: "run", name: "timeskew run -- true", args: () => [...RUN, "true"] },
  { key: "programs", name: "timeskew run, 100 times true", args: () => [...RUN, "sh", "-c", PROGRAMS] },
];

function injection(pid, offset) {
  return ["inject", "--pid", `${pid}`, "--offset", offset, "--clock", "CLOCK_REALTIME"];
}

/**
 * One command's figures; times in ns.
 *
 * @typedef {{ wallNs: number, cpuNs: number }} Times
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
 * @returns {Promise<{ node: Start, commands: Start[], spread: number }>}
 */
export async function measureStart({ rounds, progress }) {
  const stopwatch = build("stopwatch.c");
  return withVictim(build("crowd.c"), [1, "sleep"], async ({ pid }) => {
    const node = () => time(stopwatch, ["-e", "0"]);
    const measured = [];
    node(); // fills the caches
    for (let round = 0; round < rounds; round++) {
      progress(`start-up, round ${round + 1} of ${rounds}`);
      const before = node();
      const times = COMMANDS.map(({ args }) => time(stopwatch, [CLI, ...args(pid)]));
      const after = node();
      measured.push({ node: mean(before, after), times });
    }
    const baseline = measured.map((round) => round.node);
    const result = { ...evaluate(baseline, baseline), key: "node", name: "node -e 0" };
    return {
      node: result,
      commands: COMMANDS.map(({ key, name }, i) => {
        const times = measured.map((round) => round.times[i]);
        return { ...evaluate(times, baseline), key, name };
      }),
      spread: spread(result.wall),
    };
  });
}

/** @returns {Times} */
function time(stopwatch, args) {
  const answer = execFileSync(stopwatch, [process.execPath, ...args], { encoding: "utf8" });
  const { wallNs, cpuNs, status } = JSON.parse(answer);
  if (status !== 0) throw new Error(`${args.join(" ")} has failed with status ${status}`);
  return { wallNs, cpuNs };
}

/**
 * @param {Times} a
 * @param {Times} b
 */
function mean(a, b) {
  return { wallNs: (a.wallNs + b.wallNs) / 2, cpuNs: (a.cpuNs + b.cpuNs) / 2 };
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
