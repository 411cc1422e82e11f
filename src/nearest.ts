/**
 * "Did you mean …?": the known word nearest to a mistyped one.
 */

/**
 * The candidate with the fewest edits from `word`, the first of equals; undefined if even that one is too
 * different to be what was meant (more than a third of the word, and at least two edits; half of the candidate).
 * Case is ignored.
 */
export function nearest<T extends string>(word: string, candidates: Iterable<T>): T | undefined {
  let best: T | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    // Lengths bound the distance from below, so that a very long word costs nothing.
    if (Math.abs(candidate.length - word.length) >= least) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    // A short word that is half another is another.
    if (distance < least && 2 * distance < candidate.length) [best, least] = [candidate, distance];
  }
  return best;
}

/**
 * How many characters must be inserted, deleted, replaced or swapped with their neighbour to turn one word
 * into the other (optimal string alignment).
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? beforeLast[j - 2]! + 1 : Infinity;
      row.push(Math.min(replaced, swapped, last[j]! + 1, row[j - 1]! + 1));
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
