/** The table of skewed processes, and what kept timeskew from looking at the others. */
import { formatDuration } from "../../skew/duration.ts";
import type { StatusResult, StatusRow } from "../../types.ts";
import type { Painter } from "../colour.ts";
import { escapeText } from "./escape.ts";
import { clockSummary } from "./skew.ts";
import { table } from "./table.ts";
import { formatAgo, formatDate } from "./time.ts";

const COLUMNS = [
  { title: "PID", right: true },
  { title: "COMMAND" },
  { title: "STATE" },
  { title: "SKEW", right: true },
  { title: "CLOCKS" },
  { title: "WAITS", right: true },
  { title: "SINCE" },
  { title: "SKEW ID" },
];

/** More kinds of reasons than this are summed up. */
const REASONS_SHOWN = 3;

export function statusLines(rows: readonly StatusRow[], now: bigint, paint: Painter): string[] {
  const notes = rows.flatMap(({ pid, note }) =>
    note === undefined ? [] : [`pid ${pid}: ${escapeText(note)}`],
  );
  return [
    ...table(
      COLUMNS,
      rows.map((row) => cells(row, now)),
      paint,
    ),
    ...notes,
  ];
}

function cells({ pid, command, state, skew, waitSites }: StatusRow, now: bigint): string[] {
  const head = [pid.toString(), escapeText(command), state];
  const waits = waitSites ? waitSites.toString() : "-";
  if (skew === undefined) return [...head, "-", "-", waits, "-", "-"];
  const ago = formatAgo(skew.since, now);
  const since = `${formatDate(skew.since)}${ago === undefined ? "" : ` (${ago})`}`;
  return [...head, formatDuration(skew.offset), clockSummary(skew), waits, since, skew.id];
}

export function noneLines({ examined }: StatusResult): string[] {
  return [`No process is skewed (${examined} looked at).`];
}

/** "12 processes could not be looked at: not permitted (11), it ended (1)" */
export function unreadableLines({ unreadable }: StatusResult, isRoot: boolean): string[] {
  if (unreadable.length === 0) return [];
  const counts = new Map<string, number>();
  for (const { pid, reason } of unreadable) {
    // Reasons name their process; without that, equal ones count together.
    const general = reason.replaceAll(`pid ${pid}`, "it");
    counts.set(general, (counts.get(general) ?? 0) + 1);
  }
  const reasons = [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, REASONS_SHOWN)
    .map(([reason, count]) => escapeText(counts.size === 1 ? reason : `${reason} (${count})`));
  if (counts.size > REASONS_SHOWN) reasons.push("other reasons");
  const who = unreadable.length === 1 ? "1 process" : `${unreadable.length} processes`;
  const root = isRoot ? "" : "; root can look at more";
  return [`timeskew: ${who} could not be looked at: ${reasons.join(", ")}${root}`];
}
