/** What a play has at hand: programs, timeskew, the true time, and the reader. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "./ports.mjs";
import { now, Processes } from "./processes.mjs";
import { bold, commandLine, dim, green, hasColour, red } from "./words.mjs";

const CLI = fileURLToPath(new URL("../../bin/timeskew.js", import.meta.url));
/** How long a condition is waited for, and how often it is looked at, ms. */
const [PATIENCE, BETWEEN_LOOKS] = [60_000, 20];

export class Scene {
  #processes = new Processes();
  #ports = new Set();
  /** @type {{ words: string, held: boolean, seen: string }[]} */
  claims = [];

  constructor(timeline, isSkewed) {
    this.timeline = timeline;
    /** For a subtitle: "Linux 6.1.0". */
    this.kernel = `Linux ${release().replace(/-.*/, "")}`;
    /** False if this is the control, without any skew. */
    this.isSkewed = isSkewed;
    /** Removed at the end. */
    this.folder = mkdtempSync(join(tmpdir(), "timeskew-example-"));
    chmodSync(this.folder, 0o711); // others may go through it to what is theirs
  }

  // ---- programs ------------------------------------------------------------------------------------------------

  /** @see Processes.start */
  async start(name, argv, how = {}) {
    const actor = await this.#processes.start(name, argv, { cwd: this.folder, ...how });
    console.log(dim(`  ${name}: pid ${actor.pid}`));
    return actor;
  }

  /** @see Processes.run */
  run(argv, how = {}) {
    return this.#processes.run(argv, { cwd: this.folder, ...how });
  }

  /** Runs timeskew, if this is not the control. @returns its answer, or undefined @throws Error in its words */
  async timeskew(...words) {
    if (!this.#announce(words)) return undefined;
    const { stdout, stderr } = await this.#run([...words, "--json"]);
    const answer = parsed(stdout);
    if (answer?.ok) return answer;
    const { message = stderr.trim(), hint } = answer?.error ?? {};
    throw new Error(`timeskew ${words[0]}: ${message}${hint ? ` (${hint})` : ""}`);
  }

  /** The same for a reader who is to see what it says. */
  async timeskewInWords(...words) {
    if (!this.#announce(words)) return;
    const { code, stdout, stderr } = await this.#run(words, hasColour ? { FORCE_COLOR: "1" } : {});
    process.stdout.write(stdout);
    process.stderr.write(stderr);
    if (code !== 0) throw new Error(`timeskew ${words[0]} has ended with exit code ${code}`);
  }

  /**
   * The words that start a program with a wrong clock, or, in the control, with the true one.
   *
   * @param {readonly string[]} verbs of `timeskew run`
   * @param {readonly string[]} argv
   */
  under(verbs, argv) {
    const words = ["run", ...verbs, "--", ...argv];
    return this.#announce(words) ? [process.execPath, CLI, ...words] : argv;
  }

  /** Whether it is to be run. */
  #announce(words) {
    const shown = `$ ${commandLine(["node", relative(process.cwd(), CLI), ...words.map(String)])}`;
    console.log(this.isSkewed ? `\n${bold(shown)}` : dim(`\n(without skew) ${shown}`));
    return this.isSkewed;
  }

  #run(words, env = {}) {
    const argv = [process.execPath, CLI, ...words.map(String)];
    return this.#processes.run(argv, { cwd: process.cwd(), env, allowFailure: true });
  }

  /** A folder in the folder, of a user if the demonstration is root's. */
  async subfolder(name, { user } = {}) {
    const path = join(this.folder, name);
    mkdirSync(path, { mode: 0o700 });
    if (user !== undefined && process.getuid?.() === 0) await this.run(["chown", `${user}:`, path]);
    return path;
  }

  /** On loopback, that nobody listens on; each call another. */
  async port() {
    const port = await freePort(this.#ports);
    this.#ports.add(port);
    return port;
  }

  // ---- time ----------------------------------------------------------------------------------------------------

  /** True time, ms since 1970. */
  now() {
    return now();
  }

  sleep(ms) {
    return sleep(ms);
  }

  /** Waits until `condition` answers something, and answers it. @throws Error in words */
  async until(what, condition, ms = PATIENCE) {
    let last;
    for (const end = now() + ms; ; await sleep(BETWEEN_LOOKS)) {
      try {
        const found = await condition();
        if (found) return found;
        last = undefined;
      } catch (error) {
        last = error; // it may only be too early; the last one is told
      }
      if (now() > end) {
        throw new Error(`${what}: not within ${ms / 1000} s${last ? `; ${last.message}` : ""}`, {
          cause: last,
        });
      }
    }
  }

  /** The same for what may not come: what `condition` answers within that time, or undefined. */
  async within(ms, condition) {
    for (const end = now() + ms; ; await sleep(BETWEEN_LOOKS)) {
      const found = await condition();
      if (found) return found;
      if (now() > end) return undefined;
    }
  }

  // ---- for the reader ------------------------------------------------------------------------------------------

  head(text) {
    console.log(`\n${bold(text)}`);
  }

  say(text) {
    console.log(`  ${text}`);
  }

  /**
   * What is true of the play, or not.
   *
   * @param {string} words the same in each play
   * @param {unknown} held whether it is so
   * @param {unknown} [seen] of which that was concluded
   */
  claim(words, held, seen) {
    this.claims.push({ words, held: Boolean(held), seen: String(seen ?? "") });
    console.log(`${held ? green("✓") : red("✗")} ${words}${seen === undefined ? "" : dim(` (${seen})`)}`);
  }

  // ---- the end -------------------------------------------------------------------------------------------------

  /** Stops the programs, the last first. */
  end() {
    return this.#processes.stopAll();
  }

  /** At once. */
  leave() {
    this.#processes.killAll();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }); // the killed may still write
  }
}

function parsed(json) {
  try {
    return JSON.parse(json);
  } catch {
    return undefined; // what it said instead is on stderr
  }
}
