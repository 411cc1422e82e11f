/**
 * `npm run bench`: what timeskew costs, next to other ways to do the same, as ratios within one run. Figures of a shared machine
 * vary, ratios of neighbouring short rounds hardly do; so every comparison is interleaved, and no figure decides about
 * success: the exit code is 0 unless something could not be measured. See USAGE.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { judge } from "./aims.mjs";
import { charts } from "./charts.mjs";
import { describeMachine } from "./machine.mjs";
import { PARTS } from "./parts.mjs";
import { record } from "./record.mjs";
import { aimLines, machineLines } from "./report.mjs";
import { misfits, SCHEMA_VERSION } from "./shape.mjs";

const USAGE = `usage: npm run bench -- [--only PART]… [--quick] [--json FILE] [--svg DIR] [--record] [--from FILE]

  --only PART   measure this part only: reads (of a clock), profiles (the same under them), start (of
                commands), pause (of the target), whole (commands, by threads), update (of a live skew),
                memory (of the target), sets (of processes), waits (calls that do)
  --quick       few rounds of small targets: shows that it works, measures roughly
  --json FILE   write the figures of every round to FILE
  --svg DIR     draw charts of reads, stops and commands
  --record      write the figures into the pages, and keep what they are made of in test/bench
  --from FILE   measure nothing: take what --json wrote
`;

/** Says on a terminal what is going on. */
function progress(what) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}`);
}

/** @returns {Promise<import("./shape.mjs").Report>} */
async function measure(parts, length) {
  const machine = describeMachine();
  const date = new Date().toISOString();
  const results = {};
  print(machineLines(machine));
  for (const part of parts) {
    const { rounds, measure, lines } = PARTS[part];
    results[part] = await measure({ rounds: rounds[length], small: length === "quick", progress });
    progress("");
    print(["", ...lines(results[part])]);
  }
  const aims = judge(results);
  return {
    schemaVersion: SCHEMA_VERSION,
    length,
    date,
    machine: { ...machine, loadAfter: loadavg()[0] },
    ...results,
    aims,
  };
}

/** @returns {import("./shape.mjs").Report} that was kept; throws if the file holds something else */
function read(file) {
  const report = JSON.parse(readFileSync(file, "utf8"));
  const [wrong] = report.schemaVersion === SCHEMA_VERSION ? misfits(report) : ["it is of another version"];
  if (wrong !== undefined) throw new Error(`${file} is no report: ${wrong}`);
  print(machineLines(report.machine));
  for (const part of Object.keys(PARTS)) {
    if (report[part] !== undefined) print(["", ...PARTS[part].lines(report[part])]);
  }
  return { ...report, aims: judge(report) };
}

function print(lines) {
  console.log(lines.join("\n"));
}

async function bench({ parts, length, json, svg, from, keep }) {
  const report = from === undefined ? await measure(parts, length) : read(from);
  if (report.aims.length > 0) print(["", ...aimLines(report.aims)]);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, undefined, 1)}\n`);
  if (svg !== undefined) draw(report, svg);
  if (keep) record(report);
}

function draw(report, folder) {
  mkdirSync(folder, { recursive: true });
  for (const [file, content] of charts(report)) writeFileSync(join(folder, file), content);
}

/** What the command line asks for; undefined if it is wrong. */
function parse(args) {
  const options = {
    only: { type: "string", multiple: true },
    quick: { type: "boolean" },
    json: { type: "string" },
    svg: { type: "string" },
    record: { type: "boolean" },
    from: { type: "string" },
    help: { type: "boolean", short: "h" },
  };
  try {
    const { values } = parseArgs({ args, options });
    const { only, quick, record: keep, ...rest } = values;
    const parts = only ?? Object.keys(PARTS);
    if (!parts.every((part) => Object.hasOwn(PARTS, part))) return undefined;
    if (rest.from !== undefined && (only !== undefined || quick)) return undefined;
    return { ...rest, parts, keep, length: quick ? "quick" : "full" };
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
