/** `timeskew now`: a target's clocks as its own functions read them, next to the host's. */
import { Members } from "../../engine/set/members.ts";
import { onlyPid, type ProcessSet } from "../../engine/set/process-set.ts";
import type { NowResult, SessionSettings } from "../../types.ts";
import type { CommandSpec, Outcome, Session } from "../command.ts";
import type { Engine } from "../engine.ts";
import { sessionOptions, targetOptions } from "../flags.ts";
import { gaveUpIn, setOf, told } from "../members.ts";
import { nowLines } from "../report/now.ts";
import { nowSetLines } from "../report/now-set.ts";
import { longestPause } from "../report/set.ts";
import { sessionSettings, targetsOf } from "../settings.ts";
import { eachTarget } from "../targets.ts";

export const now: CommandSpec = {
  name: "now",
  summary: "read a process's clocks next to the host's",
  description:
    "Calls the process's own clock functions, in the process, and prints what they return next to the " +
    "host's clocks.",
  examples: [
    ["sudo timeskew now --pid 1234", ""],
    ["sudo timeskew now --container web", "each process of it"],
  ],
  options(command) {
    targetOptions(command);
    sessionOptions(command);
  },
  async run(session, flags) {
    const selectors = targetsOf(flags);
    const settings = sessionSettings(flags);
    const engine = await session.world.loadEngine();
    const pid = onlyPid(selectors);
    if (pid !== undefined) return nowOf(session, engine, pid, settings);
    return nowOfSet(session, engine, await setOf(session, engine, selectors), settings);
  },
};

async function nowOf(
  session: Session,
  engine: Engine,
  pid: number,
  settings: SessionSettings,
): Promise<Outcome> {
  const { ui } = session;
  const { targets, error } = await eachTarget(session, [pid], {
    command: "now",
    changes: false,
    work: () => ui.working(`reading the clocks of pid ${pid}`, () => engine.readClocks({ pid, ...settings })),
    done: (result) => ui.result(nowLines(result, ui.paint)),
  });
  return { targets, error };
}

async function nowOfSet(
  session: Session,
  engine: Engine,
  set: ProcessSet,
  settings: SessionSettings,
): Promise<Outcome> {
  const { ui } = session;
  const members = new Members<NowResult>(set, {
    ...gaveUpIn(session),
    changes: false,
    work: (pid) => engine.readClocks({ pid, ...settings }),
  });
  await ui.working(`reading the clocks of ${set.words ?? "them"}`, () => members.reachAll());
  const { results, targets, error } = told(session, members.conclude(), { command: "now" });
  if (results.length > 0) ui.result(nowSetLines(results, ui.paint, ui.width));
  return { targets, error, extra: { selection: set.selected, longestPauseNs: longestPause(results) } };
}
