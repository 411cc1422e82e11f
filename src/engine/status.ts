/**
 * Finds skewed processes: by their own marks, so it needs nothing from the run that skewed them.
 */
import { readFileSync } from "node:fs";
import { TimeskewError } from "../errors.ts";
import { containerOf, learnNames } from "../target/container/of.ts";
import { listPids, refuseForeignProc } from "../target/process.ts";
import type { Selected } from "../target/select.ts";
import { clockShift } from "../target/timens.ts";
import type { StatusResult, StatusRow } from "../types.ts";
import { inspect } from "./inspect.ts";
import { skewIn, stateOf } from "./skew.ts";

/** What makes a process uninteresting in a search: it cannot be skewed, or is gone. */
const NOT_SKEWED: readonly string[] = [
  "E_NO_TARGET",
  "E_GONE",
  "E_KERNEL_THREAD",
  "E_ZOMBIE",
  "E_NO_VDSO",
  "E_NOT_64BIT",
  "E_UNSUPPORTED",
];

/**
 * With pids: one row for each. Without: every process of this machine on which timeskew, or somebody else's patch,
 * left a trace.
 *
 * @throws TimeskewError for a named pid that cannot be looked at
 */
export async function status(o: { pids?: readonly number[] } = {}): Promise<StatusResult> {
  if (o.pids !== undefined) {
    return { rows: o.pids.map(rowOf), unreadable: [], examined: o.pids.length };
  }
  refuseForeignProc();
  const rows: StatusRow[] = [];
  const unreadable: StatusResult["unreadable"] = [];
  let examined = 0;
  for (const pid of listPids()) {
    if (pid === process.pid) continue;
    try {
      const row = rowOf(pid);
      examined++;
      if (row.state !== "unskewed") rows.push(row);
    } catch (error) {
      if (error instanceof TimeskewError && NOT_SKEWED.includes(error.code)) continue;
      // Whatever one process can make go wrong must not hide the others.
      const reason = error instanceof Error ? error.message : String(error);
      unreadable.push({ pid, command: commandOf(pid), reason });
    }
  }
  return { rows, unreadable, examined };
}

function rowOf(pid: number): StatusRow {
  using target = inspect(pid);
  const { process, found } = target;
  const skew = skewIn(found, clockShift(pid));
  const state = stateOf(found, skew);
  const note = "note" in found ? found.note : undefined;
  return {
    pid,
    command: process.command,
    state,
    skew,
    waitSites: "mark" in found ? found.patchedCalls.length : undefined,
    note: state === "ended" && note === undefined ? ENDED : note,
  };
}

/** The containers that processes are in, by their pids. Runtimes are asked for names that nothing else tells. */
export async function containersOf(pids: readonly number[]): Promise<Map<number, Selected>> {
  const found = () =>
    new Map(
      pids.flatMap((pid) => {
        const container = containerOf(pid);
        return container === undefined ? [] : [[pid, container] as const];
      }),
    );
  const known = found();
  if ([...known.values()].every(({ name }) => name !== undefined)) return known;
  await learnNames();
  return found();
}

const ENDED = "its duration is over: it reads the true time. `recover` removes what is left";

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trimEnd();
  } catch {
    return "?"; // ended meanwhile
  }
}
