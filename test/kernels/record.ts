/** Keeps results in results.json, and puts the table made of them into README.md. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Result } from "./matrix.ts";
import { ROOT } from "./place.ts";
import { sorted, supportTable } from "./table.ts";

const RESULTS = join(ROOT, "test/kernels/results.json");
const README = join(ROOT, "README.md");
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

/** New results take the places of old ones; the others stay. */
export function record(results: readonly Result[]): void {
  const key = ({ series, arch, variant, machine, cell }: Result) =>
    [series, arch, variant, machine, cell].join();
  const fresh = new Set(results.map(key));
  // How long a cell took is no result: it would differ each time.
  const all = sorted([...recorded().filter((each) => !fresh.has(key(each))), ...results]);
  writeFileSync(RESULTS, `[\n${all.map((each) => `  ${JSON.stringify(each)}`).join(",\n")}\n]\n`);
  writeFileSync(README, withTable(readFileSync(README, "utf8"), all));
}
