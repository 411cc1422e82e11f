/** Who traces a process: another tracer stands in our way, our own follower does not. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { type ProcessStatus, parseStatus } from "../target/proc-status.ts";

export interface Tracer {
  /** As the end of "pid 812 (redis) is ": "traced by gdb (pid 815)". */
  readonly what: string;
  readonly remedy: string;
}

/** What the thread that follows processes for timeskew is called (native/follower.c). */
const FOLLOWER = "timeskew-follow";

/**
 * Whoever else traces a process, or one of its threads: our follower does not count.
 *
 * @param thread 0: the process's main thread will do
 */
export function tracerOf(pid: number, thread = 0): Tracer | undefined {
  for (const file of thread > 0 ? [`${pid}`, `${pid}/task/${thread}`] : [`${pid}`]) {
    const tracer = readStatus(file)?.tracerPid;
    if (tracer && !isOurs(tracer)) return describe(tracer);
  }
  return undefined;
}

/** Whether our follower traces this process: then it traces all threads but a main thread that had exited before. */
export function isFollowed(pid: number): boolean {
  const main = readStatus(`${pid}`);
  if (main?.state !== "Z" || main.tracerPid) return isOurs(main?.tracerPid);
  return tasksOf(pid).some((thread) => isOurs(readStatus(`${pid}/task/${thread}`)?.tracerPid));
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // it has ended
  }
}

/** Sessions are over when anybody can ask: the only thread of ours that traces is the follower. */
function isOurs(tracer: number | undefined): boolean {
  return tracer !== undefined && tracer > 0 && existsSync(`/proc/self/task/${tracer}`);
}

function describe(tracer: number): Tracer {
  const status = readStatus(`${tracer}`);
  if (status?.name !== FOLLOWER) {
    return {
      what: `traced by ${status?.name ?? "a process"} (pid ${tracer})`,
      remedy: "detach it first, then try again",
    };
  }
  const pid = status.tgid ?? tracer;
  return { what: `followed by timeskew (pid ${pid})`, remedy: `end that first (Ctrl-C or kill -INT ${pid})` };
}

function readStatus(file: string): ProcessStatus | undefined {
  try {
    return parseStatus(readFileSync(`/proc/${file}/status`, "utf8"));
  } catch {
    return undefined; // gone, or not for us: then nobody can be named
  }
}
