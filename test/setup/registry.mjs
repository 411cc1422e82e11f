/**
 * Packages of the npm registry that tests and builds take as files: fetched once by `npm pack`, with the checksum that is
 * written beside their version, and kept outside of the repository. TIMESKEW_NODE_CACHE names another folder.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const MINUTE_MS = 60_000;

export const CACHE =
  process.env.TIMESKEW_NODE_CACHE ??
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "timeskew-node");

/** There is no such package to be had, here and now: its message says why, in npm's words. */
export class Unavailable extends Error {
  name = "Unavailable";
}

/** npm's complaint, which it prints as JSON, too. */
function complaint({ stdout = "", message }) {
  try {
    return JSON.parse(stdout).error.summary;
  } catch {
    return message; // of npm itself: it is not there, or took too long
  }
}

async function download(name, version, folder) {
  const spec = `${name}@${version}`;
  // Under `npm publish --dry-run` an npm that is called by us would inherit the flag.
  const args = ["pack", spec, "--pack-destination", folder, "--json", "--dry-run=false", "--loglevel=silent"];
  try {
    const { stdout } = await run("npm", args, { cwd: folder, timeout: 10 * MINUTE_MS });
    return join(folder, JSON.parse(stdout)[0].filename);
  } catch (error) {
    throw new Unavailable(`${spec} cannot be fetched: ${complaint(error)}`, { cause: error });
  }
}

async function verify(file, integrity, what) {
  const [algorithm] = integrity.split("-", 1);
  const found = `${algorithm}-${createHash(algorithm)
    .update(await readFile(file))
    .digest("base64")}`;
  if (found !== integrity) throw new Error(`${what} has the checksum ${found}, not ${integrity}`);
}

/** Two at a time do not see each other's halves: a folder is moved into place when it is complete. */
async function whole(path, make) {
  if (existsSync(path)) return path;
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, ".tmp-"));
  try {
    await make(folder);
    await rename(folder, path).catch((error) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return path;
}

/** The folder in which an archive's `package/` lies. `members`: these only. */
export function fetched({ name, version, integrity, members = [] }) {
  const place = join(CACHE, `${name.replace("/", "-")}-${version}`);
  return whole(place, async (folder) => {
    const incoming = await mkdtemp(join(folder, "incoming-"));
    const archive = await download(name, version, incoming);
    await verify(archive, integrity, `${name}@${version}`);
    await run("tar", ["-xzf", archive, "-C", folder, "--no-same-owner", ...members]);
    await rm(incoming, { recursive: true });
  });
}
