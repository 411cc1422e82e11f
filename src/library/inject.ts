/** `inject()`: a wrong clock, for whoever is meant. */
import type { WholeEngine } from "../engine/engine.ts";
import { internalError } from "../engine/set/failure.ts";
import { processSet } from "../engine/set/process-set.ts";
import { TimeskewError } from "../errors.ts";
import { failed } from "./failed.ts";
import { type Injection, SkewOfSet } from "./injection.ts";
import {
  CLOCK_KEYS,
  type ClockSettings,
  readSkew,
  readStop,
  type SomeVerb,
  type StopSettings,
  VERB_KEYS,
} from "./settings.ts";
import { readTargets, SELECTOR_KEYS, type Targets } from "./targets.ts";
import { guarded, startedHere } from "./threads.ts";
import { checkKeys, type Passed, usageError } from "./values.ts";

/** What concerns the injection as a whole. */
export interface InjectionSettings {
  /** Translate the deadlines and waits of the processes, so that they last as long as their own clock says. Default: true. */
  readonly waits?: boolean | undefined;
  /**
   * Of several processes of which some cannot be skewed: "recover" gives the others their time back, and rejects; "keep"
   * resolves, and `Injection.failures` has the reasons. Default: "recover".
   */
  readonly partial?: "recover" | "keep" | undefined;
}

/** Who is to have a wrong clock, and which. */
export type InjectOptions = Targets & SomeVerb & ClockSettings & InjectionSettings & StopSettings;

const KEYS = [...SELECTOR_KEYS, ...VERB_KEYS, ...CLOCK_KEYS, "waits", "partial", "stopTimeoutMs"];

/** @throws TimeskewError */
export async function injectBy(whole: WholeEngine, o: InjectOptions): Promise<Injection> {
  const passed = checkKeys(o, KEYS, "inject()");
  const selectors = readTargets(passed);
  const [skew, session, partial] = [readSkew(passed), readStop(passed), readPartial(passed)];
  const engine = guarded(whole, startedHere(passed));
  const since = engine.ticksNow();
  const set = await processSet(engine, selectors);
  const injection = new SkewOfSet(engine, { set, skew, session, since });
  const failures = await injection.begin().catch((thrown) => undoAll(injection, thrown));
  if (failures.length === 0) return injection;
  if (partial === "keep" && injection.targets.length > 0) return injection;
  throw await undone(injection, failures);
}

function readPartial({ partial = "recover" }: Passed): "recover" | "keep" {
  if (partial === "recover" || partial === "keep") return partial;
  throw usageError(`partial: ${String(partial)} is neither "recover" nor "keep"`, 'the default is "recover"');
}

/** What went wrong concerns the call as a whole. @throws it, when what was done is taken back */
async function undoAll(injection: SkewOfSet, thrown: unknown): Promise<never> {
  const error = thrown instanceof TimeskewError ? thrown : internalError(thrown);
  try {
    await injection.giveBack();
  } catch (left) {
    throw failed(injection.targets.length, [error, ...failuresIn(left)]);
  }
  throw error;
}

/** Takes back what was done to the others. @returns the error to reject with */
async function undone(
  injection: SkewOfSet,
  failures: readonly TimeskewError[],
): Promise<TimeskewError | undefined> {
  const { length } = injection.targets;
  try {
    const recovered = new Set((await injection.giveBack()).map(({ pid }) => pid));
    const isBack = ({ pid }: TimeskewError) => pid !== undefined && recovered.has(pid);
    return failed(
      length,
      failures.map((each) => (isBack(each) ? restored(each) : each)),
      recovered.size > 0,
    );
  } catch (left) {
    return failed(length, [...failures, ...failuresIn(left)]);
  }
}

function failuresIn(thrown: unknown): readonly TimeskewError[] {
  const error = thrown instanceof TimeskewError ? thrown : internalError(thrown);
  return error.failures.length > 0 ? error.failures : [error];
}

/** What was left changed is not any more. */
function restored(error: TimeskewError): TimeskewError {
  const { code, message, hint, pid } = error;
  return new TimeskewError(code === "E_CHANGED" ? "E_FAILED" : code, message, {
    ...(hint !== undefined && { hint }),
    ...(pid !== undefined && { pid }),
    targetState: "restored",
    cause: error,
  });
}
