/** `timeskew recover`: takes the skew back, from named processes or from all that have one. */
import { onlyPid, type ProcessSet } from "../../engine/set/process-set.ts";
import type { CommandSpec, Session } from "../command.ts";
import type { Engine } from "../engine.ts";
import { addFlags, durations } from "../flag.ts";
import { BACKWARD, sessionOptions, targetOptions } from "../flags.ts";
import { type Gliding, recoverGliding, recoverOne, recoverSetGliding } from "../glide.ts";
import { setOf } from "../members.ts";
import { recoverSet, recoveryOutcome } from "../recover-set.ts";
import { noneLines } from "../report/status.ts";
import { type Aim, backwardSettings, glideSettings, neededAim, sessionSettings } from "../settings.ts";
import { lookForSkewed } from "../skewed.ts";

export const recover: CommandSpec = {
  name: "recover",
  summary: "give skewed processes the true time back",
  description:
    "Gives skewed processes the true time back, and removes what timeskew put into them. " +
    "A process that is not skewed stays as it is, which is a success.",
  examples: [
    ["sudo timeskew recover --pid 1234", ""],
    ["sudo timeskew recover --container web", "all of a container"],
    ["sudo timeskew recover --all", "every skewed process"],
    ["sudo timeskew recover --pid 1234 --glide --over 1m", "without a jump"],
  ],
  options(command) {
    targetOptions(command, {
      skew: "every process that has this skew: its id, or the beginning of it",
      all: "every skewed process that may be looked at",
    });
    addFlags(command, "Recovery:", [
      ["--glide", "do not jump: let the clock gain or lose until it is right, then recover"],
      [
        "--over <DURATION>",
        "how long --glide takes: 10m (default: twice as long as the clock is off by)",
        durations("10m", "1h"),
      ],
      BACKWARD,
    ]);
    sessionOptions(command);
  },
  async run(session, flags) {
    const aim = neededAim(flags);
    const { glide } = glideSettings(flags);
    const settings = { ...backwardSettings(flags), ...sessionSettings(flags) };
    const engine = await session.world.loadEngine();
    const gliding: Gliding | undefined = glide === undefined ? undefined : { glide, settings };
    const pid = aim.kind === "selected" ? onlyPid(aim.selectors) : undefined;
    if (pid !== undefined) {
      if (gliding !== undefined) return recoverGliding(session, engine, pid, gliding);
      const { targets, error } = await recoverOne(session, engine, pid, settings);
      return { targets, error };
    }
    const set = await aimedAt(session, engine, aim);
    if (set === undefined) return { targets: [] };
    if (gliding !== undefined) return recoverSetGliding(session, engine, set, gliding);
    return recoveryOutcome(set, await recoverSet(session, engine, set, settings));
  },
};

/** Undefined if there is nobody to recover, which is a success. */
async function aimedAt(session: Session, engine: Engine, aim: Aim): Promise<ProcessSet | undefined> {
  if (aim.kind === "selected") return await setOf(session, engine, aim.selectors);
  const { set, found, rows } = await lookForSkewed(
    session,
    engine,
    aim.kind === "skew" ? aim.ids : undefined,
  );
  if (rows.length > 0) return set;
  session.ui.success(noneLines(found));
  return undefined;
}
