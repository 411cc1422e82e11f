/** The true time back, for a set of processes. */
import type { RecoverResult, RecoverSettings, SessionSettings, StatusRow } from "../../types.ts";
import type { Engine } from "../engine.ts";
import { Members, type SetTally, type Work } from "./members.ts";
import type { ProcessSet } from "./process-set.ts";

/** Gives all of them the true time back, and whoever they fork meanwhile. */
export async function recoverAll(
  engine: Pick<Engine, "recover">,
  set: ProcessSet,
  settings: RecoverSettings & SessionSettings,
  how: Partial<Omit<Work<RecoverResult>, "changes">> = {},
): Promise<SetTally<RecoverResult>> {
  const members = new Members<RecoverResult>(set, {
    changes: true,
    work: (pid) => engine.recover({ pid, ...settings }),
    wasNeeded: ({ action }) => action !== "nothing",
    ...how,
  });
  await members.reachAll();
  return members.conclude();
}

/** Nothing had to be done. */
export function nothingDone(pid: number, command: string): RecoverResult {
  return {
    pid,
    command,
    state: "unskewed",
    action: "nothing",
    skew: undefined,
    pauseNs: 0n,
    threads: 0,
    asleepThreads: 0,
    lingeringThreads: 0,
    waitingThreads: 0,
  };
}

export interface Gliding extends Required<Pick<Work<RecoverResult>, "work" | "wasNeeded">> {
  /** Of the skews that lead to the true time, so far. */
  readonly ids: ReadonlySet<string>;
}

/** Has the members of a set begin to glide. Who glides may fork as fast as he likes: his children glide, too. */
export function gliding(
  engine: Pick<Engine, "recover" | "status">,
  settings: Omit<Parameters<Engine["recover"]>[0], "pid">,
): Gliding {
  const ids = new Set<string>();
  const inherited = new Set<number>();
  return {
    ids,
    work: async (pid) => {
      const [row] = ids.size > 0 ? (await engine.status({ pids: [pid] })).rows : [];
      if (row?.skew !== undefined && ids.has(row.skew.id)) {
        inherited.add(pid);
        return glidesAlready(row);
      }
      const result = await engine.recover({ pid, ...settings });
      if (result.action === "gliding" && result.skew !== undefined) ids.add(result.skew.id);
      return result;
    },
    wasNeeded: ({ pid, action }) => action !== "nothing" && !inherited.has(pid),
  };
}

function glidesAlready({ pid, command, skew }: StatusRow): RecoverResult {
  return { ...nothingDone(pid, command), state: "skewed", action: "gliding", skew };
}

/** Whether a clock on its way to the true time has arrived: it neither is off nor will be. */
export function hasArrived({ state, skew }: StatusRow): boolean {
  if (state === "ended") return true;
  return skew?.offset === 0n && skew.profile?.next === undefined;
}
