/**
 * The two other ways to give one program a wrong clock, as processes that are measured beside ours: libfaketime, which is
 * preloaded, and a payload that makes a system call per read, as tools that attach have it (percall.c).
 */
import { execFileSync } from "node:child_process";
import { accessSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { withVictim } from "./victims.mjs";

const OFFSET = "-600s";
const WALL_CLOCK_ONLY = { FAKETIME_DONT_FAKE_MONOTONIC: "1" };

/**
 * @typedef {object} Rival
 * @property {string} key
 * @property {string} name
 * @property {string[]} args of reads.c
 * @property {Record<string, string>} env
 */

/**
 * Those that this machine has, and in words what the others lack.
 *
 * @returns {{ rivals: Rival[], missing: string[], faketime: string | undefined }} `faketime`: its version
 */
export function findRivals() {
  const rivals = [];
  const missing = [];
  if (process.arch === "x64") {
    rivals.push({ key: "percall", name: "a system call per read", args: ["percall"], env: {} });
  } else {
    missing.push("the payload that makes a system call per read is written for x86-64 only");
  }
  const folder = findFolder();
  if (folder === undefined) missing.push("libfaketime is not installed: apt-get install faketime");
  else rivals.push(...preloaded(folder));
  return { rivals, missing, faketime: folder === undefined ? undefined : version() };
}

/** With -600 s, as people preload it: all clocks, the wall clock only, and the variant that threads need. */
function preloaded(folder) {
  const env = (library) => ({ LD_PRELOAD: join(folder, library), FAKETIME: OFFSET });
  return [
    { key: "faketime", name: "libfaketime", args: [], env: env("libfaketime.so.1") },
    {
      key: "faketimeWall",
      name: "libfaketime, wall clock only",
      args: [],
      env: { ...env("libfaketime.so.1"), ...WALL_CLOCK_ONLY },
    },
    { key: "faketimeThreads", name: "libfaketime for threads", args: [], env: env("libfaketimeMT.so.1") },
  ];
}

/** Where Debian and others have it; the library goes by the same name everywhere. */
function findFolder() {
  const folders = ["/usr/lib", "/usr/lib64", "/usr/local/lib"].flatMap((lib) => [lib, ...foldersIn(lib)]);
  return folders.map((each) => join(each, "faketime")).find(isLibraryIn);
}

function foldersIn(path) {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
  } catch {
    return []; // not every machine has all of them
  }
}

function isLibraryIn(folder) {
  try {
    accessSync(join(folder, "libfaketime.so.1"));
    return true;
  } catch {
    return false;
  }
}

/** "0.9.10", as its command says it, which comes in the same package. */
function version() {
  try {
    return /[\d.]+/.exec(execFileSync("faketime", ["--version"], { encoding: "utf8" }))?.[0] ?? "unknown";
  } catch {
    return "unknown";
  }
}

/**
 * Starts one process for each, and ends them when the work is done.
 *
 * @template T
 * @param {string} program built from reads.c
 * @param {readonly Rival[]} rivals
 * @param {(victims: Map<string, import("./victims.mjs").Victim>) => Promise<T>} work given them by key
 * @returns {Promise<T>}
 */
export async function withRivals(program, [first, ...others], work) {
  if (first === undefined) return work(new Map());
  return withVictim(
    program,
    first.args,
    (victim) => withRivals(program, others, (victims) => work(new Map([[first.key, victim], ...victims]))),
    first.env,
  );
}
