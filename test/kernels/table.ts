/** What came of it, as tables of Markdown. */
import { ARCHES, type Arch } from "./arch.ts";
import type { CellName, Machine } from "./cells.ts";
import type { Result } from "./matrix.ts";

const CELLS: readonly CellName[] = ["inject", "recover", "hammer", "kill", "waits", "profiles", "user"];

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
const KERNELS: Readonly<Record<Arch, string>> = { x86_64: "x86-64", arm64: "arm64" };

/** In words what all cells of one kernel for one machine come to; some of them say only what was tried. */
function verdict(cells: readonly Result[]): string {
  if (cells.length === 0) return "";
  const wrong = cells.filter(({ right }) => !right);
  if (wrong.length > 0) return `**not**: ${wrong.map(({ cell, code }) => code ?? cell).join(", ")}`;
  const refused = cells.find(({ state }) => state === "refused");
  if (refused) return `refused: ${refused.words}`;
  const tried = CELLS.filter((name) => cells.some(({ cell }) => cell === name));
  return tried.length === CELLS.length ? "yes" : `tried: ${tried.join(", ")}`;
}

/** The table of README.md: a row for each kernel, and for each of the ways to start it. */
export function supportTable(results: readonly Result[]): string {
  const rows = groups(results, ({ series, arch, variant }) => `${series} ${arch} ${variant}`).map((group) => {
    const { version, arch, variant } = group[0]!;
    const kernel = `${version}, ${KERNELS[arch as Arch]}${variant ? `, ${variant}` : ""}`;
    const verdicts = (Object.keys(TITLES) as Machine[]).map((machine) =>
      verdict(group.filter((each) => each.machine === machine)),
    );
    return [kernel, ...verdicts];
  });
  return table(["Debian's kernel", ...Object.values(TITLES)], rows);
}

/** As the tables have them: plain kernels first, by age; x86-64 first. */
export function sorted(results: readonly Result[]): Result[] {
  const age = (series: string) => series.split(".").reduce((sum, part) => sum * 1000 + Number(part), 0);
  return [...results].sort(
    (a, b) =>
      Number(a.variant !== "") - Number(b.variant !== "") ||
      ARCHES.indexOf(a.arch as Arch) - ARCHES.indexOf(b.arch as Arch) ||
      age(a.series) - age(b.series),
  );
}
