/**
 * The stage of a demonstration: `demonstrate` reads its command line, looks for the programs that it needs, plays it,
 * and whatever happens stops what was started and removes what was written.
 *
 *     node examples/NAME/demo.mjs [--svg FILE] [--json FILE] [--without-skew]
 *
 * Exit codes: 0 every claim held; 1 one did not, or the play failed; 2 wrong flags; 77 a program is not installed, or
 * it is not allowed to do what it needs.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { missingPrograms } from "./programs.mjs";
import { Scene } from "./stage.mjs";
import { drawTimeline, Timeline } from "./timeline.mjs";
import { red } from "./words.mjs";

const [FAILED, WRONG_USE, NOT_INSTALLED] = [1, 2, 77];

const OPTIONS = {
  svg: { type: "string" },
  json: { type: "string" },
  "without-skew": { type: "boolean", default: false },
  help: { type: "boolean", default: false },
};
const USAGE = `Options:
  --svg FILE      draw the timeline
  --json FILE     write what was claimed, what was seen, and the timeline
  --without-skew  play the same with the right time: what rests on a wrong clock must then not be seen
`;

/**
 * Plays a demonstration, and ends the process.
 *
 * @param {{ title: string, subtitle?: string, programs?: Record<string, string>, mounts?: string }} about `programs`: the
 *   commands (or files) that it needs, each with its Debian package; `mounts`: for what it needs mounts, if it does
 * @param {(scene: Scene) => Promise<void>} play
 */
export async function demonstrate({ title, subtitle, programs = {}, mounts }, play) {
  const flags = readFlags();
  needPrograms(programs);
  needMounts(mounts);
  const interrupted = interruption();
  const scene = new Scene(new Timeline({ title, subtitle }), !flags["without-skew"]);
  process.once("exit", () => scene.leave()); // however this ends
  scene.head(title);
  let code = 0;
  let failure;
  try {
    await Promise.race([play(scene), interrupted]);
    if (scene.claims.length === 0 || scene.claims.some(({ held }) => !held)) code = FAILED;
  } catch (error) {
    code = error.exitCode ?? FAILED;
    failure = error.constructor === Error ? error.message : error.stack; // the others are mistakes in the play
    console.error(red(`\n${failure}`));
  }
  await scene.end();
  const timeline = scene.timeline.model();
  const played = { title, claims: scene.claims, ...(failure && { failure }), timeline };
  if (flags.json) writeFileSync(flags.json, `${JSON.stringify(played, null, 1)}\n`);
  if (flags.svg) writeFileSync(flags.svg, drawTimeline(timeline));
  process.exit(code);
}

function readFlags() {
  try {
    const flags = parseArgs({ options: OPTIONS }).values;
    if (!flags.help) return flags;
    process.stdout.write(USAGE);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${USAGE}`);
    process.exit(WRONG_USE);
  }
}

function needPrograms(programs) {
  const missing = missingPrograms(programs);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((name) => programs[name]))];
  console.error(`not installed: ${missing.join(", ")} (Debian: apt-get install ${packages.join(" ")})`);
  process.exit(NOT_INSTALLED);
}

/** @param {string | undefined} why nothing, or what needs mounts that nobody else sees: root, in most places */
function needMounts(why) {
  if (why === undefined) return;
  const { status, stderr, error } = spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "none", "/run"]);
  if (status === 0) return;
  const reason = error?.message ?? String(stderr).trim();
  console.error(`this needs mounts of its own, as root can have them: ${why} (${reason})`);
  process.exit(NOT_INSTALLED);
}

/** Rejects at the first signal; a second one does not wait until the programs have ended. */
function interruption() {
  return new Promise((_, reject) => {
    let isFirst = true;
    for (const [signal, number] of Object.entries({ SIGINT: 2, SIGTERM: 15, SIGHUP: 1 })) {
      process.on(signal, () => {
        if (!isFirst) process.exit(128 + number);
        isFirst = false;
        reject(Object.assign(new Error(`ended by ${signal}`), { exitCode: 128 + number }));
      });
    }
  });
}
