/**
 * The programs of a demonstration: started, listened to, and stopped by their pids, whatever happens. Each leads a
 * process group of its own, so a Ctrl-C reaches only the demonstration, which then stops them in order, and what a
 * program has left behind in its group ends with it. The kernel kills them if the demonstration is killed.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readlinkSync, realpathSync } from "node:fs";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { commandFor } from "./programs.mjs";

/** How long a line of a program is waited for, ms. Generous: the machine may be busy. */
const PATIENCE = 60_000;
/** How long a program may take to end when it is asked to, before it is killed, ms. */
const TO_END = 10_000;
/** How long its output stays open once a program has ended, ms: for ever, where a daemon of it has that. */
const TO_ARRIVE = 5_000;
/** Lines of a program that are quoted when it fails. */
const LAST_WORDS = 8;

/** True time in ms since 1970, to the microsecond; monotonic within the run. */
export function now() {
  return performance.timeOrigin + performance.now();
}

/**
 * @typedef {{ at: number, text: string, stream: "stdout" | "stderr" }} Line when it arrived, true ms since 1970
 * @typedef {{ cwd?: string, env?: Record<string, string>, input?: string, user?: string, stopBy?: NodeJS.Signals }} How
 *   `env` is added to the demonstration's own; `input` is written to its stdin, which is then closed; `user`: whom to
 *   run it as, if the demonstration is root's; `stopBy`: how to ask it to end (default SIGTERM)
 */

/** A program that runs. */
export class Actor {
  /** All that it has printed so far. @type {Line[]} */
  lines = [];
  /** Called for each line that arrives. @type {Set<(line: Line) => void>} */
  #listeners = new Set();
  #child;
  #stopBy;
  #hasEnded = false;

  /** @param {string} name @param {import("node:child_process").ChildProcess} child @param {How} how */
  constructor(name, child, { stopBy = "SIGTERM" }) {
    this.name = name;
    this.pid = /** @type {number} */ (child.pid);
    this.#child = child;
    this.#stopBy = stopBy;
    child.stdin?.on("error", () => {}); // it has ended; `exited` and `line` tell so
    for (const stream of /** @type {const} */ (["stdout", "stderr"])) this.#listen(stream);
    const allRead = once(child, "close");
    /** @type {Promise<{ code: number | null, signal: string | null }>} */
    this.exited = once(child, "exit").then(([code, signal]) => {
      this.#hasEnded = true;
      signalGroup(this.pid, "SIGKILL");
      return { code, signal };
    });
    /** Settles when no more lines will come. */
    this.finished = this.exited.then((end) => Promise.race([allRead, sleep(TO_ARRIVE)]).then(() => end));
  }

  #listen(stream) {
    createInterface({ input: this.#child[stream] }).on("line", (text) => {
      const line = { at: now(), text, stream };
      this.lines.push(line);
      for (const listener of this.#listeners) listener(line);
    });
  }

  /** To its stdin. */
  write(text) {
    this.#child.stdin.write(text);
  }

  /** Calls back for each line that it has printed, and for each that it will print. */
  onLine(listener) {
    this.lines.forEach(listener);
    this.#listeners.add(listener);
  }

  /**
   * The first line, past or to come, for which `match` holds.
   *
   * @param {RegExp | ((text: string, line: Line) => unknown)} match
   * @param {string} [what] that it tells: "an elected leader"
   * @param {number} [ms] how long to wait for it
   * @returns {Promise<Line>}
   * @throws Error in words: not within that time, or the program has ended
   */
  async line(match, what = `${match}`, ms = PATIENCE) {
    const isIt = (line) => (match instanceof RegExp ? line.text.search(match) >= 0 : match(line.text, line));
    const past = this.lines.find(isIt);
    if (past) return past;
    const patience = new AbortController();
    let listener = (_line) => {};
    try {
      const toCome = new Promise((resolve, reject) => {
        listener = (line) => {
          try {
            if (isIt(line)) resolve(line);
          } catch (error) {
            reject(error);
          }
        };
        this.#listeners.add(listener);
      });
      return await Promise.race([
        toCome,
        this.finished.then((end) => this.#fail(`has ended (${ending(end)}) without ${what}`)),
        sleep(ms, undefined, { signal: patience.signal }).then(() =>
          this.#fail(`has not shown ${what} within ${Math.round(ms / 100) / 10} s`),
        ),
      ]);
    } finally {
      this.#listeners.delete(listener);
      patience.abort();
    }
  }

  #fail(words) {
    const last = this.lines.slice(-LAST_WORDS).map(({ text }) => `\n    ${text}`);
    throw new Error(
      `${this.name} (pid ${this.pid}) ${words}${last.length > 0 ? "; it said last:" : ""}${last.join("")}`,
    );
  }

  /** Asks it to end, and kills it if it does not. */
  async stop(signal = this.#stopBy) {
    if (this.#hasEnded) return this.exited;
    this.#child.kill(signal);
    const inTime = new AbortController();
    const late = sleep(TO_END, undefined, { signal: inTime.signal }).then(
      () => this.kill(),
      () => {},
    );
    const end = await this.exited;
    inTime.abort();
    await late;
    return end;
  }

  /** At once, with its process group. */
  kill() {
    if (!this.#hasEnded) signalGroup(this.pid, "SIGKILL");
  }
}

/** "exit code 1", "SIGKILL" */
export function ending({ code, signal }) {
  return signal ?? `exit code ${code}`;
}

/** Whether it is still the program that is to execute the one that is meant. */
function isStillStarting(pid, program) {
  try {
    return basename(program) === "setpriv" && readlinkSync(`/proc/${pid}/exe`) === realpathSync(program);
  } catch {
    return false; // it has ended, or is not ours to look at any more
  }
}

function signalGroup(leader, signal) {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error; // nobody is left
  }
}

/** All that were started, in order. */
export class Processes {
  /** @type {Set<Actor>} */
  #running = new Set();
  #isOver = false;

  /**
   * @param {string} name for the reader
   * @param {readonly string[]} argv
   * @param {How} how
   * @returns {Promise<Actor>} as soon as it is executed
   * @throws Error if it cannot be
   */
  async start(name, argv, how = {}) {
    if (this.#isOver) throw new Error(`${name} is not started: the demonstration is over`);
    const [program, ...args] = commandFor(argv, how);
    const { cwd, input } = how;
    const child = spawn(program, args, { cwd, env: { ...process.env, ...how.env }, detached: true });
    if (child.pid === undefined) {
      const [error] = await once(child, "error");
      throw new Error(`${argv[0]} cannot be started: ${error.message}`);
    }
    const actor = new Actor(name, child, how);
    this.#running.add(actor);
    actor.exited.then(() => this.#running.delete(actor));
    if (input !== undefined) child.stdin.end(input);
    while (isStillStarting(actor.pid, program)) await sleep(1);
    return actor;
  }

  /**
   * Runs a short command.
   *
   * @param {readonly string[]} argv
   * @param {How & { allowFailure?: boolean }} how
   * @returns {Promise<{ code: number | null, stdout: string, stderr: string }>}
   * @throws Error with what it said, if it fails
   */
  async run(argv, { allowFailure = false, input = "", ...how } = {}) {
    const actor = await this.start(argv[0], argv, { ...how, input });
    const end = await actor.finished;
    const said = (stream) =>
      actor.lines
        .filter((line) => line.stream === stream)
        .map(({ text }) => `${text}\n`)
        .join("");
    const [stdout, stderr] = [said("stdout"), said("stderr")];
    if (end.code !== 0 && !allowFailure) {
      throw new Error(`${argv.join(" ")}: ${ending(end)}\n${(stderr || stdout).trimEnd()}`);
    }
    return { code: end.code, stdout, stderr };
  }

  /** The last first, for it may depend on those before it. No program can be started from now on. */
  async stopAll() {
    this.#isOver = true;
    for (const actor of [...this.#running].reverse()) await actor.stop();
  }

  /** At once. */
  killAll() {
    this.#isOver = true;
    for (const actor of this.#running) actor.kill();
  }
}
