/**
 * Node waits for the children of each thread that has started some, by their pids, and takes a stop of such a process for its
 * end. In the thread that stops it this cannot happen: it does nothing else meanwhile. Any other thread gets in between.
 */
import { isMainThread } from "node:worker_threads";
import type { WholeEngine } from "../engine/engine.ts";
import { TimeskewError } from "../errors.ts";
import { thisHost } from "../target/select/host.ts";
import { statOf } from "../target/select/processes.ts";
import type { Passed } from "./values.ts";

/** The processes that were named by what the thread that started them has of them. */
export function startedHere(o: Passed): ReadonlySet<number> {
  const named = [o.pid, o.tree].flat();
  return new Set(
    named.flatMap((each) =>
      typeof each === "object" && each !== null && "pid" in each && typeof each.pid === "number"
        ? each.pid
        : [],
    ),
  );
}

/** Refuses, in a worker, to stop a child of this program that another thread may have started: E_UNSUPPORTED. */
export function guarded(engine: WholeEngine, started: ReadonlySet<number>): WholeEngine {
  if (isMainThread) return engine;
  const check = (pid: number) => {
    if (!started.has(pid) && statOf(thisHost(), pid)?.ppid === process.pid) throw othersChild(pid);
  };
  return {
    ...engine,
    joint: (o) => {
      const joint = engine.joint(o);
      return {
        ...joint,
        inject: async (pid) => {
          check(pid);
          return await joint.inject(pid);
        },
      };
    },
    recover: async (o) => {
      check(o.pid);
      return await engine.recover(o);
    },
    readClocks: async (o) => {
      check(o.pid);
      return await engine.readClocks(o);
    },
  };
}

function othersChild(pid: number): TimeskewError {
  const message = `pid ${pid} is a child of this program, and another thread of it may have started it`;
  return new TimeskewError("E_UNSUPPORTED", message, {
    pid,
    hint: "call this in the thread that started it, and pass the ChildProcess: { pid: child } instead of its number",
  });
}
