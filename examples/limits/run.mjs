/**
 * The limits of timeskew, each seen on a real program.
 *
 *     node examples/limits/run.mjs [NAME…] [--list] [--json] [--record] [--without-skew]
 *
 * Exit codes: 0 all is as README.md says, but for what was skipped; 1 something is not; 2 wrong use; 77 nothing could be
 * tried (no C compiler, …).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Processes } from "../support/processes.mjs";
import { missingPrograms } from "../support/programs.mjs";
import { LIMITS } from "./limits.mjs";
import { recordIn } from "./page.mjs";
import { table } from "./table.mjs";
import { Skipped, Trial } from "./trial.mjs";

const NOT_TRIED = 77;
const COMPILER = { cc: "gcc libc6-dev" };

const WRONG_USE = 2;

const OPTIONS = {
  list: { type: "boolean" },
  json: { type: "boolean" },
  /** Puts what was printed into README.md. */
  record: { type: "boolean" },
  /** The control: no command of timeskew is run, so nothing is as described. */
  "without-skew": { type: "boolean" },
};

const { flags, limits } = commandLine();

const folder = mkdtempSync(join(tmpdir(), "timeskew-limits-"));
let processes = new Processes();

// However this ends, nothing stays behind.
process.once("exit", () => {
  processes.killAll();
  rmSync(folder, { recursive: true, force: true });
});
for (const [signal, number] of Object.entries({ SIGINT: 2, SIGTERM: 15, SIGHUP: 1 })) {
  process.once(signal, () => processes.stopAll().finally(() => process.exit(128 + number)));
}

/**
 * @typedef {{
 *   name: string, expected: string, seen: string, verdict: "as described" | "NOT as described" | "skipped",
 *   transcript: string[], sources: string[],
 * }} Outcome
 */

/** @returns {Promise<Outcome>} */
async function outcomeOf(limit) {
  const { name, expected } = limit;
  const missing = missingPrograms({ ...COMPILER, ...limit.needs });
  const trial = new Trial(processes, folder, { name, isSkewed: !flags["without-skew"] });
  const outcome = (seen, verdict) => {
    const { transcript, sources } = trial;
    return { name, expected, seen, verdict, transcript, sources: [...sources] };
  };
  try {
    if (missing.length > 0) {
      const packages = missing.map((each) => ({ ...COMPILER, ...limit.needs })[each]);
      throw new Skipped(`${missing.join(", ")} not installed: apt-get install ${packages.join(" ")}`);
    }
    const { seen, holds } = await limit.look(trial);
    return outcome(seen, holds ? "as described" : "NOT as described");
  } catch (error) {
    if (error instanceof Skipped) return outcome(error.message, "skipped");
    return outcome(error.message, "NOT as described");
  } finally {
    await processes.stopAll();
    processes = new Processes();
  }
}

function commandLine() {
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: OPTIONS });
    const unknown = positionals.filter((name) => LIMITS.every((limit) => limit.name !== name));
    if (unknown.length > 0) throw new Error(`no such limit: ${unknown.join(", ")} (--list names them)`);
    const isWanted = ({ name }) => positionals.length === 0 || positionals.includes(name);
    return { flags: values, limits: LIMITS.filter(isWanted) };
  } catch (error) {
    console.error(`limits: ${error.message}`);
    process.exit(WRONG_USE);
  }
}

async function lookAtAll() {
  const outcomes = [];
  for (const limit of limits) {
    if (process.stderr.isTTY) process.stderr.write(`${limit.name} …\r`);
    outcomes.push(await outcomeOf(limit));
  }
  console.log(flags.json ? JSON.stringify({ limits: outcomes }, null, 2) : table(outcomes));
  if (flags.record) recordIn(outcomes.filter(({ verdict }) => verdict === "as described"));
  const verdicts = outcomes.map(({ verdict }) => verdict);
  if (verdicts.every((each) => each === "skipped")) return NOT_TRIED;
  return verdicts.includes("NOT as described") ? 1 : 0;
}

if (flags.list) {
  console.log(limits.map(({ name }) => name).join("\n"));
  process.exit();
}
process.exit(await lookAtAll());
