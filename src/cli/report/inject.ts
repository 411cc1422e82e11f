/** What inject has to say: what the target reads now, what it took, and how to undo it. */
import { formatDuration } from "../../skew/duration.ts";
import type { ClockReading, DryRunResult, InjectResult, Skew } from "../../types.ts";
import type { Painter } from "../colour.ts";
import { doingWords, profileLines, roundOffset } from "./profile.ts";
import { headNames, isWallClock, selectedNames, targetName } from "./skew.ts";
import { align } from "./table.ts";
import { formatBrief, formatDate, formatDateNear, formatUptime } from "./time.ts";
import { unprovedLines, waitLines } from "./waits.ts";

export function injectLines(result: InjectResult, paint: Painter): string[] {
  const { skew, previous } = result;
  const waits = skew.profile?.phase === "waiting";
  const was = previous === undefined || waits ? "" : ` (was ${doingWords(previous)})`;
  return [
    `${paint.green("✔")} ${paint.bold(targetName(result))} is ${waits ? "still" : "now"} ${doingWords(skew)}${was}`,
    ...profileLines(skew).map((line) => `  ${line}`),
    ...readingLines(result, paint).map((line) => `  ${line}`),
    ...(result.action === "injected" ? waitLines(result.waits) : []).map((line) => paint.dim(`  ${line}`)),
    paint.dim(`  ${effort(result)}`),
  ];
}

/** What the clocks read that stand for the others, and which those are. */
export function readingLines({ skew, readings }: InjectResult, paint: Painter): string[] {
  const { heads } = headNames(skew);
  const rows = readings.filter(({ name }) => heads.includes(name)).map((r) => readingRow(r, skew));
  const also = selectedNames(skew).filter((name) => !heads.includes(name));
  return [...align(rows), ...(also.length > 0 ? [paint.dim(`with it: ${also.join(", ")}`)] : [])];
}

/** "CLOCK_REALTIME  2026-11-20 14:39:02.123  true 14:49:02.123  -10m" */
function readingRow({ name, target, host, difference }: ClockReading, { offset, profile }: Skew): string[] {
  if (target === undefined) return [name, "not readable in the target", "", ""];
  const wall = isWallClock(name);
  const shown = wall ? formatDate(target, 3) : formatUptime(target, 3);
  const trueTime = host === undefined ? "" : wall ? formatDateNear(host, target, 3) : formatUptime(host, 3);
  const off =
    profile === undefined ? formatDuration(offset) : difference === undefined ? "" : offBy(difference);
  return [name, shown, trueTime && `true ${trueTime}`, off];
}

function offBy(difference: bigint): string {
  return formatDuration(roundOffset(difference));
}

/** A change that took its time, on a machine that was very busy. */
export function lateLines({ late, ...result }: InjectResult): string[] {
  if (late === undefined) return [];
  return [
    `timeskew: ${targetName(result)}: the change came ${formatBrief(late)} late; ` +
      "the clock may have jumped by what it gained or lost meanwhile",
  ];
}

function effort(result: InjectResult): string {
  if (result.action === "updated") return "settings changed in place, without stopping it";
  const moved = result.movedThreads > 0 ? `, ${result.movedThreads} moved out of the patched bytes` : "";
  return stopped(result, moved);
}

/** "stopped for 143 µs (2 of 5 threads; the others slept on)" */
export function stopped(
  { pauseNs, threads, asleepThreads }: Pick<InjectResult, "pauseNs" | "threads" | "asleepThreads">,
  more = "",
): string {
  const all = threads === 1 ? "1 thread" : `${threads} threads`;
  const who = asleepThreads === 0 ? all : `${threads - asleepThreads} of ${all}`;
  const others =
    asleepThreads === 0 ? "" : asleepThreads === 1 ? "; the other slept on" : "; the others slept on";
  return `stopped for ${formatBrief(pauseNs)} (${who}${more}${others})`;
}

/** `plan` is the plan's own description; none if only settings would change. */
export function dryRunLines(result: DryRunResult, plan: readonly string[], paint: Painter): string[] {
  const would =
    result.action === "inject"
      ? "would be patched to run"
      : "is skewed already; its settings would be changed, without stopping it, to run";
  return [
    `${paint.bold(targetName(result))} ${would} ${doingWords(result.skew)}`,
    ...profileLines(result.skew).map((line) => `  ${line}`),
    `  clocks: ${selectedNames(result.skew).join(", ")}`,
    ...[...plan, ...unprovedLines(result.waits)].map((line) => `  ${line}`.trimEnd()),
    "  dry run: nothing was changed",
  ];
}
