/** Commands that stay until what they began with a set has come to its end, and then leave no member behind. */
import { asTargetError, leftSkewed, verdict } from "../engine/set/failure.ts";
import { type MemberOutcome, Members } from "../engine/set/members.ts";
import type { ProcessSet } from "../engine/set/process-set.ts";
import { nothingDone } from "../engine/set/recover.ts";
import type { TimeskewError } from "../errors.ts";
import type { RecoverResult, SessionSettings, StatusRow } from "../types.ts";
import type { Outcome, Session } from "./command.ts";
import type { Engine } from "./engine.ts";
import type { Interrupts } from "./interrupts.ts";
import { gaveUpIn, type ToldTally, told } from "./members.ts";
import { errorAsJson } from "./report/error.ts";
import { longestPause, recoverSetLines } from "./report/set.ts";
import { type Ended, type Ending, type Followed, follow } from "./watch.ts";

export interface SetStay {
  readonly session: Session;
  readonly engine: Engine;
  readonly interrupts: Interrupts;
  /** Names the command in errors. */
  readonly command: string;
  readonly set: ProcessSet;
  readonly follow: Omit<Followed, "pids">;
  /** Whether a process has what was begun here: members, and what they have forked since. */
  isOurs(row: StatusRow): boolean;
  /** Why a member is not given the true time back at that end. */
  refuse(pid: number, ending: Ending): TimeskewError | undefined;
  /** For the recovery. */
  readonly settings: { allowBackwardMonotonic?: boolean } & SessionSettings;
}

/** @returns the outcome, and who is left skewed, with the reason */
export async function staySet(
  o: SetStay,
  tally: ToldTally<{ pid: number }>,
  begun: readonly number[],
): Promise<Outcome & { left: readonly TimeskewError[] }> {
  const endings = new Map<number, Ending>();
  const recovery = recoveryOf(o, endings, begun);
  let recovered: ToldTally<RecoverResult>;
  try {
    await followAll(o, begun, async ({ pid, ending }) => {
      endings.set(pid, ending);
      if (ending === "over") await recovery.reach(pid);
    });
  } finally {
    recovered = await recoverRest(o, recovery);
  }
  return concluded(o, tally, endings, recovered);
}

/** Recovers whoever has not been yet, and tells what became of all. */
export async function recoverRest(
  { session, set, command }: Pick<SetStay, "session" | "set" | "command">,
  recovery: Members<RecoverResult>,
): Promise<ToldTally<RecoverResult>> {
  const { ui } = session;
  await ui.working(`recovering ${set.words ?? "them"}`, () => recovery.reachAll());
  const tally = recovery.conclude(({ action }) => action !== "nothing");
  const recovered = told(session, tally, { command });
  if (recovered.results.length > 0) ui.success(recoverSetLines(set, recovered, ui));
  return recovered;
}

/** Until nobody is left to be followed, or an interrupt. */
async function followAll(
  o: SetStay,
  begun: readonly number[],
  ended: (end: Ended) => Promise<void>,
): Promise<void> {
  const { session, engine, interrupts } = o;
  const known = new Set<number>();
  for (let pids = begun; pids.length > 0; ) {
    for (const pid of pids) known.add(pid);
    for await (const end of follow(session, engine, interrupts, { ...o.follow, pids })) await ended(end);
    pids = interrupts.count > 0 ? [] : await runningOf(o, known);
  }
}

/** Those who have taken over from processes that have ended: forks that were not there in the beginning. */
async function runningOf(o: SetStay, known: ReadonlySet<number>): Promise<number[]> {
  const running: number[] = [];
  for (const pid of await o.set.list()) {
    if (known.has(pid)) continue;
    const row = await rowOf(o.engine, pid);
    if (row?.state === "skewed" && o.isOurs(row)) running.push(pid);
  }
  return running;
}

async function rowOf(engine: Engine, pid: number): Promise<StatusRow | undefined> {
  try {
    return (await engine.status({ pids: [pid] })).rows[0];
  } catch {
    return undefined; // it has ended; or nobody may look at it, and then it was not skewed by us
  }
}

/** Gives back to whom it was given: once an end has come, or at the end of all. */
export function recoveryOf(
  { session, engine, interrupts, set, settings, ...o }: Omit<SetStay, "follow">,
  endings: ReadonlyMap<number, Ending>,
  begun: readonly number[],
): Members<RecoverResult> {
  const known = new Set(begun);
  const alive = () => begun.filter((pid) => endings.get(pid) !== "gone");
  const all = {
    ...set,
    list: async () => [...new Set([...alive(), ...(await set.list())])],
    named: new Set<number>(),
  };
  return new Members<RecoverResult>(all, {
    changes: true,
    work: async (pid) => {
      await interrupts.settle();
      const row = await rowOf(engine, pid);
      if (row === undefined || !(o.isOurs(row) || (known.has(pid) && isBroken(row)))) {
        return nothingDone(pid, row?.command ?? "?");
      }
      const refusal = o.refuse(pid, endings.get(pid) ?? (interrupts.count > 0 ? "interrupted" : "over"));
      if (refusal !== undefined) throw refusal;
      return await engine.recover({ pid, ...settings }).catch((thrown) => {
        throw leftSkewed(asTargetError(thrown, pid, true));
      });
    },
    wasNeeded: ({ action }) => action !== "nothing",
    ...gaveUpIn(session),
  });
}

/** What was skewed here, and does not tell any more by which skew. */
function isBroken({ state, skew }: StatusRow): boolean {
  return skew === undefined && (state === "ended" || state === "partial");
}

export function concluded(
  { set }: Pick<SetStay, "set">,
  { targets, results, failures }: ToldTally<{ pid: number }>,
  endings: ReadonlyMap<number, Ending>,
  recovered: ToldTally<RecoverResult>,
): Outcome & { left: readonly TimeskewError[] } {
  const known = new Set(targets.map((entry) => (entry as { pid: number }).pid));
  const entryOf = (pid: number, entry: object, outcome: MemberOutcome<RecoverResult> | undefined) => ({
    ...entry,
    ...(outcome && "error" in outcome && { ok: false, error: errorAsJson(outcome.error) }),
    ending: endings.get(pid) ?? "over",
    recovery: outcome && "result" in outcome ? outcome.result : undefined,
  });
  const entries = targets.map((entry) => {
    const { pid, ok } = entry as { pid: number; ok: boolean };
    return ok ? entryOf(pid, entry, recovered.outcomes.get(pid)) : entry;
  });
  const others = [...recovered.outcomes].filter(([pid]) => !known.has(pid));
  return {
    targets: [...entries, ...others.map(([pid, outcome]) => entryOf(pid, { pid, ok: true }, outcome))],
    error: verdict(results.length + others.length - recovered.failures.length, [
      ...failures,
      ...recovered.failures,
    ]),
    extra: { selection: set.selected, longestPauseNs: longestPause(recovered.results) },
    left: recovered.failures,
  };
}
