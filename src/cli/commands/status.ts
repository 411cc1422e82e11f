/** `timeskew status`: a table of the skewed processes, or of the ones that were named. */
import { TimeskewError } from "../../errors.ts";
import type { StatusRow } from "../../types.ts";
import type { CommandSpec, Outcome, Session } from "../command.ts";
import type { Engine } from "../engine.ts";
import { targetOptions } from "../flags.ts";
import { noneLines, statusLines, unreadableLines } from "../report/status.ts";
import { pidsOrAll } from "../settings.ts";
import { eachTarget } from "../targets.ts";

export const status: CommandSpec = {
  name: "status",
  summary: "list the skewed processes",
  description: "Lists the skewed processes of this machine that may be looked at, and changes nothing.",
  examples: [
    ["sudo timeskew status", "every skewed process"],
    ["timeskew status --pid 1234 --json", "one process, for a script"],
  ],
  options(command) {
    targetOptions(command, { all: "every skewed process (the default)" });
  },
  async run(session, flags) {
    const named = flags.pid === undefined ? undefined : pidsOrAll(flags);
    const engine = await session.world.loadEngine();
    return named === undefined ? everything(session, engine) : these(session, engine, named);
  },
};

async function everything({ world, ui }: Session, engine: Engine): Promise<Outcome> {
  const found = await ui.working("looking at processes", () => engine.status());
  const { rows, examined, unreadable } = found;
  ui.result(rows.length > 0 ? statusLines(rows, world.now(), ui.paint) : noneLines(found));
  ui.note(unreadableLines(found, world.isRoot));
  return { targets: rows.map((row) => ({ ok: true, ...row })), extra: { examined, unreadable } };
}

async function these(session: Session, engine: Engine, pids: readonly number[]): Promise<Outcome> {
  const { world, ui } = session;
  const { results, ...outcome } = await eachTarget(session, pids, {
    command: "status",
    changes: false,
    work: async (pid) => rowOf(pid, await engine.status({ pids: [pid] })),
  });
  if (results.length > 0) ui.result(statusLines(results, world.now(), ui.paint));
  return outcome;
}

/** A process that the user named and that cannot be looked at is a failure, not an aside. */
function rowOf(pid: number, { rows, unreadable }: { rows: StatusRow[]; unreadable: { reason: string }[] }) {
  const [row] = rows;
  if (row !== undefined) return row;
  const reason = unreadable[0]?.reason ?? "it ended";
  throw new TimeskewError("E_FAILED", `pid ${pid} could not be looked at: ${reason}`, { pid });
}
