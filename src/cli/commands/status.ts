/** `timeskew status`: a table of the skewed processes, or of the ones that were named. */
import type { CommandSpec, Outcome, Session } from "../command.ts";
import type { Engine } from "../engine.ts";
import { targetOptions, value } from "../flags.ts";
import { noneLines, statusLines, unreadableLines } from "../report/status.ts";
import { pidsOrAll, watchInterval } from "../settings.ts";
import { eachTarget } from "../targets.ts";
import { rowOf, watchStatus } from "../watch-status.ts";

export const status: CommandSpec = {
  name: "status",
  summary: "list the skewed processes",
  description: "Lists the skewed processes of this machine that may be looked at, and changes nothing.",
  examples: [
    ["sudo timeskew status", "every skewed process"],
    ["timeskew status --pid 1234 --json", "one process, for a script"],
    ["sudo timeskew status --watch", "again each second, until Ctrl-C"],
  ],
  options(command) {
    targetOptions(command, { all: "every skewed process (the default)" });
    command
      .optionsGroup("Watching:")
      .option("--watch", "look again and again, until Ctrl-C")
      .option("--interval <DURATION>", "how often: 200ms (default 1s)", value("--interval"));
  },
  async run(session, flags) {
    const named = flags.pid === undefined ? undefined : pidsOrAll(flags);
    const interval = watchInterval(flags);
    const engine = await session.world.loadEngine();
    if (interval !== undefined) return watchStatus(session, engine, { pids: named, interval });
    return named === undefined ? everything(session, engine) : these(session, engine, named);
  },
};

async function everything({ world, ui }: Session, engine: Engine): Promise<Outcome> {
  const found = await ui.working("looking at processes", () => engine.status());
  const { rows, examined, unreadable } = found;
  ui.result(rows.length > 0 ? statusLines(rows, world.now(), ui.paint, ui.width) : noneLines(found));
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
  if (results.length > 0) ui.result(statusLines(results, world.now(), ui.paint, ui.width));
  return outcome;
}
