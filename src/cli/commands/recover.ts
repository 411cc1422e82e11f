/** `timeskew recover`: takes the skew back, from named processes or from all that have one. */
import type { SkewState } from "../../types.ts";
import type { CommandSpec, Session } from "../command.ts";
import type { Engine } from "../engine.ts";
import { backwardOption, sessionOptions, targetOptions } from "../flags.ts";
import { recoverLines } from "../report/recover.ts";
import { noneLines, unreadableLines } from "../report/status.ts";
import { backwardSettings, pidsOrAll, sessionSettings } from "../settings.ts";
import { eachTarget } from "../targets.ts";

/** States that recover can end. Somebody else's patch is not ours to remove. */
const OURS: ReadonlySet<SkewState> = new Set(["skewed", "partial", "unused", "lingering"]);

export const recover: CommandSpec = {
  name: "recover",
  summary: "give skewed processes the true time back",
  description:
    "Gives skewed processes the true time back, and removes what timeskew put into them. " +
    "A process that is not skewed stays as it is, which is a success.",
  examples: [
    ["sudo timeskew recover --pid 1234", ""],
    ["sudo timeskew recover --all", "every skewed process"],
  ],
  options(command) {
    targetOptions(command, { all: "every skewed process that may be looked at" });
    backwardOption(command.optionsGroup("Recovery:"));
    sessionOptions(command);
  },
  async run(session, flags) {
    const named = pidsOrAll(flags);
    const settings = { ...backwardSettings(flags), ...sessionSettings(flags) };
    const { world, ui } = session;
    const engine = await world.loadEngine();
    const targets = named ?? (await findSkewed(session, engine));
    const { results: _, ...outcome } = await eachTarget(session, targets, {
      command: "recover",
      changes: true,
      work: (pid) => ui.working(`recovering pid ${pid}`, () => engine.recover({ pid, ...settings })),
      done: (result) => ui.success(recoverLines(result, ui.paint)),
    });
    return outcome;
  },
};

async function findSkewed({ world, ui }: Session, engine: Engine): Promise<number[]> {
  const found = await ui.working("looking at processes", () => engine.status());
  const ours = found.rows.filter(({ state }) => OURS.has(state));
  ui.note(unreadableLines(found, world.isRoot));
  if (ours.length === 0) ui.success(noneLines(found));
  return ours.map(({ pid }) => pid);
}
