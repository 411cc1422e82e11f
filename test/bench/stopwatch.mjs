/** Whole commands, from the shell's point of view (stopwatch.c). */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { build } from "./victims.mjs";

const CLI = fileURLToPath(new URL("../../bin/timeskew.js", import.meta.url));

/**
 * @typedef {{ wallNs: number, cpuNs: number }} Times
 * @typedef {object} Stopwatch
 * @property {(...command: string[]) => Times & { output: string }} time of a program, by its path
 * @property {() => Times & { output: string }} node of `node -e 0`, below which no program in Node can go
 * @property {(...args: string[]) => Times & { output: string }} timeskew of our own command
 */

/** @returns {Stopwatch} each of which throws if the command fails */
export function stopwatch() {
  const program = build("stopwatch.c");
  const time = (...command) => timed(program, command);
  return {
    time,
    node: () => time(process.execPath, "-e", "0"),
    timeskew: (...args) => time(process.execPath, CLI, ...args),
  };
}

function timed(program, command) {
  const { stdout, output, error, signal } = spawnSync(program, command, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit", "pipe"],
    maxBuffer: 1 << 28,
  });
  if (error) throw error;
  if (signal) throw new Error(`${command.join(" ")} was ended by ${signal}`);
  const { wallNs, cpuNs, status } = JSON.parse(stdout);
  if (status !== 0) throw new Error(`${command.join(" ")} has failed with status ${status}`);
  return { wallNs, cpuNs, output: output[3] };
}

/**
 * @param {Times} a
 * @param {Times} b
 */
export function mean(a, b) {
  return { wallNs: (a.wallNs + b.wallNs) / 2, cpuNs: (a.cpuNs + b.cpuNs) / 2 };
}
