/**
 * `npm run release:check [-- --keep --no-audit]`: builds everything twice, shows that the bytes are the same, and leaves them
 * in release/, with checksums and bills of materials. Then it asks what is known against the packages that they are made of.
 * Ends with 1 if anything is to be said against a release.
 */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { audit } from "./audit.mjs";
import { differences } from "./compare.mjs";
import { billsOf, lockedPackages } from "./sbom.mjs";
import {
  BuildFailed,
  buildIn,
  clockAhead,
  exportTree,
  interrupt,
  isDirty,
  ROOT,
  sourceDate,
  WORLDS,
  worldWords,
} from "./twice.mjs";

const RELEASE = join(ROOT, "release");
const { values: flags } = parseArgs({
  options: { keep: { type: "boolean" }, "no-audit": { type: "boolean" } },
});

/** @param {string[]} lines */
function say(...lines) {
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** @param {Buffer} data */
function sha256(data) {
  return createHash("sha256").update(data).digest("hex");
}

/**
 * @param {string} place a folder for the builds
 * @returns {Promise<Map<string, Buffer>[]>} what each of them made, by names
 */
async function buildTwice(place) {
  const builds = [];
  for (const world of WORLDS) {
    const folder = join(place, world.folder);
    exportTree(folder, world.umask);
    const { command, why } = ahead(world, place);
    say(`building in ${folder}`, `  ${worldWords(world)}${why === undefined ? "" : ` (not so: ${why})`}`);
    builds.push(await buildIn(world, folder, command));
  }
  return builds;
}

/** By what the commands of a world are run. */
function ahead({ ahead: offset }, place) {
  return offset === undefined ? { command: [] } : clockAhead(join(place, WORLDS[0].folder), offset);
}

/** @returns {boolean} whether all is the same; says so, or what is not */
function compared([first, second]) {
  const results = [...new Set([...first.keys(), ...second.keys()])].sort().map((name) => {
    const [one, other] = [first.get(name), second.get(name)];
    const told = one && other ? differences(name, one, other) : ["was made by one build only"];
    if (told.length === 0) say(`same     ${name}  ${one.length} bytes  ${sha256(one)}`);
    else say(`DIFFERS  ${name}`, ...told.map((words) => `  ${words}`));
    return told.length === 0;
  });
  return results.every(Boolean);
}

/** @param {Map<string, Buffer>} artifacts @returns {Map<string, Buffer>} */
function billsFor(artifacts) {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const o = { dependencies: Object.keys(dependencies), date: sourceDate() };
  return billsOf(artifacts, lockedPackages(ROOT), o);
}

/** @param {Buffer} data */
function isProgram(data) {
  return data.toString("latin1", 0, 4) === "\x7fELF";
}

/** What is published, in release/. @param {Map<string, Buffer>} files */
function publish(files) {
  rmSync(RELEASE, { recursive: true, force: true });
  mkdirSync(RELEASE);
  const sums = [...files].map(([name, data]) => `${sha256(data)}  ${name}\n`).join("");
  for (const [name, data] of [...files, ["SHA256SUMS", Buffer.from(sums)]])
    writeFileSync(join(RELEASE, name), data, { mode: isProgram(data) ? 0o755 : 0o644 });
  say("", `in ${RELEASE}:`, sums);
}

/** @returns {boolean} whether nothing is known against what users install */
function audited() {
  const { installed, all, why } = audit(ROOT);
  if (why !== undefined) {
    say(`npm audit: nobody could be asked: ${why}`);
    return false;
  }
  say(
    `npm audit: ${installed} vulnerabilities in what is installed, ${all} with what is only built and tested with`,
  );
  return installed === 0;
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => interrupt.abort());
const place = mkdtempSync(join(tmpdir(), "timeskew-release-"));
try {
  if (isDirty()) say("the tree has changes that are not committed: this is no release");
  const builds = await buildTwice(place);
  const isSame = compared(builds);
  const bills = builds.map(billsFor);
  const areSame = compared(bills);
  const published = [...builds[0]].filter(([name]) => !name.endsWith(".parts.json")); // the bills have that
  publish(new Map([...published, ...bills[0]]));
  const isSafe = flags["no-audit"] || audited();
  if (!isSafe || !isSame || !areSame) process.exitCode = 1;
} catch (error) {
  if (!(error instanceof BuildFailed || interrupt.signal.aborted)) throw error;
  say(interrupt.signal.aborted ? "interrupted" : error.message);
  process.exitCode = 1;
} finally {
  if (flags.keep) say(`kept: ${place}`);
  else rmSync(place, { recursive: true, force: true });
}
