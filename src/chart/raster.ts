/** Characters that curves are made of: eight Braille dots each, or, without Unicode, one stroke. */
import type { Span } from "./plot.ts";

export interface Raster {
  /** Dots of a character. */
  readonly across: number;
  readonly down: number;
  /** Where a line through the middle of a character is, in dots from its top. */
  readonly middle: number;
  /** What stands in column `x`, row `y` of characters; undefined where the curve is not. */
  at(spans: readonly Span[], x: number, y: number): string | undefined;
  readonly corner: string;
  readonly axis: string;
  readonly tick: string;
  readonly edge: string;
  readonly edgeTick: string;
  readonly zero: string;
  readonly mark: string;
  readonly pointer: string;
}

/** The bits of a Braille character's dots, by column and row. */
const DOTS: readonly (readonly number[])[] = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
];

export const BRAILLE: Raster = {
  across: 2,
  down: 4,
  middle: 1,
  at(spans, x, y) {
    let bits = 0;
    for (const [column, rows] of DOTS.entries()) {
      const { top, bottom } = spans[2 * x + column]!;
      for (const [row, bit] of rows.entries()) {
        if (top <= 4 * y + row && 4 * y + row <= bottom) bits |= bit;
      }
    }
    return bits === 0 ? undefined : String.fromCodePoint(0x2800 + bits);
  },
  corner: "└",
  axis: "─",
  tick: "┴",
  edge: "│",
  edgeTick: "┤",
  zero: "┈",
  mark: "┊",
  pointer: "▾",
};

export const ASCII: Raster = {
  across: 1,
  down: 1,
  middle: 0,
  at(spans, x, y) {
    const { top, bottom } = spans[x]!;
    // From one row to the next there is no gap to fill.
    if (bottom - top < 2) return y === top ? "-" : undefined;
    return y >= top && y <= bottom ? "|" : undefined;
  },
  corner: "+",
  axis: "-",
  tick: "+",
  edge: "|",
  edgeTick: "+",
  zero: ".",
  mark: ":",
  pointer: "v",
};
