/** `status --watch`: the table again and again, drawn anew on a terminal, appended elsewhere. */
import { asTargetError, isGone, verdict } from "../engine/set/failure.ts";
import { onlyPid } from "../engine/set/process-set.ts";
import { TimeskewError } from "../errors.ts";
import type { StatusResult, StatusRow } from "../types.ts";
import type { Outcome, Session } from "./command.ts";
import type { Engine } from "./engine.ts";
import { catchInterrupts, type Interrupts } from "./interrupts.ts";
import { setOf } from "./members.ts";
import { errorLines } from "./report/error.ts";
import { escapeText } from "./report/escape.ts";
import { noneLines, statusLines, unreadableLines } from "./report/status.ts";
import { formatDate } from "./report/time.ts";
import type { Aim } from "./settings.ts";

interface Watch {
  readonly aim: Aim;
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
  { aim, interval }: Watch,
  interrupts: Interrupts,
): Promise<TimeskewError | undefined> {
  const { ui, world } = session;
  const lookNow = await lookerFor(session, engine, aim);
  const live = ui.liveResult();
  const show = (lines: readonly string[]) => (live ? live.draw(lines) : ui.result([...lines, ""]));
  try {
    while (interrupts.count === 0) {
      const seen = await lookNow();
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

/** Looks at the same again and again: at whom it means by then. */
async function lookerFor(session: Session, engine: Engine, aim: Aim): Promise<() => Promise<Seen>> {
  if (aim.kind === "all") return () => lookAtAll(session, engine);
  if (aim.kind === "skew") return () => lookAtAll(session, engine, aim.ids);
  const pid = onlyPid(aim.selectors);
  if (pid !== undefined) return () => lookAt(session, engine, [pid]);
  const set = await setOf(session, engine, aim.selectors);
  return async () => {
    const pids = await set.list();
    if (pids.length > 0) return lookAt(session, engine, pids, set.named);
    const words = `${set.words ?? "the processes"}: there are no processes any more`;
    return { lines: [escapeText(words)], ...(!set.lasts && { error: new TimeskewError("E_GONE", words) }) };
  };
}

async function lookAtAll({ ui, world }: Session, engine: Engine, ids?: readonly string[]): Promise<Seen> {
  const found = await engine.status();
  const rows = found.rows.filter(
    ({ skew }) => ids === undefined || ids.some((id) => skew?.id.startsWith(id)),
  );
  const table =
    rows.length > 0
      ? statusLines(await withContainers(engine, rows), world.now(), ui.paint, ui.width)
      : noneLines(found);
  return { lines: [...table, ...unreadableLines(found, world.isRoot)] };
}

async function lookAt(
  { ui, world }: Session,
  engine: Engine,
  pids: readonly number[],
  named: ReadonlySet<number> = new Set(pids),
): Promise<Seen> {
  const rows: StatusRow[] = [];
  const failures: TimeskewError[] = [];
  for (const pid of pids) {
    try {
      rows.push(rowOf(pid, await engine.status({ pids: [pid] })));
    } catch (thrown) {
      if (isGone(thrown) && !named.has(pid)) continue;
      failures.push(asTargetError(thrown, pid, false));
    }
  }
  if (rows.length === 0 && failures.length > 0) return { lines: [], error: verdict(0, failures) };
  const table = statusLines(await withContainers(engine, rows), world.now(), ui.paint, ui.width);
  return { lines: [...table, ...failures.map(({ message }) => escapeText(message))] };
}

export async function withContainers(engine: Engine, rows: readonly StatusRow[]): Promise<StatusRow[]> {
  const containers = await engine.containersOf(rows.map(({ pid }) => pid));
  return rows.map((row) => {
    const container = containers.get(row.pid);
    return container === undefined ? row : { ...row, container };
  });
}

/** A process that the user named and that cannot be looked at is a failure, not an aside. */
export function rowOf(pid: number, { rows, unreadable }: StatusResult): StatusRow {
  const [row] = rows;
  if (row !== undefined) return row;
  const reason = unreadable[0]?.reason ?? "it ended";
  throw new TimeskewError("E_FAILED", `pid ${pid} could not be looked at: ${reason}`, { pid });
}
