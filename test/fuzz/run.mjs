/**
 * `npm run fuzz`: gives every parser a million inputs (see parsers/), each parser in a process of its own. Wrong are:
 * an exception that is not documented, a result that breaks what must hold, an input that takes too long, a process
 * that needs too much memory or keeps it. The exit code tells. See USAGE.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { withBundles } from "../support/bundle.mjs";

const USAGE = `usage: npm run fuzz -- [--parser NAME]… [--inputs N] [--seed S] [--patience SECONDS]
       npm run fuzz -- --parser NAME --replay LITERAL|@FILE

  --parser NAME        this parser only; repeatable
  --inputs N           inputs for each parser; default 1000000
  --seed S             makes the same inputs again; default: a new one, which is printed
  --patience SECONDS   how long one input may compute; default 10
  --replay LITERAL     this one input, as a failure has printed it
  --list               print the names of the parsers
`;

const HEAP_MIB = 256;
const MIB = 1 << 20;
/** All memory of a process, buffers included. */
const MOST_MEMORY = 512 * MIB;
/** What a heap may grow by between the first inputs and the last. */
const MOST_GROWTH = 16 * MIB;
const POLL_MS = 200;
/** The unit of /proc/PID/stat, whatever the kernel's own. */
const TICKS = 100;
const HERE = fileURLToPath(new URL(".", import.meta.url));

function memoryOf(pid) {
  try {
    return 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0; // it has just ended
  }
}

/** Seconds that a process has computed. On a busy machine it may be a while since its last turn. */
function computed(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    return 0; // it has just ended
  }
}

function start(child, request) {
  const flags = ["--enable-source-maps", "--expose-gc", `--max-old-space-size=${HEAP_MIB}`];
  const stdio = ["ignore", "pipe", "pipe"];
  const process_ = spawn(process.execPath, [...flags, child, JSON.stringify(request)], { stdio });
  const ended = Promise.all([once(process_, "close"), text(process_.stdout), text(process_.stderr)]);
  return { process: process_, ended: ended.then(([[code], stdout, stderr]) => ({ code, stdout, stderr })) };
}

/** Runs one parser, and ends it when an input takes too long or too much memory. */
async function supervise(child, request, patience) {
  const { process: running, ended } = start(child, request);
  let index = -1;
  let since = 0;
  let verdict;
  const watch = setInterval(() => {
    const bytes = readFileSync(request.progress);
    const now = bytes.length === 8 ? bytes.readDoubleLE() : -1;
    const seconds = computed(running.pid);
    if (now !== index) since = seconds;
    index = now;
    // Before the first input and after the last one it prepares and cleans up, which is nobody's fault.
    if (index >= 0 && seconds - since > patience) verdict = `took longer than ${patience} s`;
    if (memoryOf(running.pid) > MOST_MEMORY)
      verdict = `made the process larger than ${MOST_MEMORY / MIB} MiB`;
    if (verdict !== undefined) running.kill("SIGKILL");
  }, POLL_MS);
  const { code, stdout, stderr } = await ended;
  clearInterval(watch);
  if (code === 0) return JSON.parse(stdout);
  if (index < 0 && verdict === undefined) throw new Error(`${request.parser} could not begin: ${stderr}`);
  const at = readFileSync(request.progress).readDoubleLE();
  verdict ??= /heap out of memory/.test(stderr)
    ? `needed more than ${HEAP_MIB} MiB of heap`
    : `ended it: ${stderr}`;
  const shown = await start(child, { ...request, show: at }).ended;
  const input = shown.code === 0 ? JSON.parse(shown.stdout).input : `no input: ${shown.stderr}`;
  return { failures: [{ parser: request.parser, index: at, input, error: `this input ${verdict}` }] };
}

function outcomeWords(outcomes) {
  const total = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  const sorted = Object.entries(outcomes).sort((a, b) => b[1] - a[1]);
  const words = sorted
    .slice(0, 6)
    .map(([name, count]) => `${name} ${((100 * count) / total).toPrecision(2)} %`);
  return sorted.length > 6 ? `${words.join(", ")}, …` : words.join(", ");
}

function summary(name, { rate, outcomes, heapGrowth, peak }) {
  const growth = `${heapGrowth < 0 ? "" : "+"}${(heapGrowth / MIB).toFixed(1)} MiB`;
  return [
    name.padEnd(9),
    `${Math.round(rate).toLocaleString("en")}/s`.padStart(11),
    `heap ${growth}, peak ${Math.round(peak / MIB)} MiB`.padEnd(30),
    outcomeWords(outcomes),
  ].join("  ");
}

function report({ parser, index, input, error }, seed) {
  return [
    `FAILED: ${parser}, input ${index} of seed ${seed}`,
    ...error.split("\n").map((line) => `  ${line}`),
    `  again: npm run fuzz -- --parser ${parser} --replay '${input.replaceAll("'", "'\\''")}'`,
  ].join("\n");
}

/** @returns how many parsers failed */
async function fuzz({ parsers, inputs, seed, patience, replay }, child, corpus, folder) {
  let failed = 0;
  for (const parser of parsers) {
    const progress = join(folder, `${parser}.progress`);
    writeFileSync(progress, "");
    const request = { parser, seed, inputs, corpus, progress, ...(replay === undefined ? {} : { replay }) };
    const result = await supervise(child, request, patience);
    const failures = [...result.failures];
    if (result.heapGrowth > MOST_GROWTH) {
      const error = `the heap grew by ${Math.round(result.heapGrowth / MIB)} MiB and did not shrink`;
      failures.push({ parser, index: inputs - 1, input: "", error });
    }
    if (result.rate !== undefined) console.log(summary(parser, result));
    for (const failure of failures) console.log(report(failure, seed));
    if (failures.length > 0) failed++;
  }
  return failed;
}

function number(given, otherwise) {
  const value = given === undefined ? otherwise : Number(given);
  if (!(Number.isFinite(value) && value > 0)) throw new Error(`not a number: ${given}`);
  return value;
}

function parse(args) {
  const options = {
    parser: { type: "string", multiple: true },
    inputs: { type: "string" },
    seed: { type: "string" },
    patience: { type: "string" },
    replay: { type: "string" },
    list: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  };
  const { values } = parseArgs({ args, options });
  const { replay } = values;
  return {
    help: values.help,
    list: values.list,
    names: values.parser,
    inputs: number(values.inputs, 1_000_000),
    seed: number(values.seed, 1 + Math.floor(Math.random() * 2 ** 31)),
    patience: number(values.patience, 10),
    replay: replay?.startsWith("@") ? readFileSync(replay.slice(1), "utf8").trim() : replay,
  };
}

async function main(request, [child, names]) {
  const files = mkdtempSync(join(tmpdir(), "timeskew-fuzz-"));
  try {
    const { all, hidden, corpus } = await import(names);
    if (request.list) return console.log(all.join("\n"));
    const parsers = request.names ?? all;
    const unknown = parsers.find((name) => !all.includes(name) && !hidden.includes(name));
    if (unknown !== undefined) throw new Error(`no parser is called ${unknown}; they are ${all.join(", ")}`);
    const corpusFile = join(files, "corpus");
    writeFileSync(corpusFile, corpus());
    console.log(`seed ${request.seed}, ${request.inputs.toLocaleString("en")} inputs for each parser`);
    const failed = await fuzz({ ...request, parsers }, child, corpusFile, files);
    console.log(failed === 0 ? "nothing was found" : `${failed} of ${parsers.length} parsers failed`);
    process.exitCode = failed === 0 ? 0 : 1;
  } finally {
    rmSync(files, { recursive: true });
  }
}

let request;
try {
  request = parse(process.argv.slice(2));
} catch (error) {
  console.error(`fuzz: ${error.message}\n${USAGE}`);
  process.exitCode = 2;
}
if (request?.help) process.stdout.write(USAGE);
else if (request !== undefined) {
  await withBundles([join(HERE, "child.ts"), join(HERE, "names.ts")], (bundles) => main(request, bundles));
}
