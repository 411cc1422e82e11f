/** How a target's waits are covered, in two lines at most. */
import { basename } from "node:path";
import type { UnprovedCall, WaitCoverage } from "../../types.ts";
import { escapeText } from "./escape.ts";

/** More places than this are counted, not named. */
const NAMED = 2;

/** What no search finds, and no patch changes. */
const ALWAYS = "rdtsc, times of files";
/** The same of a 32-bit program, of which only some are found. */
const DIRECT = "system calls by int 0x80";

/** @param coverage undefined if waits were left alone */
export function waitLines(coverage: WaitCoverage | undefined): string[] {
  if (coverage === undefined) return ["waits are not translated (--no-waits)"];
  return [
    `deadlines and clock system calls translated ${whereWords(coverage)}`,
    `not covered: ${gapsLine(coverage)}`,
  ];
}

function whereWords({ sites, byVdso }: WaitCoverage): string {
  if (byVdso) return "in every system call by the vDSO";
  return sites === 1 ? "at 1 place" : `at ${sites} places`;
}

/** Every place that is not covered, for --dry-run. */
export function unprovedLines(coverage: WaitCoverage | undefined): string[] {
  if (coverage === undefined || coverage.unproved.length === 0) return [];
  return ["places that would not be translated", ...coverage.unproved.map((each) => `  ${placeWords(each)}`)];
}

/** "3 places in libc.so.6; code generated at run time; …" */
export function gapsLine({ unproved, unsearched, generatedCode, byVdso }: WaitCoverage): string {
  const known = unproved.filter(({ call }) => call !== undefined);
  const unknown = unproved.filter(({ call }) => call === undefined);
  return [
    ...(known.length > NAMED ? [placesIn(known)] : known.map(placeWords)),
    ...(unknown.length > 0 ? [`system calls chosen at run time, ${placesIn(unknown)}`] : []),
    ...unsearched.map(({ image, why }) => `${escapeText(basename(image))} (${escapeText(why)})`),
    ...(generatedCode > 0 ? ["code generated at run time"] : []),
    ...(byVdso ? [DIRECT] : []),
    ALWAYS,
  ].join("; ");
}

/** "3 places in libc.so.6, libodd.so.1" */
function placesIn(unproved: readonly UnprovedCall[]): string {
  const images = new Set(unproved.map(({ image }) => escapeText(basename(image))));
  return `${unproved.length} ${unproved.length === 1 ? "place" : "places"} in ${[...images].join(", ")}`;
}

/** "futex in sem_wait of libc.so.6 (no function bounds)" */
function placeWords({ image, at, function: name, call, why }: UnprovedCall): string {
  const where = name === undefined ? at : escapeText(name);
  return `${call ?? "system calls"} in ${where} of ${escapeText(basename(image))} (${why})`;
}
