/** A target's clocks next to the host's. */
import { formatDuration } from "../../skew/duration.ts";
import type { ClockReading, NowResult, Skew } from "../../types.ts";
import type { Painter } from "../colour.ts";
import { doingWords, profileLines } from "./profile.ts";
import { isWallClock, skewWords, targetName } from "./skew.ts";
import { table } from "./table.ts";
import { formatBrief, formatDate, formatMeasured, formatUptime } from "./time.ts";

const COLUMNS = [
  { title: "CLOCK" },
  { title: "TARGET" },
  { title: "HOST" },
  { title: "DIFFERENCE", right: true },
];

/** Digits that a function's result has, where it has fewer than nanoseconds. */
const DIGITS: Readonly<Record<string, number>> = { gettimeofday: 6, time: 0 };

export function nowLines(result: NowResult, paint: Painter): string[] {
  const rows = result.readings.map((reading) => readingCells(reading, result.skew));
  return [
    `${paint.bold(targetName(result))}: ${stateWords(result)}`,
    ...(result.skew === undefined ? [] : profileLines(result.skew)),
    ...namespaceLines(result),
    ...table(COLUMNS, rows, paint),
    paint.dim(`one thread was stopped for ${formatBrief(result.pauseNs)}`),
  ];
}

function stateWords({ state, skew }: NowResult): string {
  if (state === "skewed" && skew)
    return skew.profile === undefined
      ? `skewed, ${skewWords(skew.offset)} (offset ${formatDuration(skew.offset)})`
      : `skewed, ${doingWords(skew)}`;
  if (state === "ended") return "its skew is over, it reads the true time";
  return state === "unskewed" ? "not skewed" : state;
}

function namespaceLines({ timeShift }: NowResult): string[] {
  if (timeShift === "unknown")
    return ["in another time namespace, whose offsets the kernel does not tell: these clocks have no HOST"];
  const { monotonic, boottime } = timeShift;
  if (monotonic === 0n && boottime === 0n) return [];
  const [m, b] = [monotonic, boottime].map((ns) => (ns > 0n ? "+" : "") + formatDuration(ns));
  return [
    `in another time namespace (CLOCK_MONOTONIC ${m}, CLOCK_BOOTTIME ${b}): HOST is as seen from there`,
  ];
}

function readingCells(reading: ClockReading, skew: Skew | undefined): string[] {
  const { name, target, host, difference, uncertainty, selected } = reading;
  const show = (ns: bigint | undefined, absent: string) => {
    if (ns === undefined) return absent;
    const digits = DIGITS[name] ?? 9;
    return isWallClock(name) ? formatDate(ns, digits) : formatUptime(ns, digits);
  };
  return [
    name,
    show(target, "the call failed"),
    show(host, "-"),
    difference === undefined ? "-" : formatMeasured(difference, uncertainty, expectedOf(selected, skew)),
  ];
}

/** What the difference is if all is as it should be; undefined for one that has changed since it was read. */
export function expectedOf(selected: boolean, skew: Skew | undefined): bigint | undefined {
  if (!selected || skew === undefined) return 0n;
  return skew.profile === undefined ? skew.offset : undefined;
}
