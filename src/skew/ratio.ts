/**
 * Rates and drifts as exact fractions: 1.000001 is 1000001/1000000, so that a year later the offset is exact.
 */
import { TimeskewError } from "../errors.ts";
import type { Slope } from "./profile.ts";

/**
 * So many decimals keep every fraction that comes of a rate and a drift within an int64 (999 × 10^15 < 2^63). The last
 * of them is one nanosecond in twelve days.
 */
const MAX_DECIMALS = 15;
const DENOMINATOR = 10n ** BigInt(MAX_DECIMALS);
const MAX_LENGTH = 60;

export const STILL: Slope = { num: 0n, den: 1n };
export const TRUE_RATE: Slope = { num: 1n, den: 1n };
export const LEAST_RATE: Slope = { num: 1n, den: 1000n };
const GREATEST_RATE: Slope = { num: 1000n, den: 1n };
const GREATEST_DRIFT: Slope = { num: 1n, den: 10n };

/** As the number of decimals that each unit moves the point by. */
const DRIFT_UNITS = { "%": 2, ppm: 6, ppb: 9 } as const;
type DriftUnit = keyof typeof DRIFT_UNITS;

/**
 * How fast a clock runs: a decimal number, 0.001 … 1000.
 *
 * @throws TimeskewError E_USAGE, E_RANGE
 */
export function parseRate(text: string): Slope {
  const rate = readDecimal(text.trim(), 0);
  if (rate === undefined) throw notARate(text);
  if (rate === "fine") throw tooFine("--rate", text);
  if (rate.num === 0n) {
    throw refusal("E_RANGE", `--rate ${shorten(text)}: the clock would stand still`, "--freeze does that");
  }
  if (rate.num < 0n) {
    throw refusal(
      "E_RANGE",
      `--rate ${shorten(text)}: the clock would run backwards`,
      "no clock does; to send it back now and then, use --strobe, or describe its course with --keyframes",
    );
  }
  if (!isRate(rate)) {
    throw refusal(
      "E_RANGE",
      `--rate ${shorten(text)} is out of range`,
      "it goes from 0.001 to 1000, and 1 is true",
    );
  }
  return rate;
}

/**
 * How much faster than true a clock runs: `200ppm`, `-50ppm`, `1.5ppm`, `20ppb`, `0.1%`; at the most 100000ppm.
 *
 * @throws TimeskewError E_USAGE, E_RANGE
 */
export function parseDrift(text: string): Slope {
  const [, number = "", unit = ""] = /^([+-]?[0-9.]*)(.*)$/s.exec(text.trim()) ?? [];
  if (unit === "" && readDecimal(number, 0) !== undefined) {
    throw refusal("E_USAGE", `--drift ${shorten(text)} has no unit`, `did you mean ${shorten(number)}ppm?`);
  }
  const drift = isDriftUnit(unit) ? readDecimal(number, DRIFT_UNITS[unit]) : undefined;
  if (drift === undefined) throw notADrift(text, number, unit);
  if (drift === "fine") throw tooFine("--drift", text);
  if (compare(absolute(drift), GREATEST_DRIFT) > 0) {
    const rate = addSlopes(drift, TRUE_RATE);
    const more = isRate(rate) ? `--rate ${formatRate(rate)}` : "--rate";
    throw refusal(
      "E_RANGE",
      `--drift ${shorten(text)} is out of range`,
      `it goes from -100000ppm to 100000ppm; for more there is ${more}`,
    );
  }
  return drift;
}

/** The sum, in lowest terms. */
export function addSlopes(a: Slope, b: Slope): Slope {
  return reduce(a.num * b.den + b.num * a.den, a.den * b.den);
}

/** The sign of a − b. */
export function compare(a: Slope, b: Slope): number {
  const difference = a.num * b.den - b.num * a.den;
  return difference < 0n ? -1 : Number(difference > 0n);
}

/** As parseRate reads it. */
export function formatRate(rate: Slope): string {
  return formatDecimal((rate.num * DENOMINATOR) / rate.den, MAX_DECIMALS);
}

/** As parseDrift reads it, in ppm. */
export function formatDrift(drift: Slope): string {
  return `${formatDecimal((drift.num * DENOMINATOR) / drift.den, MAX_DECIMALS - DRIFT_UNITS.ppm)}ppm`;
}

/** A decimal number times 10^-shift; undefined if it is none, "fine" if it has too many decimals. */
function readDecimal(text: string, shift: number): Slope | "fine" | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const [match, sign, whole = "", fraction = ""] = /^([+-]?)([0-9]*)\.?([0-9]*)$/.exec(text) ?? [];
  if (match === undefined || whole + fraction === "") return undefined;
  const decimals = fraction.replace(/0+$/, "");
  const magnitude = BigInt(whole + decimals || "0");
  const value = reduce(sign === "-" ? -magnitude : magnitude, 10n ** BigInt(decimals.length + shift));
  return DENOMINATOR % value.den === 0n ? value : "fine";
}

function reduce(num: bigint, den: bigint): Slope {
  let [a, b] = [num < 0n ? -num : num, den];
  while (b !== 0n) [a, b] = [b, a % b];
  return { num: num / a, den: den / a };
}

function isRate(rate: Slope): boolean {
  return compare(rate, LEAST_RATE) >= 0 && compare(rate, GREATEST_RATE) <= 0;
}

function absolute({ num, den }: Slope): Slope {
  return { num: num < 0n ? -num : num, den };
}

function formatDecimal(scaled: bigint, decimals: number): string {
  const digits = String(scaled < 0n ? -scaled : scaled).padStart(decimals + 1, "0");
  const fraction = digits.slice(-decimals).replace(/0+$/, "");
  const whole = digits.slice(0, -decimals);
  return `${scaled < 0n ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

function isDriftUnit(unit: string): unit is DriftUnit {
  return Object.hasOwn(DRIFT_UNITS, unit);
}

function notARate(text: string): TimeskewError {
  const hint = meantRate(text.trim()) ?? "write a decimal number: 2 is twice as fast, 0.5 half as fast";
  return refusal("E_USAGE", `--rate ${shorten(text)}: not a number`, hint);
}

/** What people write for a rate. */
function meantRate(text: string): string | undefined {
  const [, number = "", unit] = /^([0-9.]+) ?(x|%|,[0-9]+|ppm|ppb)$/i.exec(text) ?? [];
  const value = readDecimal(number, unit === "%" ? 2 : 0);
  if (unit === undefined || value === undefined || value === "fine") return undefined;
  if (/^pp/i.test(unit)) return `did you mean --drift ${number}${unit.toLowerCase()}?`;
  return `did you mean ${unit.startsWith(",") ? text.replace(",", ".") : formatRate(value)}?`;
}

function notADrift(text: string, number: string, unit: string): TimeskewError {
  const known = unit.trim().toLowerCase();
  const hint =
    readDecimal(number, 0) !== undefined && isDriftUnit(known)
      ? `did you mean ${number}${known}?`
      : "write a number with ppm, ppb or %, for example 200ppm or -50ppm";
  return refusal("E_USAGE", `--drift ${shorten(text)}: not a drift`, hint);
}

function tooFine(flag: string, text: string): TimeskewError {
  return refusal(
    "E_RANGE",
    `${flag} ${shorten(text)} is finer than a part in 10^${MAX_DECIMALS}`,
    "leave decimals out; nothing is rounded",
  );
}

function refusal(code: "E_USAGE" | "E_RANGE", message: string, hint: string): TimeskewError {
  return new TimeskewError(code, message, { hint });
}

/** As it is, where that is readable. */
function shorten(text: string): string {
  const short = text.length > MAX_LENGTH ? `${text.slice(0, 40)}…` : text;
  return /^[!-~]+$/.test(short) ? short : JSON.stringify(short);
}
