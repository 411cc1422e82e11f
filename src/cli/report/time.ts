/** Points in time and spans of it, as people read them. Dates are in the reader's own time zone. */
import { formatDuration } from "../../skew/duration.ts";

const NS_PER_S = 1_000_000_000n;
/** The last second that a JavaScript Date can hold. */
const DATE_MAX_S = 8_640_000_000_000n;

/** "2026-11-20 14:39:02.123": `digits` of the second's fraction, cut off, as a clock shows them. */
export function formatDate(ns: bigint, digits = 0): string {
  const { seconds, fraction } = split(ns, digits);
  // A skew may lead to where calendars end.
  if (seconds > DATE_MAX_S || seconds < -DATE_MAX_S) return `${seconds}${fraction} s since 1970`;
  const date = new Date(Number(seconds) * 1000);
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(two).join("-");
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":")}${fraction}`;
}

/** The same, without the day if it is the day of `other`. */
export function formatDateNear(ns: bigint, other: bigint, digits = 0): string {
  const [day, time] = formatDate(ns, digits).split(" ", 2);
  const same = formatDate(other).startsWith(`${day} `) && time?.includes(":");
  return same ? time! : formatDate(ns, digits);
}

/** Time since a clock's start: "3d 04:12:05.123". */
export function formatUptime(ns: bigint, digits = 0): string {
  const { seconds, fraction } = split(ns < 0n ? -ns : ns, digits);
  const days = seconds / 86_400n;
  const parts = [(seconds / 3600n) % 24n, (seconds / 60n) % 60n, seconds % 60n].map(two).join(":");
  return `${ns < 0n ? "-" : ""}${days > 0n ? `${days}d ` : ""}${parts}${fraction}`;
}

/** Three figures are enough to judge a pause by: "143 µs", "1.2 ms". */
export function formatBrief(ns: bigint): string {
  const units = ["ns", "µs", "ms", "s"];
  let value = Number(ns);
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 10 && unit > 0 ? Number(value.toFixed(1)) : Math.round(value)} ${units[unit]}`;
}

/** "3 min ago"; undefined for what lies ahead (somebody set the host's clock back meanwhile). */
export function formatAgo(then: bigint, now: bigint): string | undefined {
  const seconds = (now - then) / NS_PER_S;
  if (now < then) return undefined;
  if (seconds < 60n) return `${seconds} s ago`;
  if (seconds < 3600n) return `${seconds / 60n} min ago`;
  if (seconds < 172_800n) return `${seconds / 3600n} h ago`;
  return `${seconds / 86_400n} days ago`;
}

/** A measured duration without the digits that its uncertainty makes meaningless: "-10m ±60ns". */
export function formatMeasured(ns: bigint, uncertainty: bigint, expected?: bigint): string {
  if (uncertainty <= 0n) return formatDuration(ns);
  // What is expected, or a round number, if it lies within the uncertainty; else, as many digits as are known.
  const unit = 10n ** BigInt(uncertainty.toString().length - 1);
  const likely = [...(expected === undefined ? [] : [expected]), roundTo(ns, 10n * unit)];
  const shown = likely.find((each) => abs(ns - each) <= uncertainty) ?? roundTo(ns, unit);
  return `${formatDuration(shown)} ±${formatDuration(oneFigureUp(uncertainty + abs(ns - shown)))}`;
}

/** To one figure, upwards: an uncertainty is never understated. */
function oneFigureUp(ns: bigint): bigint {
  const unit = 10n ** BigInt(ns.toString().length - 1);
  return ((ns + unit - 1n) / unit) * unit;
}

function split(ns: bigint, digits: number): { seconds: bigint; fraction: string } {
  const rest = ((ns % NS_PER_S) + NS_PER_S) % NS_PER_S;
  const fraction = digits > 0 ? `.${rest.toString().padStart(9, "0").slice(0, digits)}` : "";
  return { seconds: (ns - rest) / NS_PER_S, fraction };
}

function roundTo(value: bigint, step: bigint): bigint {
  const half = value < 0n ? -step / 2n : step / 2n;
  return ((value + half) / step) * step;
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function two(value: number | bigint): string {
  return value.toString().padStart(2, "0");
}
