/** Follows targets from the foreground, until there is nothing more to wait for. */
import { isGone } from "../engine/set/failure.ts";
import type { StatusRow } from "../types.ts";
import type { Session } from "./command.ts";
import type { Engine } from "./engine.ts";
import type { Interrupts } from "./interrupts.ts";
import { watchLines } from "./report/watch.ts";

/** How often a person is shown something new, and how often is enough if nobody watches. */
export const REDRAW_MS = 250;
export const LOOK_MS = 1000;
/** Behind the moment at which something is to happen, so that it has. */
const MARGIN_MS = 5;
const NS_PER_MS = 1_000_000n;
/** How much longer than to look at many processes it is waited between two looks. */
const REST = 4;

/** Why a target is not followed any more. */
export type Ending =
  /** `endOf` said so. */
  | "over"
  /** Its process ended. */
  | "gone"
  /** Somebody else took the skew back, or the process ran another program. */
  | "unskewed"
  /** Another skew took its place. `endOf` says so. */
  | "changed"
  /** Ctrl-C, SIGTERM, SIGHUP. */
  | "interrupted";

/** A target as it was found: one of the three is there. */
export interface Sight {
  readonly pid: number;
  readonly row?: StatusRow;
  readonly gone?: boolean;
  /** Why it could not be looked at. That may pass. */
  readonly trouble?: string;
}

export interface Followed {
  readonly pids: readonly number[];
  /** Whether there is nothing to wait for any more, and why. */
  endOf(row: StatusRow): Ending | undefined;
  /** Shown beneath the lines that follow the targets. */
  readonly hint: string;
}

export interface Ended {
  readonly pid: number;
  readonly ending: Ending;
}

/** Each target once, as soon as it is not to be followed any more; on a terminal with live lines until then. */
export async function* follow(
  { world, ui }: Session,
  engine: Engine,
  interrupts: Interrupts,
  { pids, endOf, hint }: Followed,
): AsyncGenerator<Ended, void> {
  const live = ui.live();
  try {
    let left = [...pids];
    while (left.length > 0) {
      const begun = world.now();
      const sights = await Promise.all(left.map((pid) => look(engine, pid)));
      const ended = sights.flatMap((sight) => {
        const ending = endingOf(sight, endOf) ?? (interrupts.count > 0 ? "interrupted" : undefined);
        return ending === undefined ? [] : [{ pid: sight.pid, ending }];
      });
      if (ended.length > 0) {
        live?.clear();
        yield* ended;
        left = left.filter((pid) => ended.every((each) => each.pid !== pid));
        continue;
      }
      live?.draw([...watchLines(sights, world.now(), live.columns), ui.paintError.dim(hint)]);
      const took = Number((world.now() - begun) / NS_PER_MS);
      await interrupts.sleep(Math.max(napFor(sights, live ? REDRAW_MS : LOOK_MS), took * REST));
    }
  } finally {
    live?.clear();
  }
}

export async function look(engine: Engine, pid: number): Promise<Sight> {
  try {
    const { rows, unreadable } = await engine.status({ pids: [pid] });
    const [row] = rows;
    return row === undefined
      ? { pid, trouble: unreadable[0]?.reason ?? "it cannot be looked at" }
      : { pid, row };
  } catch (error) {
    // Whatever it is must not keep the target from being recovered in the end, where it comes up again.
    if (isGone(error)) return { pid, gone: true };
    return { pid, trouble: error instanceof Error ? error.message : String(error) };
  }
}

function endingOf({ row, gone }: Sight, endOf: Followed["endOf"]): Ending | undefined {
  if (gone) return "gone";
  if (row === undefined) return undefined;
  return row.state === "skewed" || row.state === "ended"
    ? endOf(row)
    : UNSKEWED.has(row.state)
      ? "unskewed"
      : undefined;
}

const UNSKEWED: ReadonlySet<StatusRow["state"]> = new Set(["unskewed", "lingering", "unused"]);

/** Until the next look: not longer than until the first of them comes to its end. */
export function napFor(sights: readonly Sight[], most: number): number {
  const ends = sights.flatMap(({ row }) => {
    const next = row?.skew?.profile?.next;
    return next?.what === "ends" ? [Number(next.in / NS_PER_MS) + MARGIN_MS] : [];
  });
  return Math.min(most, ...ends);
}
