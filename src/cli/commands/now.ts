/** `timeskew now`: a target's clocks as its own functions read them, next to the host's. */
import type { CommandSpec } from "../command.ts";
import { sessionOptions, targetOptions } from "../flags.ts";
import { nowLines } from "../report/now.ts";
import { pids, sessionSettings } from "../settings.ts";
import { eachTarget } from "../targets.ts";

export const now: CommandSpec = {
  name: "now",
  summary: "read a process's clocks next to the host's",
  description:
    "Calls the process's own clock functions, in the process, and prints what they return next to the " +
    "host's clocks.",
  examples: [["sudo timeskew now --pid 1234", ""]],
  options(command) {
    targetOptions(command);
    sessionOptions(command);
  },
  async run(session, flags) {
    const targets = pids(flags);
    const settings = sessionSettings(flags);
    const { world, ui } = session;
    const engine = await world.loadEngine();
    const { results: _, ...outcome } = await eachTarget(session, targets, {
      command: "now",
      changes: false,
      work: (pid) =>
        ui.working(`reading the clocks of pid ${pid}`, () => engine.readClocks({ pid, ...settings })),
      done: (result) => ui.result(nowLines(result, ui.paint)),
    });
    return outcome;
  },
};
