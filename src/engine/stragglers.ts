/**
 * Threads that may be in the middle of a reading that began by other rules: in the kernel's own function, which they had
 * called before it was patched, or which our code had left a clock to that was not selected. They return the true time as
 * it is when they go on. A clock that has fallen behind it by then would be seen to go back.
 */
import { readdirSync } from "node:fs";
import { parseStat } from "../target/proc.ts";
import { readText } from "../target/read.ts";

/** A reading takes some ten ns; but first comes the way out of the kernel, where a thread may be preempted once more. */
const ENOUGH_NS = 1_000_000n;
const PAUSE_MS = 1;

interface Runner {
  readonly proc: number;
  readonly tid: string;
  /** CPU time that it has had, ns; undefined where the kernel does not tell. */
  readonly ran: bigint | undefined;
}

/**
 * Waits until each thread that is able to run has run for a moment, or sleeps. Those that are stopped are not waited for:
 * nobody knows how long.
 *
 * @param procs descriptors of /proc/PID
 * @param isLate when to give up
 * @returns whether they all have
 */
export function allHaveMovedOn(procs: readonly number[], isLate: () => boolean): boolean {
  let waitedFor = procs.flatMap(runnersOf);
  while (waitedFor.length > 0) {
    if (isLate()) return false;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    waitedFor = waitedFor.filter((runner) => !hasMovedOn(runner));
  }
  return true;
}

function runnersOf(proc: number): Runner[] {
  let tids: string[];
  try {
    tids = readdirSync(`/proc/self/fd/${proc}/task`);
  } catch {
    return []; // it has ended
  }
  return tids.filter((tid) => isRunning(proc, tid)).map((tid) => ({ proc, tid, ran: timeRun(proc, tid) }));
}

function hasMovedOn({ proc, tid, ran }: Runner): boolean {
  if (!isRunning(proc, tid)) return true;
  const now = timeRun(proc, tid);
  // Without the figure, the time that passes anyway until the skew begins has to do.
  return ran === undefined || now === undefined || now >= ran + ENOUGH_NS;
}

function isRunning(proc: number, tid: string): boolean {
  const text = contents(proc, tid, "stat");
  return text !== undefined && parseStat(text).state === "R";
}

/** The first number of /proc/PID/task/TID/schedstat: Documentation/scheduler/sched-stats.rst. */
function timeRun(proc: number, tid: string): bigint | undefined {
  const [ran] = (contents(proc, tid, "schedstat") ?? "").split(" ");
  return ran && /^\d+$/.test(ran) ? BigInt(ran) : undefined;
}

function contents(proc: number, tid: string, name: string): string | undefined {
  try {
    return readText(`/proc/self/fd/${proc}/task/${tid}/${name}`);
  } catch {
    return undefined; // the thread has ended, or there is no such file on this kernel
  }
}
