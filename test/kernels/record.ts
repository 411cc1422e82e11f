/** Keeps results in results.json, and puts the table made of them into the README.md beside this. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Result } from "./matrix.ts";
import { ROOT } from "./place.ts";
import { sorted, supportTable } from "./table.ts";

const RESULTS = join(ROOT, "test/kernels/results.json");
const README = join(ROOT, "test/kernels/README.md");
const BEGIN = "<!-- kernels: written by npm run test:kernels -- --record -->";
const END = "<!-- /kernels -->";

export function recorded(): Result[] {
  return existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, "utf8")) as Result[]) : [];
}

/** A text with the table between the markers. @throws Error if it has none */
export function withTable(text: string, results: readonly Result[]): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`no place for the table: ${BEGIN} … ${END}`);
  return `${text.slice(0, begin + BEGIN.length)}\n${supportTable(results)}\n${text.slice(end)}`;
}

function keyOf({ series, arch, variant, machine, cell }: Result): string {
  return [series, arch, variant, machine, cell].join();
}

/** A result takes the place of an older one; the others stay. */
export function withResult(results: readonly Result[], result: Result): Result[] {
  return sorted([...results.filter((each) => keyOf(each) !== keyOf(result)), result]);
}

export function record(result: Result): void {
  const all = withResult(recorded(), result);
  writeFileSync(RESULTS, `[\n${all.map((each) => `  ${JSON.stringify(each)}`).join(",\n")}\n]\n`);
  writeFileSync(README, withTable(readFileSync(README, "utf8"), all));
}
