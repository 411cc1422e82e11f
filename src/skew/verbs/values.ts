/** Single values of the vocabulary, each with its limits. */
import { TimeskewError } from "../../errors.ts";
import { formatDuration, parseDuration } from "../duration.ts";
import { parseInstant } from "../instant.ts";
import { MAX_OFFSET } from "../profile.ts";

export const SECOND = 1_000_000_000n;
/** Of states that last less, a program reads noise, and a timed wait would have to look at thousands. */
export const SHORTEST = 1_000n;

export function optional<T, R>(value: T | undefined, read: (value: T) => R): R | undefined {
  return value === undefined ? undefined : read(value);
}

/** ns that an int64 holds. */
export function span(flag: string, value: string | bigint): bigint {
  if (typeof value === "bigint") {
    if (BigInt.asIntN(64, value) === value) return value;
    throw new TimeskewError("E_DURATION", `${flag} ${value}: more ns than 64 bits hold`);
  }
  return naming(flag, () => parseDuration(value));
}

/** An offset that a key frame holds. */
export function bounded(flag: string, value: string | bigint): bigint {
  const ns = span(flag, value);
  if (ns > -MAX_OFFSET && ns < MAX_OFFSET) return ns;
  throw outOfRange(`${flag} is out of range`, "it is limited to 146 years");
}

/** A length of time, of ns, from `least` to less than `end`. */
export function lasting(flag: string, value: string | bigint, least: bigint, end = MAX_OFFSET): bigint {
  const ns = span(flag, value);
  if (ns < 0n) throw outOfRange(`${flag} is never negative`, "leave the minus out");
  if (ns < least) throw outOfRange(`${flag} is too short`, `the least is ${formatDuration(least)}`);
  if (ns >= end)
    throw outOfRange(`${flag} is too long`, `the limit is ${end === MAX_OFFSET ? 146 : 73} years`);
  return ns;
}

export function instant(flag: string, text: string): bigint {
  return naming(flag, () => parseInstant(text));
}

/** Puts the flag in front of a refusal. */
function naming<T>(flag: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TimeskewError)) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    throw new TimeskewError(error.code, `${flag}: ${error.message}`, { ...hint, cause: error });
  }
}

export function outOfRange(message: string, hint: string): TimeskewError {
  return new TimeskewError("E_RANGE", message, { hint });
}

export function notUsable(message: string, hint: string): TimeskewError {
  return new TimeskewError("E_USAGE", message, { hint });
}
