/**
 * Points in time as they are typed, to the nanosecond: RFC 3339 (`2038-01-19T03:14:00Z`, any offset, a fraction),
 * `2038-01-19 03:14:00` or `2038-01-19` in the local zone, `@2147483640.5` since 1970. Seconds may be left out.
 *
 * A date with a T needs its zone: whoever copied it from a log had one in mind. A local time that a change to or from
 * summer time leaves out, or has twice, is refused, not guessed.
 */
import { TimeskewError } from "../errors.ts";

const SECOND = 1_000_000_000n;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** What a ktime_t holds, from 1970 on. */
const LAST = 2n ** 63n - 1n;
const MAX_LENGTH = 60;
const EXAMPLES =
  "write 2038-01-19T03:14:00Z, 2038-01-19T04:14:00+01:00, '2038-01-19 03:14:00' (local time), or @2147483640";

const DATE = /^(\d{4})-(\d{2})-(\d{2})/;
const TIME = /^([Tt]| +)(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?/;
const ZONE = /^ ?(?:([Zz])|([+-])(\d{2}):(\d{2}))$/;

/** As a calendar and a clock show it. */
interface Moment {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** As it is written; `zone` in minutes east of UTC. */
interface Written extends Moment {
  readonly fraction: string;
  readonly zone: number | undefined;
}

/**
 * @returns ns since 1970, 0 … 2^63 − 1
 * @throws TimeskewError E_USAGE for what is no point in time, E_RANGE for what lies before 1970 or beyond 2262
 */
export function parseInstant(text: string): bigint {
  const trimmed = text.trim();
  if (trimmed.length > MAX_LENGTH) throw refusal(text, `is longer than ${MAX_LENGTH} characters`, EXAMPLES);
  if (trimmed.startsWith("@")) return inRange(text, epoch(text, trimmed.slice(1)));
  const written = read(text, trimmed);
  const seconds =
    written.zone === undefined ? localSeconds(text, written) : utcMs(written) / 1000 - written.zone * 60;
  return inRange(text, BigInt(seconds) * SECOND + nanoseconds(text, written.fraction));
}

/** RFC 3339 in UTC, with as many decimals as are needed. */
export function formatInstant(ns: bigint): string {
  const seconds = new Date(Number(ns / SECOND) * 1000).toISOString().slice(0, 19);
  const fraction = String(ns % SECOND)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${seconds}${fraction === "" ? "" : `.${fraction}`}Z`;
}

function epoch(text: string, number: string): bigint {
  const [match, sign, whole = "", fraction = ""] = /^([+-]?)(\d+)(?:\.(\d+))?$/.exec(number) ?? [];
  if (match === undefined)
    throw refusal(text, "has no number of seconds behind the @", "for example @2147483640");
  const ns = BigInt(whole) * SECOND + nanoseconds(text, fraction);
  return sign === "-" ? -ns : ns;
}

function read(text: string, trimmed: string): Written {
  const date = DATE.exec(trimmed);
  if (date === null) throw unreadable(text, trimmed);
  const [year, month, day] = date.slice(1).map(Number) as [number, number, number];
  checkDate(text, year, month, day);
  let rest = trimmed.slice(date[0].length);
  const noTime = { year, month, day, hour: 0, minute: 0, second: 0, fraction: "", zone: undefined };
  if (rest === "") return noTime;

  const time = TIME.exec(rest);
  if (time === null) throw refusal(text, `has no time of day at ${quote(rest)}`, EXAMPLES);
  const [hour, minute, second] = time.slice(2, 5).map((digits) => Number(digits ?? 0)) as [
    number,
    number,
    number,
  ];
  checkTime(text, noTime, hour, minute, second);
  rest = rest.slice(time[0].length);
  const written = { ...noTime, hour, minute, second, fraction: time[5] ?? "" };
  if (rest === "" && time[1]!.startsWith(" ")) return written;
  return { ...written, zone: readZone(text, trimmed, rest) };
}

function readZone(text: string, trimmed: string, rest: string): number {
  if (rest === "") {
    throw refusal(
      text,
      "has no zone",
      `did you mean ${trimmed}Z (UTC), or '${trimmed.replace(/t/i, " ")}' (local time)?`,
    );
  }
  const [match, zulu, sign, hours, minutes] = ZONE.exec(rest) ?? [];
  if (match === undefined || Number(hours ?? 0) > 23 || Number(minutes ?? 0) > 59) {
    const isUtc = /^ ?(?:utc|gmt)$/i.test(rest);
    throw refusal(
      text,
      `has no zone at ${quote(rest)}`,
      isUtc
        ? `did you mean ${trimmed.slice(0, -rest.length)}Z?`
        : "write Z for UTC, or an offset like +01:00",
    );
  }
  if (zulu !== undefined) return 0;
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

function checkDate(text: string, year: number, month: number, day: number): void {
  if (month < 1 || month > 12) throw refusal(text, `has no month ${month}`, "the date is year-month-day");
  const days = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
  if (day < 1 || day > days) {
    throw refusal(text, `has no day ${day}`, `that month goes from 1 to ${days}; the date is year-month-day`);
  }
}

function checkTime(
  text: string,
  { year, month, day }: Written,
  hour: number,
  minute: number,
  second: number,
) {
  if (second === 60 && minute === 59) {
    throw refusal(
      text,
      "is a leap second, which Unix time has no number for",
      "--leap insert repeats 23:59:59, as Linux does; --leap-at is the instant after it, for example 2017-01-01T00:00:00Z",
    );
  }
  if (hour === 24 && minute === 0 && second === 0) {
    const next = new Date(Date.UTC(year, month - 1, day + 1)).toISOString().slice(0, 10);
    throw refusal(text, "has no hour 24", `did you mean 00:00 of ${next}?`);
  }
  if (hour > 23) throw refusal(text, `has no hour ${hour}`, "hours go from 00 to 23");
  if (minute > 59) throw refusal(text, `has no minute ${minute}`, "minutes go from 00 to 59");
  if (second > 59) throw refusal(text, `has no second ${second}`, "seconds go from 00 to 59");
}

function utcMs({ year, month, day, hour, minute, second }: Moment): number {
  // Date.UTC takes years below 100 for those of the 20th century.
  return new Date(0).setUTCFullYear(year, month - 1, day) + ((hour * 60 + minute) * 60 + second) * 1000;
}

/** What a clock on the wall shows at a time, as if it were UTC; ms. */
function wallMs(ms: number): number {
  // Not by getTimezoneOffset(), which cuts to minutes: Liberia was 44:30 from UTC until 1972.
  const local = new Date(ms);
  return utcMs({
    year: local.getFullYear(),
    month: local.getMonth() + 1,
    day: local.getDate(),
    hour: local.getHours(),
    minute: local.getMinutes(),
    second: local.getSeconds(),
  });
}

/** The one time at which clocks on the wall show this. */
function localSeconds(text: string, written: Written): number {
  const wall = utcMs(written);
  // Zones are less than a day from UTC, and change less often than daily.
  const offsets = [-DAY_MS, 0, DAY_MS].map((away) => wallMs(wall + away) - (wall + away));
  const times = [...new Set(offsets)].map((offset) => wall - offset).filter((ms) => wallMs(ms) === wall);
  const [time, other] = times;
  if (time === undefined) {
    throw refusal(
      text,
      `does not exist in the local zone (${zoneName()}): its clocks leave it out`,
      "name another time, or write it with a zone",
    );
  }
  if (other !== undefined) {
    const [first, second] = times.sort((a, b) => a - b).map((ms) => withZone(wall, wall - ms));
    throw refusal(text, `comes twice in the local zone (${zoneName()})`, `write ${first} or ${second}`);
  }
  return time / 1000;
}

function zoneName(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function withZone(wall: number, offset: number): string {
  const minutes = Math.round(Math.abs(offset) / MINUTE_MS);
  const [hh, mm] = [Math.floor(minutes / 60), minutes % 60].map((each) => String(each).padStart(2, "0"));
  return `${new Date(wall).toISOString().slice(0, 19)}${offset < 0 ? "-" : "+"}${hh}:${mm}`;
}

function nanoseconds(text: string, fraction: string): bigint {
  const digits = fraction.replace(/0+$/, "");
  if (digits.length > 9) throw refusal(text, "is finer than a nanosecond", "nine decimals at the most");
  return BigInt(digits.padEnd(9, "0"));
}

function inRange(text: string, ns: bigint): bigint {
  if (ns >= 0n && ns <= LAST) return ns;
  throw new TimeskewError(
    "E_RANGE",
    `the time ${quote(text)} lies ${ns < 0n ? "before 1970" : "beyond 2262-04-11, where the kernel's time ends"}`,
    { hint: `it goes from 1970-01-01T00:00:00Z to ${formatInstant(LAST)}` },
  );
}

function unreadable(text: string, trimmed: string): TimeskewError {
  if (/^\d+(?:\.\d+)?$/.test(trimmed)) {
    return refusal(text, "is a bare number", `did you mean @${trimmed} (seconds since 1970)?`);
  }
  if (trimmed === "") return refusal(text, "is empty", EXAMPLES);
  return refusal(text, "is not a date", EXAMPLES);
}

function refusal(text: string, problem: string, hint: string): TimeskewError {
  return new TimeskewError("E_USAGE", `the time ${quote(text)} ${problem}`, { hint });
}

function quote(text: string): string {
  return JSON.stringify(text.length > MAX_LENGTH ? `${text.slice(0, 20)}…` : text);
}
