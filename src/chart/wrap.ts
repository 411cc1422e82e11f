/** Text in lines. */

/** Lines of at most `length` characters, as far as each word is that short. */
export function wrap(words: readonly string[], length: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > length) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** A command line's flags, each with its value. */
export function flagsOf(text: string): string[] {
  return text.split(/ (?=--)/);
}
