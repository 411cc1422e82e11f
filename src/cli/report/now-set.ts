/** The wall clocks of several processes next to the host's, and how far each one's monotonic clock is off. */
import type { NowResult } from "../../types.ts";
import type { Painter } from "../colour.ts";
import { escapeText } from "./escape.ts";
import { expectedOf } from "./now.ts";
import { longestPause } from "./set.ts";
import { table } from "./table.ts";
import { formatBrief, formatDate, formatMeasured } from "./time.ts";

const COLUMNS = [
  { title: "PID", right: true },
  { title: "COMMAND" },
  { title: "STATE", spare: 2 },
  { title: "CLOCK_REALTIME" },
  { title: "HOST", spare: 1 },
  { title: "DIFFERENCE", right: true },
  { title: "MONOTONIC", right: true, spare: 3 },
];

export function nowSetLines(results: readonly NowResult[], paint: Painter, width?: number): string[] {
  return [
    ...table(COLUMNS, results.map(cells), paint, width),
    paint.dim(`one thread of each was stopped, for ${formatBrief(longestPause(results))} at the most`),
  ];
}

function cells(result: NowResult): string[] {
  const { pid, command, state, readings } = result;
  const wall = readings.find(({ name }) => name === "CLOCK_REALTIME");
  return [
    `${pid}`,
    escapeText(command) || "?",
    state,
    wall?.target === undefined ? "-" : formatDate(wall.target, 3),
    wall?.host === undefined ? "-" : formatDate(wall.host, 3),
    differenceOf("CLOCK_REALTIME", result),
    differenceOf("CLOCK_MONOTONIC", result),
  ];
}

function differenceOf(clock: string, { readings, skew }: NowResult): string {
  const reading = readings.find(({ name }) => name === clock);
  if (reading?.difference === undefined) return "-";
  const { difference, uncertainty, selected } = reading;
  return formatMeasured(difference, uncertainty, expectedOf(selected, skew));
}
