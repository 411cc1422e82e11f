/** Recovery without a jump: the target is set on its way to the true time, followed, and recovered when it is there. */
import { TimeskewError } from "../errors.ts";
import type { RecoverResult, RecoverSettings, SessionSettings, StatusRow } from "../types.ts";
import type { Outcome, Session } from "./command.ts";
import type { Engine } from "./engine.ts";
import { concluded, giveBack, type Left, stay } from "./foreground.ts";
import { catchInterrupts } from "./interrupts.ts";
import { recoverLines } from "./report/recover.ts";
import { invocation } from "./report/undo.ts";
import { eachTarget, type Tally } from "./targets.ts";
import type { Ending } from "./watch.ts";

export function recoverAll(
  session: Session,
  engine: Engine,
  pids: readonly number[],
  settings: RecoverSettings & SessionSettings,
): Promise<Tally<RecoverResult>> {
  const { ui } = session;
  return eachTarget(session, pids, {
    command: "recover",
    changes: true,
    work: (pid) => ui.working(`recovering pid ${pid}`, () => engine.recover({ pid, ...settings })),
    done: (result) => ui.success(recoverLines(result, ui.paint)),
  });
}

interface Glide {
  readonly glide: bigint | true;
  /** For the recovery that follows. */
  readonly settings: { allowBackwardMonotonic?: boolean } & SessionSettings;
}

/** Stays until every target has arrived; what ends it before leaves the targets gliding, and says so. */
export async function recoverGliding(
  session: Session,
  engine: Engine,
  pids: readonly number[],
  { glide, settings }: Glide,
): Promise<Outcome> {
  using interrupts = catchInterrupts(session.world);
  const tally = await recoverAll(session, engine, pids, { ...settings, glide });
  const gliding = tally.results.filter(({ action }) => action === "gliding");
  const ids = new Map(gliding.map(({ pid, skew }) => [pid, skew?.id]));
  const left = await stay({
    session,
    engine,
    interrupts,
    command: "recover",
    targets: gliding,
    follow: {
      hint: "Ctrl-C leaves it gliding",
      endOf: (row) => endOfGlide(row, ids.get(row.pid)),
    },
    leave: async (target, ending): Promise<Left> => {
      if (ending !== "over") throw notThere(session, target.pid, ending);
      return { ending, recovery: await giveBack(session, engine, target, settings) };
    },
  });
  return concluded(session, tally, left);
}

/** It has arrived when it neither is off nor will be. */
function endOfGlide({ state, skew }: StatusRow, id: string | undefined): Ending | undefined {
  if (state === "ended") return "over";
  if (skew === undefined || skew.id !== id) return "changed";
  return skew.offset === 0n && skew.profile?.next === undefined ? "over" : undefined;
}

function notThere({ world }: Session, pid: number, ending: Ending): TimeskewError {
  const recover = `${invocation(world)} recover --pid ${pid}`;
  const [message, hint] =
    ending === "changed"
      ? ["was given another skew meanwhile", `\`${recover}\` takes that away`]
      : [
          "still glides to the true time",
          `\`${recover} --glide\` goes on with that, and removes what is left`,
        ];
  return new TimeskewError("E_FAILED", `pid ${pid} ${message}`, { pid, hint, targetState: "skewed" });
}
