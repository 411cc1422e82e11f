/**
 * Builds and starts the programs that are measured. Everything that was started here ends with this process,
 * however it ends, and so does the folder that they were built in.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { missingPackages } from "../setup/programs.mjs";

const FLAGS = ["-O2", "-Wall", "-Wextra", "-Werror", "-pthread"];
const COMPILER = ["gcc", "libc6-dev"];

/** @type {string | undefined} */
let folder;
/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();

process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  if (folder) rmSync(folder, { recursive: true });
});
for (const [signal, number] of Object.entries({ SIGINT: 2, SIGTERM: 15, SIGHUP: 1 })) {
  process.once(signal, () => process.exit(128 + number));
}

/**
 * @param {...string} sources C files of this folder; the program is called as the first
 * @returns {string} the path of the program
 */
export function build(...sources) {
  const missing = missingPackages().filter((name) => COMPILER.includes(name));
  if (missing.length > 0) throw new Error(`a C compiler is missing: apt-get install ${missing.join(" ")}`);
  folder ??= mkdtempSync(join(tmpdir(), "timeskew-bench-"));
  const program = join(folder, basename(sources[0], ".c"));
  const files = sources.map((source) => fileURLToPath(new URL(source, import.meta.url)));
  execFileSync("gcc", [...FLAGS, "-o", program, ...files]);
  return program;
}

/**
 * A running program that answers each line with a line of JSON.
 *
 * @typedef {{ pid: number, ask(question: string): Promise<any> }} Victim
 */

/**
 * Starts a program, waits for its first line, and ends it when the work is done.
 *
 * @template T
 * @param {string} program
 * @param {readonly (string | number)[]} args
 * @param {(victim: Victim) => Promise<T>} work
 * @param {Record<string, string>} [env] what its environment has besides ours
 * @returns {Promise<T>}
 */
export async function withVictim(program, args, work, env = {}) {
  const child = spawn(program, args.map(String), {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  running.add(child);
  const ended = once(child, "exit");
  child.stdin.on("error", () => {}); // of a program that has ended; so have its lines
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${basename(program)} has ended`);
    return value;
  };
  try {
    await next();
    const ask = async (question) => {
      child.stdin.write(`${question}\n`);
      return JSON.parse(await next());
    };
    return await work({ pid: child.pid, ask });
  } finally {
    child.kill("SIGKILL");
    await ended;
    running.delete(child);
  }
}
