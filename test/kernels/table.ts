/** What came of it, as tables of Markdown. */
import type { CellName, Machine } from "./cells.ts";
import type { Result } from "./matrix.ts";
import { VARIANTS } from "./plan.ts";

const CELLS: readonly CellName[] = [
  "inject",
  "recover",
  "hammer",
  "kill",
  "waits",
  "profiles",
  "user",
  "run",
];

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(3, ...all.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) => `| ${row.map((text, i) => text.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join(
    "\n",
  );
}

/** Groups in the order in which they first come. */
function groups<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const found = new Map<string, T[]>();
  for (const item of items) {
    const group = found.get(keyOf(item));
    if (group) group.push(item);
    else found.set(keyOf(item), [item]);
  }
  return [...found.values()];
}

function shortState({ state, code, right }: Result): string {
  if (state === "green") return right ? "ok" : "ok?";
  return state === "refused" ? `${code}${right ? "" : "!"}` : "RED";
}

/** A row for each kernel, way to start it, and machine; a column for each cell. */
export function cellTable(results: readonly Result[]): string {
  const rows = groups(results, ({ series, variant, machine }) => `${series} ${variant} ${machine}`).map(
    (group) => {
      const { version, machine, variant } = group[0]!;
      const cells = CELLS.map((name) => group.find(({ cell }) => cell === name));
      return [version, variant, machine, ...cells.map((each) => (each ? shortState(each) : ""))];
    },
  );
  return table(["kernel", "variant", "target", ...CELLS], rows);
}

const TITLES: Readonly<Record<Machine, string>> = {
  x86_64: "x86-64 programs",
  i386: "32-bit x86 programs",
  aarch64: "arm64 programs",
};
const PROGRAMS = Object.keys(TITLES) as Machine[];

/** In words what all cells of one kernel for one machine come to. */
function verdict(cells: readonly Result[]): string {
  if (cells.length === 0) return "";
  const named = (some: readonly Result[]) => some.map(({ cell }) => cell).join(", ");
  const wrong = cells.filter(({ right }) => !right);
  if (wrong.length > 0) return `**not**: ${named(wrong)}`;
  const green = cells.filter(({ state }) => state === "green");
  if (green.length === CELLS.length) return "yes";
  const refused = cells.filter(({ state }) => state === "refused");
  if (refused.length === 0) return `tried: ${named(green)}`;
  const who = green.length === 0 ? "" : `${named(green)}; ${named(refused)} `;
  return `${who}refused: ${reason(refused[0]!.words)}`;
}

/** Without which process it was, and by what that is known, which stands in results.json. */
function reason(words: string): string {
  return words
    .replace(/\bpid \d+ \([^)]*\)/, "the process")
    .replace(/^.* the process: /, "")
    .replace(/ \([^)]*\)$/, "");
}

/** Debian's version, which need not be the same for both architectures. */
function versions(cells: readonly Result[]): string {
  const [first, ...others] = groups(cells, ({ version }) => version).map((group) => group[0]!);
  return [first!.version, ...others.map(({ arch, version }) => `${version} for ${arch}`)].join(", ");
}

/** The table of README.md: a row for each kernel, and for each of the ways to start it. */
export function supportTable(results: readonly Result[]): string {
  const rows = groups(results, ({ series, variant }) => `${series} ${variant}`).map((group) => {
    const { variant } = group[0]!;
    const verdicts = PROGRAMS.map((machine) => verdict(group.filter((each) => each.machine === machine)));
    return [`${versions(group)}${variant ? ` with ${variant}` : ""}`, ...verdicts];
  });
  return table(["Debian's kernel", ...Object.values(TITLES)], rows);
}

/** As the tables have them: plain kernels first, by age; x86-64 first. */
export function sorted(results: readonly Result[]): Result[] {
  const age = (series: string) => series.split(".").reduce((sum, part) => sum * 1000 + Number(part), 0);
  const way = ({ variant }: Result) => VARIANTS.findIndex(({ name }) => name === variant);
  return [...results].sort(
    (a, b) =>
      way(a) - way(b) ||
      age(a.series) - age(b.series) ||
      PROGRAMS.indexOf(a.machine) - PROGRAMS.indexOf(b.machine) ||
      CELLS.indexOf(a.cell) - CELLS.indexOf(b.cell),
  );
}
