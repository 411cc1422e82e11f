/**
 * Everything that must be right of a target after a run of the tool that failed or died: it runs, untraced and right by
 * its own verdict; `status` says what is there; `recover` brings it back to the byte. Nothing is believed that
 * timeskew says: see look().
 */
import { recover, status } from "../../src/engine/index.ts";
import type { StatusRow } from "../../src/types.ts";
import { field, maps, state, threads, vdso } from "../support/proc.ts";
import { waitFor } from "../support/wait.ts";
import type { Target } from "./targets.ts";

/** What is wrong, and in which way. */
export interface Finding {
  kind: "crashed" | "stopped" | "wrong time" | "untrue" | "unrecoverable";
  what: string;
}

/** What timeskew could change of a process. */
export interface Picture {
  maps: string[];
  vdso: Buffer;
}

export function picture(pid: number): Picture {
  return { maps: maps(pid), vdso: vdso(pid) };
}

/** In words; empty: they are the same. */
function differences(then: Picture, now: Picture): string[] {
  return [
    ...(now.vdso.equals(then.vdso) ? [] : ["the vDSO differs"]),
    ...now.maps.filter((line) => !then.maps.includes(line)).map((line) => `mapped: ${line}`),
    ...then.maps.filter((line) => !now.maps.includes(line)).map((line) => `no longer mapped: ${line}`),
  ];
}

/** A program that timeskew has never touched, and right before the action that failed. */
export interface Before {
  pristine: Picture;
  action: Picture;
  /**
   * The tool was killed. Between the stop of a thread and the line that undoes the EINTR of a call which the kernel does
   * not restart, nobody can undo it: then such a call may end with it.
   */
  killed: boolean;
}

/** What is true of the target now. */
export interface Look {
  /** As timeskew never touched it. */
  pristine: boolean;
  /** As right before the action. */
  unchanged: boolean;
  /** With what its wall clock was read, in ns from the truth: one, if all is well. */
  offsets: string[];
  /** What it reads and how it differs, for a message. */
  words: string;
}

export const TRUE_TIME = "0";

export async function look(
  { pid, settle }: Target,
  before: Before,
): Promise<{ seen: Look; findings: Finding[] }> {
  const { seen, violations, first, interrupted = 0 } = await settle();
  const offsets = Object.keys(seen).filter((offset) => seen[offset]! > 0);
  const now = picture(pid);
  const changes = differences(before.pristine, now);
  const findings: Finding[] = [];
  if (violations > 0) findings.push({ kind: "wrong time", what: `${violations} times: ${first.join(", ")}` });
  if (interrupted > 0 && !before.killed)
    findings.push({ kind: "wrong time", what: `${interrupted} calls ended with EINTR` });
  if (offsets.length !== 1)
    findings.push({ kind: "wrong time", what: `its threads read ${offsets.join(" and ")}` });
  return {
    seen: {
      pristine: changes.length === 0 && offsets.every((offset) => offset === TRUE_TIME),
      unchanged: differences(before.action, now).length === 0,
      offsets,
      words: `it reads ${offsets.join(" and ")}, and ${changes.join("; ") || "nothing differs"}`,
    },
    findings,
  };
}

/** Threads that are traced, or that stand still for a tracer or for job control. */
function heldThreads(pid: number): string[] {
  return threads(pid).flatMap((tid) => {
    const tracer = field(tid, "TracerPid");
    const letter = state(tid);
    const free = tracer === "0" && !/[tT]/.test(letter);
    return free ? [] : [`thread ${tid} is in state ${letter}, traced by ${tracer}`];
  });
}

/** A while, in which a tool that lives may let go of stragglers. */
const LETTING_GO_MS = 1000;

/** The threads that a tool that lives still holds. */
export async function stillHeld(pid: number): Promise<string[]> {
  const deadline = performance.now() + LETTING_GO_MS;
  for (;;) {
    const held = heldThreads(pid);
    if (held.length === 0 || performance.now() > deadline) return held;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The tool has ended: the kernel lets go of whatever it held. */
export async function letGo(pid: number): Promise<Finding[]> {
  try {
    await waitFor("every thread to run", () => heldThreads(pid).length === 0);
    return [];
  } catch {
    return heldThreads(pid).map((what) => ({ kind: "stopped", what }));
  }
}

/** What `status` says, if it is not so. */
export async function statusOf(pid: number, seen: Look): Promise<{ said: string; findings: Finding[] }> {
  const row = (await status({ pids: [pid] })).rows[0]!;
  const what = `status says ${row.state}${row.note ? ` (${row.note})` : ""}, but ${seen.words}`;
  return { said: row.state, findings: isTrue(row, seen) ? [] : [{ kind: "untrue", what }] };
}

function isTrue({ state, skew }: StatusRow, seen: Look): boolean {
  const trueTime = seen.offsets.every((offset) => offset === TRUE_TIME);
  switch (state) {
    case "unskewed":
      return seen.pristine;
    case "skewed":
      return seen.offsets.every((offset) => offset === String(skew?.offset));
    case "foreign":
      return false;
    default:
      return trueTime && !seen.pristine;
  }
}

/** Recovers by the ordinary build, and looks at what is left. */
export async function recoverFully(target: Target, before: Before): Promise<Finding[]> {
  const { pid } = target;
  try {
    await waitFor("nothing to be left", async () => (await recover({ pid })).state === "unskewed");
  } catch (error) {
    return [{ kind: "unrecoverable", what: `${error}, ${(error as Error).cause}` }];
  }
  const { seen, findings } = await look(target, before);
  const left = [...(seen.pristine ? [] : [seen.words]), ...heldThreads(pid)];
  return [
    ...findings,
    ...left.map((what): Finding => ({ kind: "unrecoverable", what: `after recovery ${what}` })),
  ];
}

/** Whether the process still runs. */
export function isAlive(pid: number): boolean {
  try {
    return !/[ZX]/.test(state(pid));
  } catch {
    return false;
  }
}
