/**
 * Instruction words as the architecture's manual draws them: 32 signs from bit 31 down, spaces left out. 0 and 1 are fixed,
 * a letter is a field, and a dot any bit.
 */

export interface Pattern {
  readonly mask: number;
  readonly value: number;
  /** Each letter's bits: how far they are shifted, and how many they are. */
  readonly fields: ReadonlyMap<string, { readonly shift: number; readonly width: number }>;
}

/** The values of a word's fields, unsigned; of a letter that the pattern does not have, 0. */
export type Fields = (letter: string) => number;

export function pattern(drawing: string): Pattern {
  const signs = drawing.replaceAll(" ", "");
  if (signs.length !== 32) throw new RangeError(`${drawing}: ${signs.length} bits`);
  const bits = (test: (sign: string) => boolean) =>
    Number.parseInt([...signs].map((sign) => (test(sign) ? "1" : "0")).join(""), 2);
  const letters = new Set(signs.replace(/[01.]/g, ""));
  const fields = [...letters].map((letter) => {
    const shift = 31 - signs.lastIndexOf(letter);
    return [letter, { shift, width: 32 - shift - signs.indexOf(letter) }] as const;
  });
  return {
    mask: bits((sign) => sign === "0" || sign === "1"),
    value: bits((sign) => sign === "1"),
    fields: new Map(fields),
  };
}

export function matches({ mask, value }: Pattern, word: number): boolean {
  return (word & mask) >>> 0 === value;
}

export function fieldsOf({ fields }: Pattern, word: number): Fields {
  return (letter) => {
    const field = fields.get(letter);
    return field === undefined ? 0 : (word >>> field.shift) & (2 ** field.width - 1);
  };
}
