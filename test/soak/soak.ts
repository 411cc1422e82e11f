/**
 * Skews and recovers one program again and again, by the library, in this one process. The program's threads do
 * nothing but read the clock (victims/hammer.c). After each recovery the vDSO is byte for byte what it was, and the
 * program has the mappings and descriptors that it had; all along no reading is wrong, and neither side grows.
 */
import { readdirSync } from "node:fs";
import { inject, recover } from "../../src/engine/index.ts";
import { type Footprint, footprint, leaks } from "../support/footprint.ts";
import { maps, threads as threadsOf, vdso } from "../support/proc.ts";
import { type Hammer, startHammer } from "../support/victims.ts";
import { waitFor } from "../support/wait.ts";

/** Not whole seconds: a reading whose seconds are skewed and whose nanoseconds are not must stand out. */
const SKEW = -600_123_456_789n;
/** A busy machine is no fault of ours; a thread that never stops is. */
const STOP_TIMEOUT_MS = 20_000;
/** Cycles in which both sides come to their size: code is compiled, the vDSO's pages become the program's own. */
const WARM_UP = 20;
const SAMPLES = 60;
/** After as many faults the rest would only repeat them. */
const ENOUGH = 10;

export interface SoakOptions {
  readonly cycles: number;
  readonly threads: number;
  /** In every so many cycles all threads are waited for, so that each has read both times. */
  readonly settleEvery: number;
  readonly progress?: (text: string) => void;
  /** Called once in each cycle; a test of this test leaks something here. */
  readonly meanwhile?: (pid: number, cycle: number) => void;
}

export interface SoakResult {
  readonly faults: readonly string[];
  readonly cycles: number;
  readonly seconds: number;
  readonly injectPauses: readonly number[];
  readonly recoverPauses: readonly number[];
  readonly moved: number;
  /** Recoveries that left pages behind for threads that might still be inside. */
  readonly lingering: number;
  readonly readings: number;
  readonly tool: readonly Footprint[];
  readonly target: readonly Footprint[];
}

/** Steady means: no descriptor, thread or mapping more. Node's own memory comes and goes by some pages. */
function toolLimits(cycles: number) {
  // One page in each cycle would be 4 KiB.
  return {
    descriptors: 0,
    threads: 0,
    mappings: 12,
    virtual: 2048 + cycles / 2,
    resident: 6144 + cycles / 2,
  };
}
const TARGET_LIMITS = { descriptors: 0, threads: 0, mappings: 0, virtual: 0, resident: 64 };

class Soak {
  readonly faults: string[] = [];
  readonly injectPauses: number[] = [];
  readonly recoverPauses: number[] = [];
  readonly tool: Footprint[] = [];
  readonly target: Footprint[] = [];
  moved = 0;
  lingering = 0;
  readings = 0;
  readonly #hammer: Hammer;
  readonly #pid: number;
  readonly #vdso: Buffer;
  readonly #maps: string[];
  readonly #tids: number[];
  readonly #descriptors: number;

  constructor(hammer: Hammer) {
    this.#hammer = hammer;
    const { pid } = hammer;
    this.#pid = pid;
    this.#vdso = vdso(pid);
    this.#maps = maps(pid);
    this.#tids = threadsOf(pid);
    this.#descriptors = readdirSync(`/proc/${pid}/fd`).length;
  }

  async cycle(cycle: number, settles: boolean): Promise<void> {
    const pid = this.#pid;
    const settings = { pid, stopTimeoutMs: STOP_TIMEOUT_MS };
    const injected = await inject({ ...settings, offset: SKEW, clocks: ["CLOCK_REALTIME"] });
    this.#expect(cycle, injected.action === "injected", `it was ${injected.action}`);
    this.#expect(cycle, injected.threads === this.#tids.length, `${injected.threads} threads were stopped`);
    this.injectPauses.push(Number(injected.pauseNs));
    this.moved += injected.movedThreads;
    if (settles) await this.#settle(cycle, "0");

    const recovered = await recover(settings);
    this.#expect(cycle, recovered.action === "recovered", `it was ${recovered.action}`);
    this.recoverPauses.push(Number(recovered.pauseNs));
    this.#expect(cycle, vdso(pid).equals(this.#vdso), "the vDSO is not what it was");
    if (recovered.state === "lingering") this.lingering++;
    else this.#expect(cycle, same(maps(pid), this.#maps), "the mappings are not what they were");
    const descriptors = readdirSync(`/proc/${pid}/fd`).length;
    this.#expect(cycle, descriptors === this.#descriptors, `it has ${descriptors} descriptors`);
    if (settles) await this.#settle(cycle, String(SKEW));
  }

  /** Every thread reads, and none the time that is `absent`. */
  async #settle(cycle: number, absent: string): Promise<void> {
    const { violations, first, seen, readings } = await this.#hammer.settle();
    this.readings = readings;
    this.#expect(cycle, violations === 0, `${violations} wrong readings: ${first.join("; ")}`);
    this.#expect(cycle, seen[absent] === 0, `${seen[absent]} readings of the other time`);
  }

  #expect(cycle: number, holds: boolean, otherwise: string): void {
    if (!holds) this.faults.push(`cycle ${cycle}: ${otherwise}`);
  }

  sample(): void {
    (globalThis as { gc?: () => void }).gc?.();
    this.tool.push(footprint(process.pid));
    this.target.push(footprint(this.#pid));
  }

  /** The last pages go when the last thread has left them. */
  async finish(cycles: number): Promise<void> {
    const pid = this.#pid;
    await waitFor("the last pages to be unmapped", async () => (await recover({ pid })).state === "unskewed");
    await this.#settle(cycles, String(SKEW));
    this.#expect(cycles, same(maps(pid), this.#maps), "in the end the mappings are not what they were");
    this.#expect(cycles, same(threadsOf(pid), this.#tids), "in the end it has other threads");
    this.faults.push(...leaks("the tool's", this.tool, toolLimits(cycles)));
    this.faults.push(...leaks("the target's", this.target, TARGET_LIMITS));
  }
}

function same(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i]);
}

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { cycles, threads, settleEvery, progress, meanwhile } = options;
  await using hammer = await startHammer(threads, SKEW);
  const run = new Soak(hammer);
  const start = performance.now();
  const sampleEvery = Math.max(1, Math.floor((cycles - WARM_UP) / SAMPLES));
  let cycle = 1;
  for (; cycle <= cycles && run.faults.length < ENOUGH; cycle++) {
    await run.cycle(cycle, cycle % settleEvery === 0);
    meanwhile?.(hammer.pid, cycle);
    if (cycle > WARM_UP && (cycle - WARM_UP) % sampleEvery === 0) run.sample();
    progress?.(`${cycle} of ${cycles} cycles, ${run.faults.length} faults`);
  }
  const seconds = (performance.now() - start) / 1000;
  await run.finish(cycles);
  const { faults, injectPauses, recoverPauses, moved, lingering, readings, tool, target } = run;
  return {
    faults,
    cycles: cycle - 1,
    seconds,
    injectPauses,
    recoverPauses,
    moved,
    lingering,
    readings,
    tool,
    target,
  };
}
