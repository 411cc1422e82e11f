/** Recovery without a jump: the target is set on its way to the true time, followed, and recovered when it is there. */
import type { ProcessSet } from "../engine/set/process-set.ts";
import { gliding, hasArrived } from "../engine/set/recover.ts";
import { TimeskewError } from "../errors.ts";
import type { RecoverResult, RecoverSettings, SessionSettings, StatusRow } from "../types.ts";
import type { Outcome, Session } from "./command.ts";
import type { Engine } from "./engine.ts";
import { concluded, giveBack, type Left, stay } from "./foreground.ts";
import { catchInterrupts } from "./interrupts.ts";
import { recoverSet, recoveryOutcome } from "./recover-set.ts";
import { recoverLines } from "./report/recover.ts";
import { invocation, quote } from "./report/undo.ts";
import { staySet } from "./stay-set.ts";
import { eachTarget, type Tally } from "./targets.ts";
import type { Ending } from "./watch.ts";

export function recoverOne(
  session: Session,
  engine: Engine,
  pid: number,
  settings: RecoverSettings & SessionSettings,
): Promise<Tally<RecoverResult>> {
  const { ui } = session;
  return eachTarget(session, [pid], {
    command: "recover",
    changes: true,
    work: () => ui.working(`recovering pid ${pid}`, () => engine.recover({ pid, ...settings })),
    done: (result) => ui.success(recoverLines(result, ui.paint)),
  });
}

export interface Gliding {
  readonly glide: bigint | true;
  /** For the recovery that follows. */
  readonly settings: { allowBackwardMonotonic?: boolean } & SessionSettings;
}

/** Stays until the target has arrived; what ends it before leaves it gliding, and says so. */
export async function recoverGliding(
  session: Session,
  engine: Engine,
  pid: number,
  { glide, settings }: Gliding,
): Promise<Outcome> {
  using interrupts = catchInterrupts(session.world);
  const tally = await recoverOne(session, engine, pid, { ...settings, glide });
  const begun = tally.results.filter(({ action }) => action === "gliding");
  const ids = new Set(begun.flatMap(({ skew }) => skew?.id ?? []));
  const left = await stay({
    session,
    engine,
    interrupts,
    command: "recover",
    targets: begun,
    follow: { hint: HINT, endOf: (row) => endOfGlide(row, ids) },
    leave: async (target, ending): Promise<Left> => {
      if (ending !== "over") throw notThere(session, ["--pid", `${pid}`], pid, ending);
      return { ending, recovery: await giveBack(session, engine, target, settings) };
    },
  });
  return concluded(session, tally, left);
}

const HINT = "Ctrl-C leaves it gliding";

/** The same for a set, each member on its own way. */
export async function recoverSetGliding(
  session: Session,
  engine: Engine,
  set: ProcessSet,
  { glide, settings }: Gliding,
): Promise<Outcome> {
  using interrupts = catchInterrupts(session.world);
  const how = gliding(engine, { ...settings, glide });
  const { ids } = how;
  const tally = await recoverSet(session, engine, set, settings, how);
  const begun = tally.results.flatMap(({ pid, action }) => (action === "gliding" ? pid : []));
  if (begun.length === 0) return recoveryOutcome(set, tally);
  const { left: _, ...outcome } = await staySet(
    {
      session,
      engine,
      interrupts,
      command: "recover",
      set,
      follow: { hint: HINT, endOf: (row) => endOfGlide(row, ids) },
      isOurs: ({ skew }) => skew !== undefined && ids.has(skew.id),
      refuse: (pid, ending) =>
        ending === "over"
          ? undefined
          : notThere(session, set.words ? set.flags : ["--pid", `${pid}`], pid, ending),
      settings,
    },
    tally,
    begun,
  );
  return outcome;
}

function endOfGlide(row: StatusRow, ids: ReadonlySet<string>): Ending | undefined {
  const isOurs = row.state === "ended" || (row.skew !== undefined && ids.has(row.skew.id));
  if (!isOurs) return "changed";
  return hasArrived(row) ? "over" : undefined;
}

function notThere({ world }: Session, flags: readonly string[], pid: number, ending: Ending): TimeskewError {
  const recover = [`${invocation(world)} recover`, ...flags.map(quote)].join(" ");
  const [message, hint] =
    ending === "changed"
      ? ["was given another skew meanwhile", `\`${recover}\` takes that away`]
      : [
          "still glides to the true time",
          `\`${recover} --glide\` goes on with that, and removes what is left`,
        ];
  return new TimeskewError("E_FAILED", `pid ${pid} ${message}`, { pid, hint, targetState: "skewed" });
}
