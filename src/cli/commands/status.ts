/** `timeskew status`: a table of the skewed processes, or of the ones that were named. */
import { Members } from "../../engine/set/members.ts";
import { onlyPid } from "../../engine/set/process-set.ts";
import type { Selector } from "../../target/select.ts";
import type { StatusRow } from "../../types.ts";
import type { CommandSpec, Outcome, Session } from "../command.ts";
import type { Engine } from "../engine.ts";
import { addFlags, durations } from "../flag.ts";
import { targetOptions } from "../flags.ts";
import { gaveUpIn, setOf, told } from "../members.ts";
import { noneLines, statusLines, unreadableLines } from "../report/status.ts";
import { aimOf, watchInterval } from "../settings.ts";
import { lookForSkewed } from "../skewed.ts";
import { eachTarget } from "../targets.ts";
import { rowOf, watchStatus, withContainers } from "../watch-status.ts";

export const status: CommandSpec = {
  name: "status",
  summary: "list the skewed processes",
  description: "Lists the skewed processes of this machine that may be looked at, and changes nothing.",
  examples: [
    ["sudo timeskew status", "every skewed process"],
    ["timeskew status --pid 1234 --json", "one process, for a script"],
    ["sudo timeskew status --container web", "each process of a container"],
    ["sudo timeskew status --watch", "again each second, until Ctrl-C"],
  ],
  options(command) {
    targetOptions(command, {
      skew: "every process that has this skew: its id, or the beginning of it",
      all: "every skewed process (the default)",
    });
    addFlags(command, "Watching:", [
      ["--watch", "look again and again, until Ctrl-C"],
      ["--interval <DURATION>", "how often: 200ms (default 1s)", durations("200ms", "5s")],
    ]);
  },
  async run(session, flags) {
    const aim = aimOf(flags) ?? { kind: "all" };
    const interval = watchInterval(flags);
    const engine = await session.world.loadEngine();
    if (interval !== undefined) return watchStatus(session, engine, { aim, interval });
    return aim.kind === "selected"
      ? these(session, engine, aim.selectors)
      : everything(session, engine, aim.kind === "skew" ? aim.ids : undefined);
  },
};

async function everything(session: Session, engine: Engine, ids?: readonly string[]): Promise<Outcome> {
  const { world, ui } = session;
  const { rows: bare, found } =
    ids === undefined ? await everybody(session, engine) : await lookForSkewed(session, engine, ids);
  const rows = await withContainers(engine, bare);
  const { examined, unreadable } = found;
  ui.result(rows.length > 0 ? statusLines(rows, world.now(), ui.paint, ui.width) : noneLines(found));
  if (ids === undefined) ui.note(unreadableLines(found, world.isRoot));
  return { targets: rows.map((row) => ({ ok: true, ...row })), extra: { examined, unreadable } };
}

async function everybody({ ui }: Session, engine: Engine) {
  const found = await ui.working("looking at processes", () => engine.status());
  return { found, rows: found.rows };
}

async function these(session: Session, engine: Engine, selectors: readonly Selector[]): Promise<Outcome> {
  const { world, ui } = session;
  const pid = onlyPid(selectors);
  const work = { command: "status", changes: false, work: (each: number) => lookAtOne(engine, each) };
  if (pid !== undefined) {
    const { results, ...outcome } = await eachTarget(session, [pid], work);
    if (results.length > 0) ui.result(statusLines(results, world.now(), ui.paint, ui.width));
    return outcome;
  }
  const set = await setOf(session, engine, selectors);
  const members = new Members(set, { ...work, ...gaveUpIn(session) });
  await ui.working(`looking at ${set.words ?? "them"}`, () => members.reachAll());
  const { results, targets, error } = told(session, members.conclude(), work);
  if (results.length > 0) ui.result(statusLines(results, world.now(), ui.paint, ui.width));
  return { targets, error, extra: { selection: set.selected } };
}

async function lookAtOne(engine: Engine, pid: number): Promise<StatusRow> {
  const [row] = await withContainers(engine, [rowOf(pid, await engine.status({ pids: [pid] }))]);
  return row!;
}
