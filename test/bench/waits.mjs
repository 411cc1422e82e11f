/**
 * What it costs that deadlines are translated on their way to the kernel: the calls that have one, and the search for
 * the places where they are made, as a part of a whole `timeskew inject`.
 *
 * The calls are measured as reads of the clock are (reads.mjs): in one process, in short rounds of untouched, translated
 * (the deadline's clock is skewed), not selected (another clock is) and untouched again, and each state is compared
 * with the untouched ones around it. The search: each round injects with and without `--no-waits`, one right after the
 * other, in turns as to which is first, and recovers after each.
 */
import { inject, recover } from "../../dist/engine.js";
import { spread, summarize } from "./statistics.mjs";
import { mean, stopwatch } from "./stopwatch.mjs";
import { build, withVictim } from "./victims.mjs";

/** A round's part for one call and one state: 25 batches of 0.5 ms. */
const BATCHES = 25;
const BATCH_NS = 500_000;
/** How long waits.c naps. */
const NAP_NS = 50_000;
/** Enough to tell how many calls make a batch. */
const CALIBRATION = "50 25";

const CALLS = [
  {
    command: "pair",
    name: "sem_post + sem_timedwait, two threads",
    words: "`sem_post` to a thread in `sem_timedwait`, and back",
  },
  {
    command: "mismatch",
    name: "futex that returns at once, by syscall()",
    words: "a raw `futex` that returns at once, its deadline on the heap",
  },
  {
    command: "nap",
    name: "clock_nanosleep, absolute, 50 µs",
    words: "`clock_nanosleep` until 50 µs from now",
  },
  { command: "raw", name: "clock_gettime by syscall()", words: "a raw `clock_gettime`" },
];

/** Back: a deadline that is not translated has passed, so that nothing hangs. */
const OFFSET = "-1h";
const SELECTED = { offset: OFFSET, clocks: ["CLOCK_REALTIME"] };
/** A clock that nobody uses here. */
const OTHER = { offset: OFFSET, clocks: ["CLOCK_TAI"], exact: true };

const TARGETS = [
  { name: "a small C program", start: () => ({ program: build("crowd.c"), args: [1, "sleep"] }) },
  { name: "Node", start: () => ({ program: process.execPath, args: ["-e", NODE] }) },
];
/** A program that does nothing, as a large image does it. */
const NODE = "console.log('ready'); setInterval(() => {}, 1e9)";

/**
 * One call's figures, ns per call (medians of a round's batches); ratios are per round.
 *
 * @typedef {"untouched" | "translated" | "notSelected"} State
 * @typedef {import("./stopwatch.mjs").Times} Times
 * @typedef {object} Call
 * @property {string} name
 * @property {string} words the same, as the README has it
 * @property {Record<State, Times>[]} rounds
 * @property {Record<State, import("./statistics.mjs").Summary>} cpu
 * @property {Record<State, import("./statistics.mjs").Summary>} wall
 * @property {Record<Exclude<State, "untouched">, import("./statistics.mjs").Summary>} ratios of CPU time
 * @property {number} spread of the untouched rounds
 */

/**
 * What the search for call sites costs in one target; ns per command.
 *
 * @typedef {object} Search
 * @property {string} name of the target
 * @property {{ with: Times, without: Times }[]} rounds
 * @property {import("./statistics.mjs").Summary} wall with the search
 * @property {import("./statistics.mjs").Summary} wallAdded
 * @property {import("./statistics.mjs").Summary} cpuAdded
 * @property {number} spread of the wall times without it
 */

/**
 * @param {{ rounds: { processes: number, each: number, commands: number }, progress: (what: string) => void }} options
 * @returns {Promise<{ calls: Call[], searches: Search[] }>}
 */
export async function measureWaits({ rounds: { processes, each, commands }, progress }) {
  return {
    calls: await measureCalls(processes, each, progress),
    searches: await measureSearches(commands, progress),
  };
}

async function measureCalls(processes, each, progress) {
  const program = build("waits.c");
  const rounds = CALLS.map(() => []);
  for (let i = 0; i < processes; i++) {
    await withVictim(program, [], async (victim) => {
      for (const [c, { name, command }] of CALLS.entries()) {
        progress(`${name}, process ${i + 1} of ${processes}`);
        rounds[c].push(...(await measure(victim, command, each)));
      }
    });
  }
  return CALLS.map(({ name, words }, c) => ({ name, words, ...evaluate(rounds[c]) }));
}

/**
 * @param {import("./victims.mjs").Victim} victim
 * @param {string} command the call's name in waits.c
 * @param {number} count of rounds
 * @returns {Promise<Record<State, Times>[]>}
 */
async function measure(victim, command, count) {
  const { pid } = victim;
  const { wallNs } = await victim.ask(`${command} ${CALIBRATION}`);
  const calls = Math.max(1, Math.round(BATCH_NS / wallNs));
  const time = () => victim.ask(`${command} ${calls} ${BATCHES}`);
  const rounds = [];
  let before = await time();
  for (let i = 0; i < count; i++) {
    await inject({ pid, ...SELECTED });
    const translated = await time();
    if (command === "nap" && translated.wallNs < NAP_NS) throw new Error("deadlines are not translated");
    await inject({ pid, ...OTHER });
    const notSelected = await time();
    await recover({ pid });
    const after = await time();
    rounds.push({ untouched: mean(before, after), translated, notSelected });
    before = after;
  }
  return rounds;
}

/** @param {Record<State, Times>[]} rounds */
function evaluate(rounds) {
  const of = (key, state) => summarize(rounds.map((round) => round[state][key]));
  const all = (key) => ({
    untouched: of(key, "untouched"),
    translated: of(key, "translated"),
    notSelected: of(key, "notSelected"),
  });
  const ratio = (state) => summarize(rounds.map((round) => round[state].cpuNs / round.untouched.cpuNs));
  const cpu = all("cpuNs");
  return {
    rounds,
    cpu,
    wall: all("wallNs"),
    ratios: { translated: ratio("translated"), notSelected: ratio("notSelected") },
    spread: spread(cpu.untouched),
  };
}

async function measureSearches(count, progress) {
  const { timeskew } = stopwatch();
  const searches = [];
  for (const { name, start } of TARGETS) {
    const { program, args } = start();
    progress(`the search for call sites in ${name}`);
    const rounds = await withVictim(program, args, async ({ pid }) => {
      timeInjection(timeskew, pid, []); // fills the caches
      return Array.from({ length: count }, (_, i) => oneSearch(timeskew, pid, i % 2 === 0));
    });
    searches.push({ name, ...evaluateSearch(rounds) });
  }
  return searches;
}

/** One command with the search and one without it, the former first or last. */
function oneSearch(timeskew, pid, first) {
  const before = first ? timeInjection(timeskew, pid, []) : undefined;
  const without = timeInjection(timeskew, pid, ["--no-waits"]);
  return { without, with: before ?? timeInjection(timeskew, pid, []) };
}

/** @returns {Times} of an injection, which is taken back */
function timeInjection(timeskew, pid, flags) {
  const { wallNs, cpuNs } = timeskew("inject", "--pid", `${pid}`, "--offset", "-600s", ...flags);
  timeskew("recover", "--pid", `${pid}`);
  return { wallNs, cpuNs };
}

function evaluateSearch(rounds) {
  const added = (key) => summarize(rounds.map((round) => round.with[key] - round.without[key]));
  return {
    rounds,
    wall: summarize(rounds.map((round) => round.with.wallNs)),
    wallAdded: added("wallNs"),
    cpuAdded: added("cpuNs"),
    spread: spread(summarize(rounds.map(({ without }) => without.wallNs))),
  };
}
