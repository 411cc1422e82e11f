/**
 * How wide DejaVu Sans writes ASCII, in thousandths of an em: one of the widest fonts that a picture is seen with. By the
 * font's own table (hmtx), so it knows nothing of what the renderer believes.
 */
const ADVANCES = [
  ...[318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337], // space to slash
  ...[636, 636, 636, 636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531], // 0 to ?
  ...[1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863, 748, 787], // @ to O
  ...[603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500], // P to _
  ...[500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612], // ` to o
  ...[635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838], // p to ~
];
const OTHERS: Readonly<Record<string, number>> = {
  "−": 838,
  "×": 838,
  "…": 1000,
  µ: 636,
  "€": 636,
  "·": 318,
};

/** px. */
export function widthInDejaVu(text: string, size: number): number {
  const advances = [...text].map((char) => ADVANCES[char.codePointAt(0)! - 32] ?? OTHERS[char] ?? 1000);
  return advances.reduce((sum, each) => sum + each, 0) * (size / 1000);
}
