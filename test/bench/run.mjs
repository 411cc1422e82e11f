/**
 * `npm run bench`: what timeskew costs, as ratios within one run. Figures of a shared machine vary, ratios of
 * neighbouring short rounds hardly do; so every comparison is interleaved, and no figure decides about
 * success: the exit code is 0 unless something could not be measured. See USAGE.
 */
import { writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { describeMachine } from "./machine.mjs";
import {
  machineLines,
  pauseLines,
  profileLines,
  readLines,
  setLines,
  startLines,
  waitLines,
} from "./report.mjs";

const USAGE = `usage: npm run bench -- [--only reads|profiles|start|pause|sets|waits]… [--quick] [--json FILE]

  --only PART   measure this part only: reads of a clock, the same under profiles, start-up of commands,
                pauses of the target, many processes at once, calls that wait
  --quick       few rounds: shows that it works, measures roughly
  --json FILE   write the raw figures of every round to FILE
`;

/** The parts, in the order of the output, with how many rounds each takes. */
const PARTS = {
  reads: {
    rounds: { full: { processes: 8, each: 10 }, quick: { processes: 2, each: 2 } },
    measure: async (options) => (await import("./reads.mjs")).measureReads(options),
    lines: readLines,
  },
  profiles: {
    rounds: { full: { processes: 8, each: 10 }, quick: { processes: 2, each: 2 } },
    measure: async (options) => (await import("./profiles.mjs")).measureProfiles(options),
    lines: profileLines,
  },
  start: {
    rounds: { full: 20, quick: 3 },
    measure: async (options) => (await import("./start.mjs")).measureStart(options),
    lines: startLines,
  },
  pause: {
    rounds: { full: 30, quick: 3 },
    measure: async (options) => (await import("./pause.mjs")).measurePauses(options),
    lines: pauseLines,
  },
  sets: {
    rounds: { full: 10, quick: 2 },
    measure: async (options) => (await import("./sets.mjs")).measureSets(options),
    lines: setLines,
  },
  waits: {
    rounds: {
      full: { processes: 3, each: 6, commands: 10 },
      quick: { processes: 2, each: 2, commands: 3 },
    },
    measure: async (options) => (await import("./waits.mjs")).measureWaits(options),
    lines: waitLines,
  },
};

/** Says on a terminal what is going on. */
function progress(what) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}`);
}

async function bench({ parts, length, json }) {
  const machine = describeMachine();
  const results = {};
  console.log(machineLines(machine).join("\n"));
  for (const part of parts) {
    const { rounds, measure, lines } = PARTS[part];
    results[part] = await measure({ rounds: rounds[length], progress });
    progress("");
    console.log(`\n${lines(results[part]).join("\n")}`);
  }
  if (json === undefined) return;
  const report = { schemaVersion: 1, length, machine: { ...machine, loadAfter: loadavg()[0] }, ...results };
  writeFileSync(json, `${JSON.stringify(report, undefined, 1)}\n`);
}

/** What the command line asks for; undefined if it is wrong. */
function parse(args) {
  const options = {
    only: { type: "string", multiple: true },
    quick: { type: "boolean" },
    json: { type: "string" },
    help: { type: "boolean", short: "h" },
  };
  try {
    const { values } = parseArgs({ args, options });
    const parts = values.only ?? Object.keys(PARTS);
    if (!parts.every((part) => Object.hasOwn(PARTS, part))) return undefined;
    return { parts, length: values.quick ? "quick" : "full", json: values.json, help: values.help };
  } catch {
    return undefined;
  }
}

const request = parse(process.argv.slice(2));
if (request === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else if (request.help) {
  process.stdout.write(USAGE);
} else {
  try {
    await bench(request);
  } catch (error) {
    progress("");
    console.error(`bench: ${error.message}`);
    process.exitCode = 1;
  }
}
