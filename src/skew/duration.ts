/**
 * Durations as Go and Chaos Mesh write them ("-10m100ns", "1h30m", "-1.5h"), exact to the nanosecond.
 *
 * The grammar is that of Go's time.ParseDuration with the unit `d` (24 h) added. Nothing is rounded, though:
 * an offset is what was typed or an error, while Go reads 0.3333333333333333333h as 20m.
 */
import { TimeskewError } from "../errors.ts";

const NANOSECONDS = {
  ns: 1n,
  us: 1_000n,
  /** U+00B5, the micro sign. */
  "\u00b5s": 1_000n,
  /** U+03BC, the Greek letter. */
  "\u03bcs": 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
} as const;

type Unit = keyof typeof NANOSECONDS;

/** What people write for a unit, and how many of which unit that is. */
const MISTAKEN_UNITS: readonly (readonly [written: RegExp, unit: Unit, factor: bigint])[] = [
  [/^(?:ns?|nsecs?|nano(?:second)?s?)$/i, "ns", 1n],
  [/^(?:[u\u00b5\u03bc]s?|usecs?|micro(?:second)?s?)$/i, "us", 1n],
  [/^(?:ms|msecs?|milli(?:second)?s?)$/i, "ms", 1n],
  [/^(?:s|secs?|seconds?)$/i, "s", 1n],
  [/^(?:m|mins?|minutes?)$/i, "m", 1n],
  [/^(?:h|hrs?|hours?)$/i, "h", 1n],
  [/^(?:d|days?)$/i, "d", 1n],
  [/^(?:w|wks?|weeks?)$/i, "d", 7n],
];

/** What an int64 of nanoseconds holds, as in Go and in the kernel: about ±292 years. */
const MIN_NS = -(2n ** 63n);
const MAX_NS = 2n ** 63n - 1n;

/** Longer than any duration with a meaning, and short enough that nothing below takes long. */
const MAX_LENGTH = 200;

const UNITS = "ns, us, µs, ms, s, m, h, d";
const EXAMPLES = "write a number and a unit, like -10m, 1h30m or 1.5s";

/**
 * Parses a duration to nanoseconds.
 *
 * @throws TimeskewError E_DURATION, with the likely correction as its hint
 */
export function parseDuration(text: string): bigint {
  if (text.length > MAX_LENGTH) {
    throw refusal(`${text.slice(0, 20)}…`, `is longer than ${MAX_LENGTH} characters`);
  }
  const [, sign = "", magnitude = ""] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (magnitude === "") throw refusal(text, text === "" ? "is empty" : "has no number", EXAMPLES);
  if (magnitude === "0") return 0n;
  if (isNumber(magnitude)) throw refusal(text, "has no unit", `did you mean ${text}s?`);

  let total = 0n;
  for (const part of parts(text, sign, magnitude)) {
    const nanoseconds = unitOf(part.unit);
    if (nanoseconds === undefined) throw unknownUnit(text, part);
    total += scale(text, part, nanoseconds);
  }
  const signed = sign === "-" ? -total : total;
  if (signed < MIN_NS || signed > MAX_NS) {
    throw refusal(
      text,
      "is out of range",
      `the limits are ${formatDuration(MIN_NS)} and ${formatDuration(MAX_NS)}`,
    );
  }
  return signed;
}

/**
 * Writes nanoseconds so that `parseDuration` reads the same number: hours and minutes as whole numbers, then
 * what is left in the largest unit that it fills, with a fraction. "h" is the largest unit, so that Go reads
 * it as well.
 */
export function formatDuration(ns: bigint): string {
  if (ns === 0n) return "0s";
  let rest = ns < 0n ? -ns : ns;
  let text = ns < 0n ? "-" : "";
  for (const unit of ["h", "m"] as const) {
    const count = rest / NANOSECONDS[unit];
    if (count > 0n) text += `${count}${unit}`;
    rest %= NANOSECONDS[unit];
  }
  const unit = (["s", "ms", "us", "ns"] as const).find((each) => rest >= NANOSECONDS[each]);
  return unit === undefined ? text : `${text}${decimal(rest, NANOSECONDS[unit])}${unit}`;
}

interface Part {
  number: string;
  unit: string;
  /** Of the number's first character, in the whole text. */
  at: number;
}

/** The numbers with their units, in order; everything of the text is part of one. */
function parts(text: string, sign: string, magnitude: string): Part[] {
  const found: Part[] = [];
  const part = /([0-9]*\.?[0-9]*)([^0-9.]*)/y;
  while (part.lastIndex < magnitude.length) {
    const at = sign.length + part.lastIndex;
    const [, number = "", unit = ""] = part.exec(magnitude) ?? [];
    if (!isNumber(number)) {
      throw refusal(text, `has no number at ${JSON.stringify(text.slice(at))}`, EXAMPLES);
    }
    if (unit === "") throw refusal(text, `has no unit after ${number}`, `the units are ${UNITS}`);
    if (unit.trim() !== unit) {
      throw refusal(text, "contains a space", withoutSpaces(text));
    }
    found.push({ number, unit, at });
  }
  return found;
}

/** "10 min" is meant to be 10m: both mistakes are mended at once. */
function withoutSpaces(text: string): string {
  const joined = text.replace(/\s+/g, "");
  try {
    parseDuration(joined);
    return `did you mean ${joined}?`;
  } catch (error) {
    return (error as TimeskewError).hint ?? EXAMPLES;
  }
}

/** Digits with at most one point among them; "5." and ".5" count, as in Go. */
function isNumber(text: string): boolean {
  return /^(?:[0-9]+\.?[0-9]*|\.[0-9]+)$/.test(text);
}

function unitOf(unit: string): bigint | undefined {
  // Own properties only: "constructor" is no unit.
  return Object.hasOwn(NANOSECONDS, unit) ? NANOSECONDS[unit as Unit] : undefined;
}

/** The number times the unit. @throws TimeskewError E_DURATION if that is no whole number of nanoseconds */
function scale(text: string, { number, unit }: Part, nanoseconds: bigint): bigint {
  const [whole = "", fraction = ""] = number.split(".");
  const divisor = 10n ** BigInt(fraction.length);
  const product = BigInt(whole + fraction) * nanoseconds;
  if (product % divisor !== 0n) {
    throw refusal(
      text,
      `is finer than a nanosecond: ${number}${unit}`,
      "write a multiple of 1ns; nothing is rounded",
    );
  }
  return product / divisor;
}

/** A quotient of nanoseconds as a decimal number without trailing zeros. */
function decimal(ns: bigint, unit: bigint): string {
  const fraction = String(unit + (ns % unit))
    .slice(1)
    .replace(/0+$/, "");
  return `${ns / unit}${fraction === "" ? "" : `.${fraction}`}`;
}

function unknownUnit(text: string, { number, unit, at }: Part): TimeskewError {
  const [, meant, factor = 1n] = MISTAKEN_UNITS.find(([written]) => written.test(unit)) ?? [];
  let hint = `the units are ${UNITS}`;
  if (meant !== undefined && (factor === 1n || /^[0-9]+$/.test(number))) {
    const corrected = `${factor === 1n ? number : BigInt(number) * factor}${meant}`;
    hint = `did you mean ${text.slice(0, at)}${corrected}${text.slice(at + number.length + unit.length)}?`;
  }
  return refusal(text, `has an unknown unit ${JSON.stringify(unit)}`, hint);
}

function refusal(text: string, problem: string, hint?: string): TimeskewError {
  return new TimeskewError(
    "E_DURATION",
    `duration ${JSON.stringify(text)} ${problem}`,
    hint === undefined ? {} : { hint },
  );
}
