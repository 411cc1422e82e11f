/** The soak as a command; run.mjs bundles and starts it. */
import { parseArgs } from "node:util";
import { growth, type Measure } from "../support/footprint.ts";
import { type SoakResult, soak } from "./soak.ts";

const USAGE = `usage: npm run soak -- [--cycles N] [--threads N] [--settle-every N] [--json]

  --cycles N         how often to inject and recover; default 10000
  --threads N        threads that read the clock all the time; default 64
  --settle-every N   in every Nth cycle, wait until each thread has read both times; default 10
  --json             the result as one JSON object
`;

function whole(text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`not a number: ${text}`);
  return value;
}

function parse(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      cycles: { type: "string" },
      threads: { type: "string" },
      "settle-every": { type: "string" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  return {
    cycles: whole(values.cycles, 10_000),
    threads: whole(values.threads, 64),
    settleEvery: whole(values["settle-every"], 10),
    json: values.json === true,
    help: values.help === true,
  };
}

function milliseconds(ns: number): string {
  return `${(ns / 1e6).toFixed(2)} ms`;
}

function pauses(name: string, all: readonly number[]): string {
  const sorted = all.toSorted((a, b) => a - b);
  const at = (part: number) =>
    milliseconds(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0);
  return `${name} pauses: median ${at(0.5)}, 99 % ${at(0.99)}, worst ${at(1)}`;
}

function sizes(name: string, samples: SoakResult["tool"]): string {
  const [first] = samples;
  const last = samples.at(-1);
  if (first === undefined || last === undefined) return `${name}: too few cycles to measure`;
  const words = (Object.keys(first) as Measure[]).map((measure) => {
    const unit = measure === "virtual" || measure === "resident" ? " KiB" : "";
    return `${measure} ${first[measure]} → ${last[measure]}${unit} (growth ${growth(samples, measure)})`;
  });
  return `${name}: ${words.join(", ")}`;
}

function lines(result: SoakResult): string[] {
  const { faults, cycles, seconds, moved, lingering, readings } = result;
  return [
    `${cycles} cycles in ${seconds.toFixed(0)} s, ${(cycles / seconds).toFixed(1)} a second; ${readings} readings`,
    pauses("inject", result.injectPauses),
    pauses("recover", result.recoverPauses),
    `${moved} threads moved out of the patched bytes; ${lingering} recoveries left pages for stragglers`,
    sizes("tool", result.tool),
    sizes("target", result.target),
    faults.length === 0 ? "no fault" : `${faults.length} faults:`,
    ...faults.map((fault) => `  ${fault}`),
  ];
}

let lastShown = 0;
function progress(text: string): void {
  if (performance.now() - lastShown < 250) return;
  lastShown = performance.now();
  process.stderr.write(`\r\x1b[K${text}`);
}

async function main(args: string[]): Promise<number> {
  let options: ReturnType<typeof parse>;
  try {
    options = parse(args);
  } catch (error) {
    process.stderr.write(`soak: ${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  const { help, json, ...request } = options;
  if (help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const result = await soak(process.stderr.isTTY ? { ...request, progress } : request);
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : `${lines(result).join("\n")}\n`);
  return result.faults.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
