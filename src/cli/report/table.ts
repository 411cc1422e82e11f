/** Columns of text, two spaces apart, as wide as their widest cell. */
import type { Painter } from "../colour.ts";

export interface Column {
  readonly title: string;
  /** Numbers line up at their right end. */
  readonly right?: boolean;
  /** Left out where the table would be too wide, that of the highest number first. */
  readonly spare?: number;
}

/**
 * A title row and the rows. Cells are plain text; only the titles are painted.
 *
 * @param width of the terminal; undefined: there is room for everything
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  paint: Painter,
  width?: number,
): string[] {
  const titles = columns.map(({ title }) => title);
  const lines = align([titles, ...rows], columns);
  const spare = Math.max(...columns.map((column) => column.spare ?? 0));
  if (width !== undefined && spare > 0 && lines.some(({ length }) => length > width)) {
    const kept = <T>(cells: readonly T[]) => cells.filter((_, i) => columns[i]?.spare !== spare);
    return table(kept(columns), rows.map(kept), paint, width);
  }
  const [first, ...rest] = lines;
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
