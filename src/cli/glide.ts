/** Recovery without a jump: the target is set on its way to the true time, followed, and recovered when it is there. */
import { TimeskewError } from "../errors.ts";
import type { RecoverResult, RecoverSettings, SessionSettings, StatusRow } from "../types.ts";
import type { Outcome, Session } from "./command.ts";
import type { Engine } from "./engine.ts";
import { concluded, giveBack, type Left, stay } from "./foreground.ts";
import { catchInterrupts } from "./interrupts.ts";
import type { ProcessSet } from "./members.ts";
import { recoverSet, recoveryOutcome } from "./recover-set.ts";
import { recoverLines } from "./report/recover.ts";
import { invocation, quote } from "./report/undo.ts";
import { nothingDone, staySet } from "./stay-set.ts";
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
  const gliding = tally.results.filter(({ action }) => action === "gliding");
  const ids = new Set(gliding.flatMap(({ skew }) => skew?.id ?? []));
  const left = await stay({
    session,
    engine,
    interrupts,
    command: "recover",
    targets: gliding,
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
  const ids = new Set<string>();
  const isOurs = ({ skew }: Pick<StatusRow, "skew">) => skew !== undefined && ids.has(skew.id);
  const inherited = new Set<number>();
  const tally = await recoverSet(session, engine, set, settings, {
    work: async (pid) => {
      const [row] = ids.size > 0 ? (await engine.status({ pids: [pid] })).rows : [];
      if (row !== undefined && isOurs(row)) {
        inherited.add(pid);
        return glidesAlready(row);
      }
      const result = await engine.recover({ pid, ...settings, glide });
      if (result.action === "gliding" && result.skew !== undefined) ids.add(result.skew.id);
      return result;
    },
    // Who glides may fork as fast as he likes: his children glide, too.
    wasNeeded: ({ pid, action }) => action !== "nothing" && !inherited.has(pid),
  });
  const gliding = tally.results.flatMap(({ pid, action }) => (action === "gliding" ? pid : []));
  if (gliding.length === 0) return recoveryOutcome(set, tally);
  const { left: _, ...outcome } = await staySet(
    {
      session,
      engine,
      interrupts,
      command: "recover",
      set,
      follow: { hint: HINT, endOf: (row) => endOfGlide(row, ids) },
      isOurs,
      refuse: (pid, ending) =>
        ending === "over"
          ? undefined
          : notThere(session, set.words ? set.flags : ["--pid", `${pid}`], pid, ending),
      settings,
    },
    tally,
    gliding,
  );
  return outcome;
}

function glidesAlready({ pid, command, skew }: StatusRow): RecoverResult {
  return { ...nothingDone(pid, command), state: "skewed", action: "gliding", skew };
}

/** It has arrived when it neither is off nor will be. */
function endOfGlide({ state, skew }: StatusRow, ids: ReadonlySet<string>): Ending | undefined {
  if (state === "ended") return "over";
  if (skew === undefined || !ids.has(skew.id)) return "changed";
  return skew.offset === 0n && skew.profile?.next === undefined ? "over" : undefined;
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
