/**
 * What a command costs that skews many processes at once: its time, the longest stop of any of them, and what each further
 * process adds. A round takes each size once, between two `node -e 0`.
 */
import { summarize } from "./statistics.mjs";
import { stopwatch } from "./stopwatch.mjs";
import { build, withVictim } from "./victims.mjs";

const SIZES = [1, 10, 50, 200];
/** Of a short run. */
const SMALL = [1, 2, 3, 4];

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
 * @param {{ rounds: number, small: boolean, progress: (what: string) => void }} options
 * @returns {Promise<{ node: import("./statistics.mjs").Summary, sizes: Size[], growth: object }>}
 */
export async function measureSets({ rounds, small, progress }) {
  const counts = small ? SMALL : SIZES;
  const family = build("family.c");
  const watch = stopwatch();
  const measured = new Map(counts.map((processes) => [processes, []]));
  const nodes = [];
  for (let round = 0; round < rounds; round++) {
    nodes.push(watch.node().wallNs);
    for (const processes of counts) {
      progress(`sets of ${processes}, round ${round + 1} of ${rounds}`);
      const commands = await withVictim(family, [processes], async ({ pid }) => ask(watch, pid, processes));
      measured.get(processes).push(commands);
    }
    nodes.push(watch.node().wallNs);
  }
  const sizes = counts.map((processes) => evaluate(processes, measured.get(processes)));
  return { node: summarize(nodes), sizes, growth: growthOf(measured, counts) };
}

function ask({ timeskew }, pid, processes) {
  return Object.fromEntries(
    Object.entries(COMMANDS).map(([key, words]) => {
      const args = [...words, "--pid", `${pid}`, "--tree", "--json", "--stop-timeout", "20s"];
      const { wallNs, cpuNs, output } = timeskew(...args);
      const { targets, longestPauseNs } = JSON.parse(output);
      if (targets.length !== processes) {
        throw new Error(`${words[0]}: ${targets.length} processes were found, not ${processes}`);
      }
      return [key, { wallNs, cpuNs, longestNs: Number(longestPauseNs) }];
    }),
  );
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
function growthOf(measured, [first, , third, last]) {
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
