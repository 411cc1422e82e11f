/** A target's clocks next to the host's. */
import { formatDuration } from "../../skew/duration.ts";
import type { ClockReading, NowResult } from "../../types.ts";
import type { Painter } from "../colour.ts";
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
  const rows = result.readings.map((reading) => readingCells(reading, result.skew?.offset ?? 0n));
  return [
    `${paint.bold(targetName(result))}: ${stateWords(result)}`,
    ...namespaceLines(result),
    ...table(COLUMNS, rows, paint),
    paint.dim(`one thread was stopped for ${formatBrief(result.pauseNs)}`),
  ];
}

function stateWords({ state, skew }: NowResult): string {
  if (state === "skewed" && skew)
    return `skewed, ${skewWords(skew.offset)} (offset ${formatDuration(skew.offset)})`;
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

function readingCells(reading: ClockReading, offset: bigint): string[] {
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
    difference === undefined ? "-" : formatMeasured(difference, uncertainty, selected ? offset : 0n),
  ];
}
