/**
 * What a command costs that skews many processes at once: its time, the longest stop of any of them, and what each further
 * process adds. A round takes each size once, between two `node -e 0`.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { summarize } from "./statistics.mjs";
import { build, withVictim } from "./victims.mjs";

const CLI = fileURLToPath(new URL("../../bin/timeskew.js", import.meta.url));
const SIZES = [1, 10, 50, 200];

/** What is asked of a set, in the order in which it is: each leaves the set as the next one wants it. */
const COMMANDS = {
  inject: ["inject", "--offset", "-600s"],
  update: ["inject", "--offset", "-10m1ns"],
  recover: ["recover"],
  profile: ["inject", "--drift", "200ppm"],
  again: ["recover"],
};

/**
 * One size's figures; ns.
 *
 * @typedef {{ wallNs: number, cpuNs: number, longestNs: number }} Command
 * @typedef {object} Size
 * @property {number} processes
 * @property {Record<keyof typeof COMMANDS, Command>[]} rounds
 * @property {Record<keyof typeof COMMANDS, { wall: import("./statistics.mjs").Summary,
 *   longest: import("./statistics.mjs").Summary }>} commands
 */

/**
 * @param {{ rounds: number, progress: (what: string) => void }} options
 * @returns {Promise<{ node: import("./statistics.mjs").Summary, sizes: Size[], growth: object }>}
 */
export async function measureSets({ rounds, progress }) {
  const family = build("family.c");
  const stopwatch = build("stopwatch.c");
  const measured = new Map(SIZES.map((processes) => [processes, []]));
  const nodes = [];
  for (let round = 0; round < rounds; round++) {
    nodes.push(time(stopwatch, ["-e", "0"]).wallNs);
    for (const processes of SIZES) {
      progress(`sets of ${processes}, round ${round + 1} of ${rounds}`);
      const commands = await withVictim(family, [processes], async ({ pid }) =>
        ask(stopwatch, pid, processes),
      );
      measured.get(processes).push(commands);
    }
    nodes.push(time(stopwatch, ["-e", "0"]).wallNs);
  }
  const sizes = SIZES.map((processes) => evaluate(processes, measured.get(processes)));
  return { node: summarize(nodes), sizes, growth: growthOf(measured) };
}

function ask(stopwatch, pid, processes) {
  return Object.fromEntries(
    Object.entries(COMMANDS).map(([key, words]) => {
      const args = [...words, "--pid", `${pid}`, "--tree", "--json", "--stop-timeout", "20s"];
      const { wallNs, cpuNs, output } = time(stopwatch, [CLI, ...args]);
      const { targets, longestPauseNs } = JSON.parse(output);
      if (targets.length !== processes) {
        throw new Error(`${words[0]}: ${targets.length} processes were found, not ${processes}`);
      }
      return [key, { wallNs, cpuNs, longestNs: Number(longestPauseNs) }];
    }),
  );
}

/** @returns {{ wallNs: number, cpuNs: number, output: string }} of a run of Node */
function time(stopwatch, args) {
  const { stdout, output } = spawnSync(stopwatch, [process.execPath, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit", "pipe"],
    maxBuffer: 1 << 28,
  });
  const { wallNs, cpuNs, status } = JSON.parse(stdout);
  if (status !== 0) throw new Error(`${args.join(" ")} has failed with status ${status}`);
  return { wallNs, cpuNs, output: output[3] };
}

/** @returns {Size} */
function evaluate(processes, rounds) {
  const commands = Object.fromEntries(
    Object.keys(COMMANDS).map((key) => [
      key,
      {
        wall: summarize(rounds.map((round) => round[key].wallNs)),
        longest: summarize(rounds.map((round) => round[key].longestNs)),
      },
    ]),
  );
  return { processes, rounds, commands };
}

/**
 * The CPU time (ns) that each further process adds to a command, from the smallest set to the largest; and how much more that
 * is between the two largest than below: 1 is a straight line.
 */
function growthOf(measured) {
  const [first, , third, last] = SIZES;
  const each = (key, from, to) =>
    measured.get(to).map((round, i) => (round[key].cpuNs - measured.get(from)[i][key].cpuNs) / (to - from));
  return Object.fromEntries(
    Object.keys(COMMANDS).map((key) => {
      const [above, below] = [each(key, third, last), each(key, first, third)];
      return [
        key,
        {
          perProcess: summarize(each(key, first, last)),
          bend: summarize(above.map((value, i) => value / below[i])),
        },
      ];
    }),
  );
}
