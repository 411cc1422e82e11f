/** Columns of text, two spaces apart, as wide as their widest cell. */
import type { Painter } from "../colour.ts";

export interface Column {
  readonly title: string;
  /** Numbers line up at their right end. */
  readonly right?: boolean;
}

/** A title row and the rows. Cells are plain text; only the titles are painted. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  paint: Painter,
): string[] {
  const titles = columns.map(({ title }) => title);
  const [first, ...rest] = align([titles, ...rows], columns);
  return [paint.bold(first ?? ""), ...rest];
}

/** Rows without titles. A column without an entry in `columns` is left-aligned. */
export function align(rows: readonly (readonly string[])[], columns: readonly Column[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  const pad = (cell: string, i: number) =>
    columns[i]?.right ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!);
  return rows.map((row) => row.map(pad).join("  ").trimEnd());
}
