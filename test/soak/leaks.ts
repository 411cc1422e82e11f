/**
 * Whether a tool that lives long keeps anything of what it has done: each scenario is played again and again in this
 * one process, which must have no descriptor, thread or mapping more afterwards, and no more memory.
 */
import { inspect } from "node:util";
import { type Footprint, footprint, growth, type Measure } from "../support/footprint.ts";
import { play, SCENARIOS, type Scenario } from "./scenarios.ts";

export interface Outcome {
  readonly name: string;
  readonly skipped?: string | undefined;
  readonly rounds: number;
  /** By how much each grew: counts, KiB, and the heap in bytes. */
  readonly grown: Partial<Record<Measure | "heap", number>>;
  readonly faults: readonly string[];
}

/** Rounds in which code is compiled and caches are filled. */
const WARM_UP = 60;
const SAMPLES = 30;

/** What a round may keep. A timer, a closure or a page kept in each would be more. */
const HEAP_PER_ROUND = 60;
const SLACK = { descriptors: 0, threads: 0, mappings: 12, virtual: 2048, resident: 4096, heap: 200_000 };

function heap(): number {
  const gc = (globalThis as { gc?: () => void }).gc;
  if (gc === undefined) throw new Error("node must be started with --expose-gc");
  for (let i = 0; i < 2; i++) gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function measure(name: string, act: () => Promise<unknown>, rounds: number): Promise<Outcome> {
  const heaps: number[] = [];
  const footprints: Footprint[] = [];
  const every = Math.max(1, Math.floor(rounds / SAMPLES));
  for (let round = -Math.min(WARM_UP, rounds); round < rounds; round++) {
    await act();
    if (round < 0 || round % every !== 0) continue;
    // What is left to a later turn of the event loop is no leak yet.
    await new Promise((resolve) => setImmediate(resolve));
    heaps.push(heap());
    footprints.push(footprint(process.pid));
  }
  const third = Math.max(1, Math.floor(heaps.length / 3));
  const grown = {
    ...(Object.fromEntries(
      Object.keys(footprints[0]!).map((key) => [key, growth(footprints, key as Measure)]),
    ) as Record<Measure, number>),
    heap: Math.min(...heaps.slice(-third)) - Math.max(...heaps.slice(0, third)),
  };
  const pages = rounds / 2; // KiB: an eighth of a page for each round
  const allowed = {
    ...SLACK,
    virtual: SLACK.virtual + pages,
    resident: SLACK.resident + pages,
    heap: SLACK.heap + HEAP_PER_ROUND * rounds,
  };
  const faults = (Object.keys(allowed) as (keyof typeof allowed)[])
    .filter((key) => grown[key] > allowed[key])
    .map((key) => `${key} grew by ${grown[key]}, ${allowed[key]} are allowed`);
  return { name, rounds, grown, faults };
}

async function check(scenario: Scenario, rounds: number): Promise<Outcome> {
  const { name, missing } = scenario;
  const nothing = { name, rounds: 0, grown: {}, faults: [] };
  if (missing !== undefined) return { ...nothing, skipped: missing };
  try {
    await using playing = await play(scenario);
    return await measure(name, playing.act, rounds);
  } catch (error) {
    return { ...nothing, faults: [inspect(error)] };
  }
}

export async function leaks(
  rounds: number,
  { only, done = () => {} }: { only?: readonly string[] | undefined; done?: (outcome: Outcome) => void } = {},
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const scenario of SCENARIOS) {
    if (only !== undefined && !only.includes(scenario.name)) continue;
    const outcome = await check(scenario, rounds);
    outcomes.push(outcome);
    done(outcome);
  }
  return outcomes;
}
