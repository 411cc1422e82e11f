/** The table of skewed processes, and what kept timeskew from looking at the others. */
import type { Skew, StatusResult, StatusRow } from "../../types.ts";
import type { Painter } from "../colour.ts";
import { escapeText } from "./escape.ts";
import { nextWords, offsetCell, rateCell } from "./profile.ts";
import { clockSummary } from "./skew.ts";
import { type Column, table } from "./table.ts";
import { formatAgo, formatDate } from "./time.ts";

/** `when`: only if one of the skews changes by itself, or one of the processes is in a container. */
const COLUMNS: readonly (Column & { readonly when?: "moving" | "contained" })[] = [
  { title: "PID", right: true },
  { title: "COMMAND" },
  { title: "CONTAINER", when: "contained" },
  { title: "STATE" },
  { title: "OFFSET", right: true },
  { title: "RATE", right: true, when: "moving" },
  { title: "NEXT", when: "moving" },
  { title: "CLOCKS", spare: 1 },
  { title: "WAITS", right: true, spare: 3 },
  { title: "SINCE", spare: 2 },
  { title: "SKEW ID", spare: 4 },
];

/** As much of a container's id as people are used to. */
const SHORT_ID = 12;

/** More kinds of reasons than this are summed up. */
const REASONS_SHOWN = 3;

/** @param width of the terminal, if it is one */
export function statusLines(
  rows: readonly StatusRow[],
  now: bigint,
  paint: Painter,
  width?: number,
): string[] {
  const is = {
    moving: rows.some(({ skew }) => skew?.profile !== undefined),
    contained: rows.some(({ container }) => container !== undefined),
  };
  const shown = <T>(cells: readonly T[]) =>
    cells.filter((_, i) => {
      const when = COLUMNS[i]?.when;
      return when === undefined || is[when];
    });
  return [
    ...table(
      shown(COLUMNS),
      rows.map((row) => shown(cells(row, now))),
      paint,
      width,
    ),
    ...rows.flatMap(asides),
  ];
}

/** What is odd about a process, and by which verbs its clock goes. */
function asides({ pid, note, skew }: StatusRow): string[] {
  return [skew?.profile?.text, note].flatMap((text) => (text ? [`pid ${pid}: ${escapeText(text)}`] : []));
}

function cells({ pid, command, container, state, skew, waitSites }: StatusRow, now: bigint): string[] {
  const within = container && (container.name ?? container.id?.slice(0, SHORT_ID) ?? container.words);
  const head = [pid.toString(), escapeText(command), escapeText(within ?? "-"), state];
  const waits = waitSites ? waitSites.toString() : "-";
  if (skew === undefined) return [...head, "-", "-", "-", "-", waits, "-", "-"];
  const ago = formatAgo(skew.since, now);
  const since = `${formatDate(skew.since)}${ago === undefined ? "" : ` (${ago})`}`;
  return [...head, offsetCell(skew), ...motionCells(skew), clockSummary(skew), waits, since, skew.id];
}

function motionCells({ profile }: Skew): [rate: string, next: string] {
  if (profile === undefined) return ["×1", "-"];
  return [rateCell(profile.rate), nextWords(profile) ?? "-"];
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
