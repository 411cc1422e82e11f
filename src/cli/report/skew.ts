/** A skew in words: how far, and which clocks. */
import { CLOCKS, type ClockSelection, clockOf, expandClocks } from "../../skew/clock.ts";
import { formatDuration } from "../../skew/duration.ts";
import type { Skew } from "../../types.ts";
import { escapeText } from "./escape.ts";

const NS_PER_HOUR = 3_600_000_000_000n;
const DAYS_PER_YEAR = 365.25;

/** "10m behind", "1h30m ahead", "72h (3.0 days) ahead". */
export function skewWords(offset: bigint): string {
  if (offset === 0n) return "on the true time (offset 0s)";
  return offset < 0n ? `${howFar(-offset)} behind` : `${howFar(offset)} ahead`;
}

/** Hours are exact, but who can tell what 100000 of them are? */
function howFar(offset: bigint): string {
  const days = Number(offset / NS_PER_HOUR) / 24;
  if (days < 2) return formatDuration(offset);
  const [count, unit] = days < DAYS_PER_YEAR ? [days, "days"] : [days / DAYS_PER_YEAR, "years"];
  return `${formatDuration(offset)} (${count.toFixed(1)} ${unit})`;
}

type Selected = Pick<ClockSelection, "clocks" | "gettimeofday" | "time">;

/** The clocks and functions that read the skewed time. */
export function selectedNames({ clocks, gettimeofday, time }: Selected): string[] {
  return [...clocks, ...(gettimeofday ? ["gettimeofday"] : []), ...(time ? ["time"] : [])];
}

/**
 * The fewest names that say it all: a clock that brings others stands for them, unless one of them is left
 * out (`exact`).
 */
export function headNames(skew: Selected): { heads: string[]; exact: boolean } {
  const selected = selectedNames(skew);
  const heads: string[] = [];
  const covered = new Set<string>();
  let exact = false;
  for (const name of skew.clocks) {
    const brought = selectedNames(expandClocks([name], { exact: false }));
    if (brought.length === 1) continue;
    if (brought.every((each) => selected.includes(each))) {
      heads.push(name);
      for (const each of brought) covered.add(each);
    } else {
      exact = true;
    }
  }
  return { heads: [...heads, ...selected.filter((name) => !covered.has(name))], exact };
}

/** "realtime, monotonic"; with " (exact)" where a clock goes without those that belong to it. */
export function clockSummary(skew: Skew): string {
  const { heads, exact } = headNames(skew);
  const short = heads.map((name) => name.replace(/^CLOCK_/, "").toLowerCase()).join(", ");
  return exact ? `${short} (exact)` : short;
}

/** Whether taking this skew back takes a clock back that never goes back. */
export function stepsMonotonicBack({ offset, clocks }: Skew): boolean {
  return (
    offset > 0n && clocks.some((name) => ["monotonic", "boottime", "raw"].includes(clockOf(name).family))
  );
}

/** Whether it counts from a date, rather than from a start. */
export function isWallClock(name: string): boolean {
  return CLOCKS.find((clock) => clock.name === name)?.since1970 ?? true;
}

/** "redis-server (pid 1234)" */
export function targetName({ command, pid }: { command: string; pid: number }): string {
  return `${escapeText(command) || "?"} (pid ${pid})`;
}
