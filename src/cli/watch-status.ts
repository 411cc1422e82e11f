/** `status --watch`: the table again and again, drawn anew on a terminal, appended elsewhere. */
import { TimeskewError } from "../errors.ts";
import type { StatusResult, StatusRow } from "../types.ts";
import type { Outcome, Session } from "./command.ts";
import type { Engine } from "./engine.ts";
import { catchInterrupts, type Interrupts } from "./interrupts.ts";
import { errorLines } from "./report/error.ts";
import { escapeText } from "./report/escape.ts";
import { noneLines, statusLines, unreadableLines } from "./report/status.ts";
import { formatDate } from "./report/time.ts";
import { asTargetError, verdict } from "./targets.ts";

interface Watch {
  /** undefined: every skewed process. */
  readonly pids: readonly number[] | undefined;
  /** ms */
  readonly interval: number;
}

/** Until Ctrl-C, which is a success, or until none of the named processes is there any more. */
export async function watchStatus(session: Session, engine: Engine, watch: Watch): Promise<Outcome> {
  const { ui, world } = session;
  using interrupts = catchInterrupts(world);
  const error = await lookUntil(session, engine, watch, interrupts);
  if (error !== undefined) ui.error(errorLines(error, "status", ui.paintError, world));
  return { targets: [], error };
}

async function lookUntil(
  session: Session,
  engine: Engine,
  { pids, interval }: Watch,
  interrupts: Interrupts,
): Promise<TimeskewError | undefined> {
  const { ui, world } = session;
  const live = ui.liveResult();
  const show = (lines: readonly string[]) => (live ? live.draw(lines) : ui.result([...lines, ""]));
  try {
    while (interrupts.count === 0) {
      const seen = await (pids === undefined ? lookAtAll(session, engine) : lookAt(session, engine, pids));
      if (seen.error !== undefined) return seen.error;
      show([ui.paint.dim(formatDate(world.now())), ...seen.lines]);
      await interrupts.sleep(interval);
    }
  } finally {
    live?.keep();
  }
  return undefined;
}

interface Seen {
  readonly lines: readonly string[];
  /** Nothing is left to be looked at. */
  readonly error?: TimeskewError | undefined;
}

async function lookAtAll({ ui, world }: Session, engine: Engine): Promise<Seen> {
  const found = await engine.status();
  const { rows } = found;
  const table = rows.length > 0 ? statusLines(rows, world.now(), ui.paint, ui.width) : noneLines(found);
  return { lines: [...table, ...unreadableLines(found, world.isRoot)] };
}

async function lookAt({ ui, world }: Session, engine: Engine, pids: readonly number[]): Promise<Seen> {
  const rows: StatusRow[] = [];
  const failures: TimeskewError[] = [];
  for (const pid of pids) {
    try {
      rows.push(rowOf(pid, await engine.status({ pids: [pid] })));
    } catch (thrown) {
      failures.push(asTargetError(thrown, pid, false));
    }
  }
  if (rows.length === 0) return { lines: [], error: verdict(0, failures) };
  const table = statusLines(rows, world.now(), ui.paint, ui.width);
  return { lines: [...table, ...failures.map(({ message }) => escapeText(message))] };
}

/** A process that the user named and that cannot be looked at is a failure, not an aside. */
export function rowOf(pid: number, { rows, unreadable }: StatusResult): StatusRow {
  const [row] = rows;
  if (row !== undefined) return row;
  const reason = unreadable[0]?.reason ?? "it ended";
  throw new TimeskewError("E_FAILED", `pid ${pid} could not be looked at: ${reason}`, { pid });
}
