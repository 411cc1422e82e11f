/** `recover()`: the true time, for whoever is meant. */
import type { WholeEngine } from "../engine/engine.ts";
import { type ProcessSet, processSet } from "../engine/set/process-set.ts";
import { recoverAll } from "../engine/set/recover.ts";
import { skewedSet } from "../engine/set/skewed.ts";
import { formatDuration, parseDuration } from "../skew/duration.ts";
import type { RecoverResult, RecoverSettings, SessionSettings } from "../types.ts";
import { failed, Missed } from "./failed.ts";
import { glideAll } from "./glide.ts";
import { patiently } from "./patience.ts";
import { type Duration, duration, each, flag, readStop, type StopSettings } from "./settings.ts";
import { type Aim, readAim, SELECTOR_KEYS, type SkewedTargets } from "./targets.ts";
import { guarded, startedHere } from "./threads.ts";
import { checkKeys, type Passed, usageError } from "./values.ts";

/** How the true time is given back. */
export interface RecoverySettings extends StopSettings {
  /** Permit that CLOCK_MONOTONIC or CLOCK_BOOTTIME goes back to the true time: no kernel does that. */
  readonly allowBackwardMonotonic?: boolean | undefined;
  /**
   * Do not jump: let the clock gain or lose until it is right, in so long (true: twice the present offset). The call
   * resolves when that is over.
   */
  readonly glide?: Duration | true | undefined;
}

/** Who is given the true time back, and how. */
export type RecoverOptions = SkewedTargets & RecoverySettings;

export const RECOVERY_KEYS = ["allowBackwardMonotonic", "glide", "stopTimeoutMs"] as const;

/** @throws TimeskewError */
export async function recoverBy(whole: WholeEngine, o: RecoverOptions): Promise<readonly RecoverResult[]> {
  const passed = checkKeys(o, [...SELECTOR_KEYS, "skew", "all", ...RECOVERY_KEYS], "recover()");
  const aim = readAim(passed);
  if (aim === undefined) {
    throw usageError("pid is missing: which process?", "for example { pid: 1234 }, or { all: true }");
  }
  const settings = readRecovery(passed);
  const engine = guarded(whole, startedHere(passed));
  const set = await setOf(engine, aim);
  return await recoverSet(engine, set, settings);
}

/** @throws TimeskewError E_USAGE */
export function readRecovery(passed: Passed): RecoverSettings & SessionSettings {
  return {
    ...each(passed, ["allowBackwardMonotonic"], flag),
    ...each(passed, ["glide"], readGlide),
    ...readStop(passed),
  };
}

function readGlide(key: string, given: unknown): bigint | true {
  if (given === true) return given;
  const wanted = duration(key, given);
  const over = typeof wanted === "bigint" ? wanted : parseDuration(wanted);
  if (over > 0n) return over;
  throw usageError(
    `${key}: ${formatDuration(over)} is out of range`,
    "a glide takes time, for example '10m'",
  );
}

/** @throws TimeskewError of one, or of several */
export async function recoverSet(
  engine: WholeEngine,
  set: ProcessSet,
  { glide, ...settings }: RecoverSettings & SessionSettings,
  skews?: ReadonlySet<string>,
): Promise<readonly RecoverResult[]> {
  const missed = new Missed();
  const all = { ...settings, ...(skews && { skews }) };
  const tally =
    glide === undefined
      ? await recoverAll(engine, set, all, {
          work: (pid) => patiently(() => engine.recover({ pid, ...all })),
          gaveUp: missed.gaveUp,
        })
      : await glideAll(engine, set, { ...all, glide }, missed);
  const error = failed(tally.results.length, missed.failuresOf(tally));
  if (error !== undefined) throw error;
  return tally.results;
}

async function setOf(engine: WholeEngine, aim: Aim): Promise<ProcessSet> {
  if (aim.kind !== "selected") {
    return skewedSet(engine, await engine.status(), aim.kind === "skew" ? aim.ids : undefined).set;
  }
  return await processSet(engine, aim.selectors);
}
