/** The true time without a jump: clocks are set on their way to it, waited for, and recovered when they are there. */
import { setTimeout as sleep } from "node:timers/promises";
import type { WholeEngine } from "../engine/engine.ts";
import { asTargetError, isGone } from "../engine/set/failure.ts";
import type { ProcessSet } from "../engine/set/process-set.ts";
import { gliding, hasArrived, nothingDone, recoverAll } from "../engine/set/recover.ts";
import { TimeskewError } from "../errors.ts";
import type { RecoverResult, StatusRow } from "../types.ts";
import type { Missed } from "./failed.ts";
import { patiently } from "./patience.ts";

const NS_PER_MS = 1_000_000n;
/** How often it is looked at the least, and how much later than it should have arrived. */
const LOOK_MS = 1000;
const MARGIN_MS = 5;

type Settings = Omit<Parameters<WholeEngine["recover"]>[0], "pid">;

export interface Glided {
  readonly results: readonly RecoverResult[];
  readonly failures: readonly TimeskewError[];
}

/** Whoever is given another skew on the way is a failure, and keeps that. */
export async function glideAll(
  engine: WholeEngine,
  set: ProcessSet,
  settings: Settings,
  { gaveUp }: Missed,
): Promise<Glided> {
  const since = engine.ticksNow();
  const { ids, work, wasNeeded } = gliding(engine, settings);
  const begun = await recoverAll(engine, set, settings, {
    ...{ wasNeeded, gaveUp },
    work: (pid) => patiently(() => work(pid)),
  });
  const onTheWay = begun.results.filter(({ action }) => action === "gliding").map(({ pid }) => pid);
  const arrivals = await Promise.all(onTheWay.map((pid) => arrival(engine, pid, ids)));
  const there = onTheWay.filter((_, index) => arrivals[index] === undefined);
  const { glide: _, skews: __, ...jump } = settings;
  const forks = async () => (onTheWay.length === 0 ? [] : await engine.carriersSince(ids, since));
  const rest = {
    ...set,
    named: new Set<number>(),
    list: async () => [...new Set([...there, ...(await forks())])],
  };
  const end = await recoverAll(engine, rest, jump, {
    work: async (pid) => {
      try {
        return await patiently(() => engine.recover({ pid, ...jump, skews: ids }));
      } catch (error) {
        if (isGone(error)) return nothingDone(pid, "?");
        throw error;
      }
    },
    gaveUp,
  });
  const ended = new Set([...end.outcomes.keys()]);
  return {
    results: [
      ...begun.results.filter(({ pid }) => !ended.has(pid) && !onTheWay.includes(pid)),
      ...end.results.filter(({ action }) => action !== "nothing"),
    ],
    failures: [...begun.failures, ...arrivals.filter((each) => each !== undefined), ...end.failures],
  };
}

/** @returns why it will not arrive; undefined once it has, or has ended */
async function arrival(
  engine: WholeEngine,
  pid: number,
  ids: ReadonlySet<string>,
): Promise<TimeskewError | undefined> {
  for (;;) {
    const row = await rowOf(engine, pid);
    if (row instanceof TimeskewError) return isGone(row) ? undefined : row;
    if (row.skew !== undefined && !ids.has(row.skew.id)) return takenOver(row);
    if (row.skew === undefined || hasArrived(row)) return undefined;
    const next = row.skew.profile?.next;
    await sleep(Math.min(LOOK_MS, next === undefined ? LOOK_MS : Number(next.in / NS_PER_MS) + MARGIN_MS));
  }
}

async function rowOf(engine: WholeEngine, pid: number): Promise<StatusRow | TimeskewError> {
  try {
    return (await engine.status({ pids: [pid] })).rows[0]!;
  } catch (thrown) {
    return asTargetError(thrown, pid, false);
  }
}

function takenOver({ pid, command }: StatusRow): TimeskewError {
  return new TimeskewError("E_FAILED", `pid ${pid} (${command}) was given another skew meanwhile`, {
    pid,
    targetState: "skewed",
    hint: "recover() takes that away",
  });
}
