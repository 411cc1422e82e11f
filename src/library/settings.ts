/** What a clock shall do, as a program says it: from the settings of a call to those of the engine. */
import type { ClockName } from "../skew/clock.ts";
import { framesOf, parseKeyframes } from "../skew/keyframes.ts";
import type { Frame } from "../skew/profile.ts";
import type { SessionSettings, SkewSettings } from "../types.ts";
import { type AtLeastOne, type OneOrMore, type Passed, usageError } from "./values.ts";

/**
 * A length of time: "-10m", "1h30m", "1.5s", "-10m100ns" (units: ns us µs ms s m h d), or a bigint of nanoseconds. A plain
 * number has no unit, and is refused.
 */
export type Duration = string | bigint;

/** A point in time: a Date, "2038-01-19T03:14:00Z", "@2147483640" (seconds since 1970), or a local time without a zone. */
export type Instant = string | Date;

/** A key frame: so long after the beginning the clock is off by so much. */
export type Keyframe =
  | readonly [elapsed: Duration, offset: Duration]
  | { readonly elapsed: Duration; readonly offset: Duration };

type ShortName<Name extends string> = Name extends `CLOCK_${infer Rest}` ? Lowercase<Rest> : never;

/** The clocks of clock_gettime(2): "CLOCK_MONOTONIC", or "monotonic". */
export type Clock = ClockName | ShortName<ClockName>;

/** What can be said about a clock; each is the command line's flag of that name. */
export interface Verbs {
  /** Move it by this: back if negative. */
  readonly offset?: Duration | undefined;
  /** Begin at this date. */
  readonly at?: Instant | undefined;
  /** Let it stand still. */
  readonly freeze?: boolean | undefined;
  /** Let it run at this rate: 2 is twice as fast. 0.001 … 1000. */
  readonly rate?: number | string | undefined;
  /** Let it gain or lose: "200ppm", "-50ppm", "20ppb", "0.1%". */
  readonly drift?: string | undefined;
  /** Glide to this offset in `over`, and hold it. */
  readonly slew?: Duration | undefined;
  /** How long `slew` takes. */
  readonly over?: Duration | undefined;
  /** Follow these key frames, linear in between, two at one time being a step; or the text of a CSV or JSON file of them. */
  readonly keyframes?: readonly Keyframe[] | string | undefined;
  /** Begin anew when the last key frame is reached. */
  readonly repeat?: boolean | undefined;
  /** Forth by this for one `period`, back for one, and so on. */
  readonly strobe?: Duration | undefined;
  /** How long `strobe` stays on either side. */
  readonly period?: Duration | undefined;
  /** Add a random offset of at most this, in either direction. */
  readonly jitter?: Duration | undefined;
  /** How often `jitter` draws another one. Default: "1s". */
  readonly jitterEvery?: Duration | undefined;
  /** Glide from one random offset to the next. */
  readonly jitterGlide?: boolean | undefined;
  /** 0 … 2^64 − 1; the same seed draws the same again. Default: a random one, which the result names. */
  readonly seed?: bigint | number | string | undefined;
  /** A leap second: "insert" has 23:59:59 come twice, "delete" leaves it out. */
  readonly leap?: "insert" | "delete" | undefined;
  /** The midnight (UTC) after the leap second, by the target's clock. Default: the next. */
  readonly leapAt?: Instant | undefined;
  /** Spread the leap second over this, its middle at `leapAt`. */
  readonly smear?: Duration | undefined;
  /** End by itself after this, in the target: then it reads the true time, whatever has become of this program. */
  readonly duration?: Duration | undefined;
  /** Begin again each time that this has passed since the last beginning. */
  readonly every?: Duration | undefined;
  /** Begin so much later. */
  readonly startIn?: Duration | undefined;
}

/** At least one of the verbs that move a clock. */
export type SomeVerb = AtLeastOne<Verbs, MovingVerb, "offset">;

type MovingVerb =
  | ("offset" | "at" | "freeze" | "rate" | "drift" | "slew")
  | ("keyframes" | "strobe" | "jitter" | "leap");

/** Which clocks, and what may happen to them. */
export interface ClockSettings {
  /**
   * Which clocks. Default: "CLOCK_REALTIME". With CLOCK_REALTIME and CLOCK_MONOTONIC come the clocks and functions that
   * belong to them: the coarse ones, CLOCK_TAI, gettimeofday(), time().
   */
  readonly clocks?: OneOrMore<Clock> | undefined;
  /** Only the clocks named, without what belongs to them. */
  readonly exact?: boolean | undefined;
  /** Permit that CLOCK_MONOTONIC or CLOCK_BOOTTIME goes back, now or when it is recovered: no kernel does that. */
  readonly allowBackwardMonotonic?: boolean | undefined;
}

/** How a process is stopped. */
export interface StopSettings {
  /** How long to wait for every thread of a process to stop, in ms: 1 … 600000, default 1000. */
  readonly stopTimeoutMs?: number | undefined;
}

const DURATIONS = [
  ...(["offset", "slew", "over", "strobe", "period", "jitter", "jitterEvery"] as const),
  ...(["smear", "duration", "every", "startIn"] as const),
];
const FLAGS = ["freeze", "repeat", "jitterGlide"] as const;
const CLOCK_FLAGS = ["exact", "allowBackwardMonotonic"] as const;
const INSTANTS = ["at", "leapAt"] as const;

export const CLOCK_KEYS: readonly string[] = ["clocks", ...CLOCK_FLAGS];
export const VERB_KEYS: readonly string[] = [
  ...[...DURATIONS, ...FLAGS, ...INSTANTS],
  ...["rate", "drift", "keyframes", "seed", "leap"],
];

/**
 * The types are looked at here, the values by the engine.
 *
 * @throws TimeskewError E_USAGE, E_DURATION
 */
export function readSkew(o: Passed): SkewSettings {
  const all = {
    ...each(o, DURATIONS, duration),
    ...each(o, FLAGS, flag),
    ...each(o, INSTANTS, instant),
    ...each(o, ["drift", "leap"], text),
    ...each(o, ["rate"], numberOrText),
    ...each(o, ["seed"], (key, given) => (typeof given === "bigint" ? given : numberOrText(key, given))),
    ...each(o, ["keyframes"], keyframes),
  };
  if (!VERB_KEYS.some((key) => o[key] !== undefined)) {
    throw usageError(
      "offset is missing: how far is the clock to be moved?",
      "offset: '-10m' moves it ten minutes into the past, offset: '1h30m' into the future",
    );
  }
  return {
    ...all,
    ...each(o, CLOCK_FLAGS, flag),
    ...each(o, ["clocks"], clocks),
    ...each(o, ["waits"], flag),
  };
}

/** @throws TimeskewError E_USAGE */
export function readStop({ stopTimeoutMs }: Passed): SessionSettings {
  if (stopTimeoutMs === undefined) return {};
  if (typeof stopTimeoutMs === "number" && stopTimeoutMs >= 1 && stopTimeoutMs <= 600_000) {
    return { stopTimeoutMs };
  }
  throw usageError(
    `stopTimeoutMs: ${String(stopTimeoutMs)} is out of range`,
    "it goes from 1 to 600000 ms; a healthy target stops within a few milliseconds",
  );
}

/** The keys that are there, each read. */
export function each<K extends string, T>(
  o: Passed,
  keys: readonly K[],
  read: (key: K, given: unknown) => T,
): { [P in K]?: T } {
  const found = keys.flatMap((key) => (o[key] === undefined ? [] : [[key, read(key, o[key])] as const]));
  return Object.fromEntries(found) as { [P in K]?: T };
}

export function duration(key: string, given: unknown): Duration {
  if (typeof given === "string" || typeof given === "bigint") return given;
  const hint =
    typeof given === "number" && Number.isFinite(given)
      ? `a number has no unit; did you mean "${given}s"?`
      : "for example '-10m', or ns as a bigint";
  throw usageError(`${key}: not a duration: ${String(given)}`, hint);
}

export function flag(key: string, given: unknown): boolean {
  if (typeof given === "boolean") return given;
  throw usageError(`${key} is neither true nor false`, `${key}: true`);
}

function text(key: string, given: unknown): string {
  if (typeof given === "string") return given;
  throw usageError(`${key}: ${String(given)} is not a text`, "see its documentation for examples");
}

function numberOrText(key: string, given: unknown): string {
  return typeof given === "number" ? decimal(key, given) : text(key, given);
}

/** Without an exponent, which the texts do not have. */
function decimal(key: string, given: number): string {
  const written = String(given);
  if (/^-?[0-9.]+$/.test(written)) return written;
  throw usageError(`${key}: ${written} cannot be written out exactly`, "give it as a text");
}

function instant(key: string, given: unknown): string {
  if (!(given instanceof Date)) return text(key, given);
  if (!Number.isNaN(given.getTime())) return given.toISOString();
  throw usageError(`${key} is an invalid Date`, "for example new Date('2038-01-19T03:14:00Z')");
}

function clocks(key: string, given: unknown): readonly string[] {
  return (Array.isArray(given) ? given : [given]).map((name) => text(key, name));
}

/** @throws TimeskewError E_USAGE */
function keyframes(key: string, given: unknown): readonly Frame[] {
  if (typeof given === "string") return parseKeyframes(given, key);
  if (Array.isArray(given)) return framesOf(given, key);
  throw usageError(`${key}: neither a list nor a text`, "for example [['0s', '0s'], ['1m', '250ms']]");
}
