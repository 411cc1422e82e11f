/** `timeskew recover`: takes the skew back, from named processes or from all that have one. */
import type { SkewState } from "../../types.ts";
import type { CommandSpec, Session } from "../command.ts";
import type { Engine } from "../engine.ts";
import { backwardOption, sessionOptions, targetOptions, value } from "../flags.ts";
import { recoverAll, recoverGliding } from "../glide.ts";
import { noneLines, unreadableLines } from "../report/status.ts";
import { backwardSettings, glideSettings, pidsOrAll, sessionSettings } from "../settings.ts";

/** States that recover can end. Somebody else's patch is not ours to remove. */
const OURS: ReadonlySet<SkewState> = new Set(["skewed", "ended", "partial", "unused", "lingering"]);

export const recover: CommandSpec = {
  name: "recover",
  summary: "give skewed processes the true time back",
  description:
    "Gives skewed processes the true time back, and removes what timeskew put into them. " +
    "A process that is not skewed stays as it is, which is a success.",
  examples: [
    ["sudo timeskew recover --pid 1234", ""],
    ["sudo timeskew recover --all", "every skewed process"],
    ["sudo timeskew recover --pid 1234 --glide --over 1m", "without a jump"],
  ],
  options(command) {
    targetOptions(command, { all: "every skewed process that may be looked at" });
    backwardOption(
      command
        .optionsGroup("Recovery:")
        .option("--glide", "do not jump: let the clock gain or lose until it is right, then recover")
        .option(
          "--over <DURATION>",
          "how long --glide takes: 10m (default: twice as long as the clock is off by)",
          value("--over"),
        ),
    );
    sessionOptions(command);
  },
  async run(session, flags) {
    const named = pidsOrAll(flags);
    const { glide } = glideSettings(flags);
    const settings = { ...backwardSettings(flags), ...sessionSettings(flags) };
    const engine = await session.world.loadEngine();
    const targets = named ?? (await findSkewed(session, engine));
    if (glide !== undefined) return recoverGliding(session, engine, targets, { glide, settings });
    const { targets: entries, error } = await recoverAll(session, engine, targets, settings);
    return { targets: entries, error };
  },
};

async function findSkewed({ world, ui }: Session, engine: Engine): Promise<number[]> {
  const found = await ui.working("looking at processes", () => engine.status());
  const ours = found.rows.filter(({ state }) => OURS.has(state));
  ui.note(unreadableLines(found, world.isRoot));
  if (ours.length === 0) ui.success(noneLines(found));
  return ours.map(({ pid }) => pid);
}
