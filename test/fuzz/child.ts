/**
 * One parser, in a process of its own: it may hang or run out of memory, and the supervisor (run.mjs) must live to
 * tell. The request is its argument, in JSON; before each input it writes the input's index to the file `progress`.
 */
import { openSync, readFileSync, writeSync } from "node:fs";
import type { Corpus } from "./corpus.ts";
import { FAULTS } from "./faults.ts";
import { fromLiteral, literal } from "./literal.ts";
import { fuzz, inputOf } from "./loop.ts";
import { PARSERS } from "./parsers.ts";

interface Request {
  readonly parser: string;
  readonly seed: number;
  readonly inputs: number;
  /** The file that holds the corpus, as a literal. */
  readonly corpus: string;
  readonly progress: string;
  /** Print this input, and do nothing with it. */
  readonly show?: number;
  /** Run this one, a literal, only. */
  readonly replay?: string;
}

/** Inputs before the heap is measured for the first time: code and caches have their size by then. */
const WARM_UP = 2000;

function heap(): number {
  for (let i = 0; i < 3; i++) (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function run(request: Request): object {
  const corpus = fromLiteral(readFileSync(request.corpus, "utf8")) as Corpus;
  const recipe = [...PARSERS, ...FAULTS].find(({ name }) => name === request.parser)!;
  const parser = recipe.prepare(corpus);
  const { seed, inputs } = request;
  if (request.show !== undefined) return { input: literal(inputOf(parser, seed, request.show)) };
  if (request.replay !== undefined) {
    const input = fromLiteral(request.replay);
    return fuzz({ ...parser, make: () => input }, { seed, inputs: 1 });
  }

  const progress = openSync(request.progress, "w");
  const index = new Float64Array(1);
  const before = (current: number) => {
    index[0] = current;
    writeSync(progress, index, 0, 8, 0);
  };
  const warm = fuzz(parser, { seed, inputs: Math.min(inputs, WARM_UP) }, before);
  const heapBefore = heap();
  const start = performance.now();
  const rest = fuzz(parser, { seed, from: WARM_UP, inputs: Math.max(0, inputs - WARM_UP) }, before);
  const seconds = (performance.now() - start) / 1000;
  const outcomes = { ...rest.outcomes };
  for (const [outcome, count] of Object.entries(warm.outcomes))
    outcomes[outcome] = (outcomes[outcome] ?? 0) + count;
  return {
    outcomes,
    failures: [...warm.failures, ...rest.failures],
    rate: rest.inputs / seconds,
    heapGrowth: heap() - heapBefore,
    peak: process.resourceUsage().maxRSS * 1024,
  };
}

process.stdout.write(`${JSON.stringify(run(JSON.parse(process.argv[2]!) as Request))}\n`);
