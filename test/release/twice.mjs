/**
 * Builds the package, and the single binary, from a clean export of the tree: in a folder of its own, under another umask,
 * time zone, language and date each time. What is built must not depend on any of that.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/**
 * @typedef {object} World
 * @property {string} folder below the place of work; of another length, and with a blank, which no build may mind
 * @property {number} umask
 * @property {Record<string, string>} env
 * @property {string} [ahead] by how much its clock is, as `timeskew run --offset` takes it
 */

/** @type {readonly World[]} */
export const WORLDS = [
  { folder: "one", umask: 0o022, env: { TZ: "UTC", LC_ALL: "C" } },
  {
    folder: "two/and another",
    umask: 0o077,
    env: { TZ: "Pacific/Kiritimati", LC_ALL: "C.UTF-8" },
    ahead: "400d",
  },
];

/** "umask 077, TZ=…, LC_ALL=…, a clock that is 400d ahead" @param {World} world */
export function worldWords({ umask, env, ahead }) {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const clock = ahead === undefined ? [] : [`a clock that is ${ahead} ahead`];
  return [`umask ${umask.toString(8).padStart(3, "0")}`, ...variables, ...clock].join(", ");
}

/** Whether there is something that was not committed; a release has nothing of that. */
export function isDirty() {
  return execFileSync("git", ["status", "--porcelain"], { cwd: ROOT }).length > 0;
}

/** When the tree was committed, seconds since 1970: what stands for the date of a build. */
export function sourceDate() {
  const told = process.env.SOURCE_DATE_EPOCH;
  return Number(told ?? execFileSync("git", ["log", "-1", "--format=%ct"], { cwd: ROOT, encoding: "utf8" }));
}

/** All files that git has or would take, as a clone has them under this umask. @param {string} folder */
export function exportTree(folder, umask = 0o022) {
  const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const files = execFileSync("git", list, { cwd: ROOT, encoding: "utf8", maxBuffer: 2 ** 26 }).split("\0");
  for (const file of new Set(files.filter(Boolean))) {
    const from = statSync(join(ROOT, file), { throwIfNoEntry: false });
    if (from === undefined) continue; // deleted, and not committed yet
    const to = join(folder, file);
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(join(ROOT, file), to);
    chmodSync(to, (from.mode & 0o100 ? 0o777 : 0o666) & ~umask);
  }
}

/** Ends whatever is being built. */
export const interrupt = new AbortController();

/** A command of the build failed; the message has the end of its output. */
export class BuildFailed extends Error {}

/**
 * Runs a command in a world; its output goes to build.log there.
 *
 * @param {World} world
 * @param {string} folder
 * @param {string[]} command
 * @throws BuildFailed
 */
async function runIn({ umask, env }, folder, command) {
  const log = join(folder, "build.log");
  const before = process.umask(umask);
  const output = openSync(log, "a");
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    cwd: folder,
    stdio: ["ignore", output, output],
    signal: interrupt.signal,
    env: { ...process.env, SOURCE_DATE_EPOCH: `${sourceDate()}`, ...env },
  });
  process.umask(before);
  closeSync(output);
  const [code, signal] = await once(child, "close");
  if (code === 0) return;
  const end = readFileSync(log, "utf8").trimEnd().split("\n").slice(-20).join("\n");
  throw new BuildFailed(`${command.join(" ")} failed in ${folder} (${signal ?? code}):\n${end}`);
}

/** As a clone is prepared. By the true clock: to one that is 400 days ahead, the registry's certificate is out of date. */
async function install(world, folder) {
  await runIn(world, folder, ["npm", "ci", "--ignore-scripts", "--prefer-offline"]);
}

/**
 * The npm package, in the folder's release/.
 *
 * @param {World} world
 * @param {string} folder an exported tree, with what it depends on
 * @param {string[]} [by] a command that runs the build's commands
 * @throws BuildFailed
 */
export async function makePackage(world, folder, by = []) {
  mkdirSync(join(folder, "release"), { recursive: true });
  await runIn(world, folder, [...by, "npm", "pack", "--pack-destination", "release"]);
}

/**
 * Builds all there is to publish.
 *
 * @param {World} world
 * @param {string} folder an exported tree
 * @param {string[]} [by] as above
 * @returns {Promise<Map<string, Buffer>>} what was made, by names
 * @throws BuildFailed
 */
export async function buildIn(world, folder, by = []) {
  await install(world, folder);
  await makePackage(world, folder, by);
  for (const arch of ["x64", "arm64"])
    await runIn(world, folder, [...by, "npm", "run", "build:sea", "--", "--arch", arch]);
  return made(folder);
}

/** What was built, by names. @param {string} folder */
export function made(folder) {
  const out = join(folder, "release");
  const files = readdirSync(out, { withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(files.map(({ name }) => [name, readFileSync(join(out, name))]));
}

/**
 * The command that runs another one under a clock that is ahead: the timeskew that was built in a folder.
 *
 * @param {string} folder
 * @param {string} offset
 * @returns {{ command: string[], why?: string }} no command where that does not work, and why
 */
export function clockAhead(folder, offset) {
  const command = [process.execPath, join(folder, "bin/timeskew.js"), "run", "--offset", offset, "--"];
  const [program = "", ...args] = [...command, "date", "+%s"];
  const { stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  const isAhead = Number(stdout) > Date.now() / 1000 + 86_400;
  return isAhead ? { command } : { command: [], why: stderr.trim() };
}
