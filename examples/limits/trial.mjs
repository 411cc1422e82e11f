/**
 * What an experiment has at hand: programs that are built and started, timeskew, and a transcript of what was typed and
 * what was printed.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { now } from "../support/processes.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const CLI = join(HERE, "../../bin/timeskew.js");
/** timeskew's exit code where it may not trace. */
const NOT_PERMITTED = 4;
/** How long a line of a program is waited for, ms. */
const PATIENCE = 60_000;
/** How often a condition is looked at, ms. */
const BETWEEN_LOOKS = 50;

/** An experiment that cannot be made here, and why. */
export class Skipped extends Error {}

/** A program that has been started, and that answers each line with some lines and an empty one. */
class Program {
  /** What it has printed and nobody has read. */
  #lines = [];
  #wake = () => {};
  #transcript;

  constructor(actor, transcript) {
    this.actor = actor;
    this.pid = actor.pid;
    this.#transcript = transcript;
    actor.onLine(({ text, stream }) => {
      if (stream === "stderr") return;
      this.#lines.push(text);
      this.#wake();
    });
  }

  /** The next line that it prints; not in the transcript. @throws Error if it has ended, or is silent for too long */
  async line() {
    const patience = new AbortController();
    try {
      while (this.#lines.length === 0) {
        await Promise.race([
          new Promise((resolve) => {
            this.#wake = resolve;
          }),
          this.actor.finished.then(() => this.#fail("has ended")),
          sleep(PATIENCE, undefined, { signal: patience.signal }).then(() => this.#fail("is silent")),
        ]);
      }
      return this.#lines.shift();
    } finally {
      patience.abort();
    }
  }

  #fail(words) {
    const said = this.actor.lines.map(({ text }) => `\n  ${text}`).join("");
    throw new Error(`${this.actor.name} (pid ${this.pid}) ${words}${said && `; it said:${said}`}`);
  }

  /** Asks for something that takes its time; `answer` waits for that. */
  write(text) {
    this.actor.write(`${text}\n`);
  }

  /** Its lines up to an empty one. */
  async answer() {
    const lines = [];
    for (let line = await this.line(); line !== ""; line = await this.line()) lines.push(line);
    return new Answer(lines);
  }

  /** @param {string} question @param {{ silently?: boolean }} how silently: not in the transcript */
  async ask(question = "", { silently = false } = {}) {
    this.write(question);
    const answer = await this.answer();
    if (!silently) this.#transcript.push(...answer.lines);
    return answer;
  }
}

/** Lines like "sem_timedwait: 301 ms". */
export class Answer {
  constructor(lines) {
    this.lines = lines;
    this.text = lines.join("\n");
  }

  /** The number behind a label; NaN without that. */
  number(label) {
    const line = this.lines.find((each) => each.startsWith(`${label}: `));
    return Number.parseFloat(line?.slice(label.length + 2) ?? "");
  }

  /** The lines that match. */
  grep(pattern) {
    return this.lines.filter((line) => pattern.test(line)).map((line) => line.trim());
  }
}

export class Trial {
  /** As a reader would have it on their terminal. @type {string[]} */
  transcript = [];
  /** The programs here that were built for it. @type {Set<string>} */
  sources = new Set();
  #processes;
  /** What stands for them in the transcript, in the order in which they were started. @type {Map<string, string>} */
  #pids = new Map();

  /**
   * @param {import("../support/processes.mjs").Processes} processes
   * @param {string} folder a temporary one, in which this experiment gets its own
   * @param {{ name: string, isSkewed: boolean }} how not skewed: without any command of timeskew, as a control
   */
  constructor(processes, folder, { name, isSkewed }) {
    this.#processes = processes;
    this.isSkewed = isSkewed;
    this.folder = join(folder, name);
    mkdirSync(this.folder);
  }

  // ---- programs ------------------------------------------------------------------------------------------------

  /**
   * Builds one of the programs here.
   *
   * @param {string} source "waiter.c"
   * @param {{ as?: string, compiler?: string, flags?: string[] }} how
   * @returns {Promise<string>} its path
   */
  async build(source, { as = basename(source, ".c"), compiler = "cc", flags = [] } = {}) {
    this.sources.add(source);
    const program = join(this.folder, as);
    const args = ["-O2", "-o", program, join(HERE, source), "-pthread", ...flags];
    await this.#processes.run([compiler, ...args]);
    return program;
  }

  /** @param {readonly string[]} argv @param {{ shown?: string | false }} how `shown`: in the transcript; false: not */
  async start(argv, { shown = this.#shown(argv), ...how } = {}) {
    const name = basename(argv[0]);
    const actor = await this.#processes.start(name, argv, { cwd: this.folder, ...how });
    const number = this.#pids.size + 1;
    const pid = number === 1 ? "PID" : `PID${number}`;
    this.#pids.set(String(actor.pid), pid);
    if (shown !== false) this.transcript.push(`$ ${shown} &${number === 1 ? "" : `   # ${pid}`}`);
    return new Program(actor, this.transcript);
  }

  /** Builds a program, and starts it; it is ready. */
  async startBuilt(source, { args = [], ...how } = {}) {
    const program = await this.start([await this.build(source, how), ...args]);
    await ready(program);
    return program;
  }

  /**
   * Runs a short command.
   *
   * @param {readonly string[]} argv
   * @param {{ shown?: string | false, show?: RegExp | false, input?: string }} how `show`: which of its lines are in the
   *   transcript
   * @returns {Promise<Answer & { code: number }>}
   */
  async run(argv, { shown = this.#shown(argv), show = /^/, ...how } = {}) {
    if (shown !== false) this.transcript.push(`$ ${shown}`);
    const { code, stdout, stderr } = await this.#processes.run(argv, {
      cwd: this.folder,
      allowFailure: true,
      ...how,
    });
    const answer = new Answer(`${stdout}${stderr}`.trimEnd().split("\n"));
    if (show) this.transcript.push(...answer.grep(show).map((line) => this.#anonymous(line)));
    return Object.assign(answer, { code });
  }

  // ---- timeskew ------------------------------------------------------------------------------------------------

  /**
   * Runs timeskew, unless this is the control.
   *
   * @param {string} words as a reader would type them
   * @param {{ show?: RegExp | false, exit?: number }} how which of its lines are in the transcript; the exit code to expect
   * @throws Skipped if it may not trace; Error in its words if it ends otherwise than expected
   */
  async timeskew(words, { show = false, exit = 0 } = {}) {
    const shown = `timeskew ${this.#anonymous(words)}`;
    if (!this.isSkewed) return Object.assign(new Answer([]), { code: 0 });
    this.transcript.push(`$ ${shown}`);
    const answer = await this.run([process.execPath, CLI, ...words.split(" ")], { shown: false, show });
    if (answer.code === NOT_PERMITTED && exit !== NOT_PERMITTED) throw new Skipped(answer.lines[0]);
    if (answer.code !== exit) throw new Error(`${shown}: exit code ${answer.code}\n${answer.text}`);
    return answer;
  }

  /** A `timeskew run …` that is to start `argv`; in the control, only `argv`. */
  underTimeskew(words, argv) {
    return this.isSkewed ? [process.execPath, CLI, "run", ...words.split(" "), "--", ...argv] : [...argv];
  }

  /** A timeskew that stays in the foreground; `stop()` ends it as Ctrl-C does. */
  async stay(words, until) {
    if (!this.isSkewed) return { stop: async () => {} };
    const argv = [process.execPath, CLI, ...words.split(" ")];
    const program = await this.start(argv, { shown: `timeskew ${this.#anonymous(words)}` });
    await program.actor.line(until, `${until}`);
    return program.actor;
  }

  // ---- other ---------------------------------------------------------------------------------------------------

  /** True time, ms since 1970. */
  now() {
    return now();
  }

  sleep(ms) {
    return sleep(ms);
  }

  /** Whether a condition comes true within so many ms. */
  async within(ms, condition) {
    for (const end = now() + ms; ; ) {
      if (await condition()) return true;
      if (now() > end) return false;
      await sleep(BETWEEN_LOOKS);
    }
  }

  /** For the transcript. */
  note(...lines) {
    this.transcript.push(...lines);
  }

  /** As a reader would type it, in this folder. */
  #shown(argv) {
    return argv.map((word) => word.replace(`${this.folder}/`, "./")).join(" ");
  }

  #anonymous(text) {
    return text
      .replaceAll(/\b\d+\b/g, (number) => this.#pids.get(number) ?? number)
      .replaceAll(`${this.folder}/`, "./");
  }
}

/** @throws Skipped where Yama lets nobody but root trace a program that has not permitted it */
export function needTracing() {
  let scope = "0\n";
  try {
    scope = readFileSync("/proc/sys/kernel/yama/ptrace_scope", "utf8");
  } catch {
    // no Yama in this kernel
  }
  if (Number(scope) > 0 && process.getuid() !== 0) {
    throw new Skipped(`kernel.yama.ptrace_scope is ${scope.trim()}: only root may do this`);
  }
}

/**
 * Waits until a program may be asked.
 *
 * @param {Program} program
 * @throws Skipped if it says that it cannot do here what it is for
 */
export async function ready(program) {
  const line = await program.line();
  if (line.startsWith("cannot: ")) throw new Skipped(line);
  if (line !== "ready") throw new Error(`${program.actor.name}: ${line}`);
}

/** A whole number, and never -0. */
export function whole(value) {
  return Math.round(value) || 0;
}

/** "-600.0 s" */
export function seconds(value) {
  return `${value.toFixed(1)} s`;
}

/** Whether a number is within `by` of another; NaN is not. */
export function near(value, expected, by) {
  return Math.abs(value - expected) <= by;
}
