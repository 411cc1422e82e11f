/** What was done to several processes: one table, and what it comes to. */
import { pidList } from "../../engine/set/failure.ts";
import type { MemberOutcome, SetTally } from "../../engine/set/members.ts";
import type { ProcessSet } from "../../engine/set/process-set.ts";
import type { DryRunResult, InjectResult, RecoverResult, WaitCoverage } from "../../types.ts";
import type { Painter } from "../colour.ts";
import { escapeText } from "./escape.ts";
import { commandIn, failureWord } from "./failures.ts";
import { readingLines } from "./inject.ts";
import { doingWords, offsetCell, profileLines } from "./profile.ts";
import { type Column, table } from "./table.ts";
import { formatBrief } from "./time.ts";
import { gapsLine } from "./waits.ts";

interface Paper {
  readonly paint: Painter;
  /** Columns of the terminal; undefined: as many as needed. */
  readonly width: number | undefined;
}

const HEAD: readonly Column[] = [{ title: "PID", right: true }, { title: "COMMAND" }];
const INJECT: readonly Column[] = [
  ...HEAD,
  { title: "DONE" },
  { title: "STOPPED", right: true },
  { title: "THREADS", right: true, spare: 3 },
  { title: "WAITS", right: true, spare: 2 },
  { title: "NOTE", spare: 1 },
];

const INJECTED = { injected: "skewed", updated: "changed", inherited: "inherited" } as const;

/** "container web (…): 23 processes are now 10m behind", the table, and the totals. */
export function injectSetLines(
  set: ProcessSet,
  { results, outcomes, ended }: SetTally<InjectResult>,
  { paint, width }: Paper,
): string[] {
  const last = results.at(-1)!;
  const { skew } = last;
  const waits = skew.profile?.phase === "waiting";
  const same = haveSameOffset(results);
  const doing = same ? ` ${waits ? "still" : "now"} ${doingWords(skew)}` : " skewed now";
  const rows = [...outcomes].map(([pid, outcome]) =>
    rowOf(pid, outcome, ({ command, action, pauseNs, threads, waits: places, ...result }) => [
      command,
      INJECTED[action],
      pauseNs > 0n ? formatBrief(pauseNs) : "-",
      threads > 0 ? `${threads}` : "-",
      places === undefined ? "-" : `${places.sites}`,
      notesOf(result, same),
    ]),
  );
  const coverage = results.flatMap(({ waits: each }) => each ?? []);
  return [
    `${paint.green("✔")} ${headline(set, results.length, paint)} ${results.length === 1 ? "is" : "are"}${doing}`,
    ...profileLines(skew).map((line) => `  ${line}`),
    ...(same ? readingLines(last, paint).map((line) => `  ${line}`) : []),
    ...indented(INJECT, rows, { paint, width }),
    ...(coverage.length > 0 ? [paint.dim(`  not covered: ${gapsLine(merged(coverage))}`)] : []),
    paint.dim(`  ${injectTotals(results, ended)}`),
  ];
}

function headline({ words }: ProcessSet, count: number, paint: Painter): string {
  const processes = paint.bold(`${count} ${count === 1 ? "process" : "processes"}`);
  return words === undefined ? processes : `${paint.bold(escapeText(words))}: ${processes}`;
}

/** Whether one offset says it for all: of those that change with time, that of the moment does not differ by much. */
function haveSameOffset(results: readonly InjectResult[]): boolean {
  const offsets = results.map(({ skew }) => skew.offset);
  const [least, most] = [
    offsets.reduce((a, b) => (a < b ? a : b)),
    offsets.reduce((a, b) => (a > b ? a : b)),
  ];
  const moves = results.some(({ skew }) => skew.profile !== undefined);
  const size = least < 0n ? -least : least;
  return most - least <= (moves ? size / 100n + 5_000_000n : 0n);
}

function notesOf(
  { previous, late, skew }: Pick<InjectResult, "previous" | "late" | "skew">,
  same: boolean,
): string {
  const is = same ? [] : [offsetCell(skew)];
  const was = previous === undefined ? [] : [`was ${doingWords(previous)}`];
  const came = late === undefined ? [] : [`${formatBrief(late)} late`];
  return [...is, ...was, ...came].join(", ");
}

/** A table without the columns that have nothing to say. */
function indented(columns: readonly Column[], rows: readonly string[][], { paint, width }: Paper): string[] {
  const tells = (_: unknown, i: number) =>
    i < HEAD.length || rows.some((row) => row[i] !== undefined && !/^-?$/.test(row[i]));
  const kept = rows.map((row) => row.filter(tells));
  return table(columns.filter(tells), kept, paint, width && width - 2).map((line) => `  ${line}`);
}

/** The cells of a process; of one that failed the reason in a word, in the last column. */
function rowOf<R>(pid: number, outcome: MemberOutcome<R>, cells: (result: R) => string[]): string[] {
  if ("result" in outcome) {
    const [command, ...rest] = cells(outcome.result);
    return [`${pid}`, escapeText(command!) || "?", ...rest];
  }
  const { error } = outcome;
  return [`${pid}`, escapeText(commandIn(error)), `failed: ${failureWord(error)}`];
}

function injectTotals(results: readonly InjectResult[], ended: number): string {
  const count = (action: InjectResult["action"]) => results.filter((each) => each.action === action).length;
  return [
    stopWords(results),
    ...counted(count("updated"), "changed in place"),
    ...counted(count("inherited"), "had it from the process that forked them"),
    ...counted(ended, "ended meanwhile"),
  ].join("; ");
}

function counted(count: number, words: string): string[] {
  return count === 0 ? [] : [`${count} ${words}`];
}

/** "none was stopped", "stopped for 312 µs at the most" */
function stopWords(results: readonly { pauseNs: bigint }[]): string {
  const longest = longestPause(results);
  return longest === 0n ? "none was stopped" : `stopped for ${formatBrief(longest)} at the most`;
}

/** ns. */
export function longestPause(results: readonly { pauseNs: bigint }[]): bigint {
  return results.reduce((most, { pauseNs }) => (pauseNs > most ? pauseNs : most), 0n);
}

/** What is not covered in any of them. */
function merged(all: readonly WaitCoverage[]): WaitCoverage {
  const distinct = <T>(each: readonly T[], key: (item: T) => string) => [
    ...new Map(each.map((item) => [key(item), item])).values(),
  ];
  return {
    sites: 0,
    ...(all.some(({ byVdso }) => byVdso) && { byVdso: true as const }),
    unproved: distinct(
      all.flatMap(({ unproved }) => unproved),
      ({ image, at }) => `${image} ${at}`,
    ),
    unsearched: distinct(
      all.flatMap(({ unsearched }) => unsearched),
      ({ image }) => image,
    ),
    generatedCode: Math.max(...all.map(({ generatedCode }) => generatedCode)),
  };
}

/** Changes that came late, all in one line. */
export function lateSetLines(results: readonly InjectResult[]): string[] {
  const late = results.filter((each) => each.late !== undefined);
  if (late.length === 0) return [];
  const most = late.reduce((a, { late: b }) => (b! > a ? b! : a), 0n);
  return [
    `timeskew: the change came late in ${late.length} of them (pid ${pidList(late.map(({ pid }) => pid))}), by ` +
      `${formatBrief(most)} at the most; their clocks may have jumped by what they gained or lost meanwhile`,
  ];
}

const DRY_RUN: readonly Column[] = [
  ...HEAD,
  { title: "WOULD BE" },
  { title: "WAITS", right: true, spare: 1 },
];

export function dryRunSetLines(
  set: ProcessSet,
  { results, outcomes }: SetTally<DryRunResult>,
  { paint, width }: Paper,
): string[] {
  const { skew } = results.at(-1)!;
  const rows = [...outcomes].map(([pid, outcome]) =>
    rowOf(pid, outcome, ({ command, action, waits }) => [
      command,
      action === "inject" ? "patched" : "changed in place",
      waits === undefined ? "-" : `${waits.sites}`,
    ]),
  );
  return [
    `${headline(set, results.length, paint)} would run ${doingWords(skew)}`,
    ...profileLines(skew).map((line) => `  ${line}`),
    ...indented(DRY_RUN, rows, { paint, width }),
    "  dry run: nothing was changed; with one --pid it shows every byte",
  ];
}

const RECOVER: readonly Column[] = [
  ...HEAD,
  { title: "DONE" },
  { title: "WAS", right: true, spare: 1 },
  { title: "STOPPED", right: true },
  { title: "NOTE", spare: 2 },
];

const RECOVERED = {
  recovered: "recovered",
  cleaned: "cleaned up",
  nothing: "not skewed",
  gliding: "gliding",
} as const;

/** "container web (…): 23 processes read the true time", the table, and the totals. */
export function recoverSetLines(
  set: ProcessSet,
  { results, outcomes, ended }: SetTally<RecoverResult>,
  { paint, width }: Paper,
): string[] {
  const done = results.filter(({ action }) => action !== "nothing");
  if (done.length === 0)
    return [`${headline(set, results.length, paint)}, and none was skewed: nothing to do`];
  const rows = [...outcomes].map(([pid, outcome]) =>
    rowOf(pid, outcome, ({ command, action, skew, pauseNs, ...result }) => [
      command,
      RECOVERED[action],
      skew === undefined || action === "nothing" ? "-" : offsetCell(skew),
      pauseNs > 0n ? formatBrief(pauseNs) : "-",
      lingeringWords(result),
    ]),
  );
  const gliding = done.filter(({ action }) => action === "gliding").length;
  const verb =
    gliding === done.length
      ? done.length === 1
        ? "glides to"
        : "glide to"
      : done.length === 1
        ? "reads"
        : "read";
  return [
    `${gliding > 0 ? "" : `${paint.green("✔")} `}${headline(set, done.length, paint)} ${verb} the true time`,
    ...indented(RECOVER, rows, { paint, width }),
    paint.dim(`  ${[stopWords(results), ...counted(ended, "ended meanwhile")].join("; ")}`),
    ...lingeringHint(results),
  ];
}

function lingeringWords({
  state,
  lingeringThreads,
  waitingThreads,
}: Pick<RecoverResult, "state" | "lingeringThreads" | "waitingThreads">): string {
  if (state !== "lingering") return "";
  const who = lingeringThreads === 1 ? "1 thread" : `${lingeringThreads} threads`;
  return `pages stay for ${who}${waitingThreads === lingeringThreads ? " that sleep on" : ""}`;
}

function lingeringHint(results: readonly RecoverResult[]): string[] {
  const left = results.filter(({ state }) => state === "lingering").length;
  return left === 0 ? [] : ["  pages that stay are unused; another `timeskew recover` removes them later"];
}
