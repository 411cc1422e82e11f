/** A line of shell as words: as much of the shell's grammar as pages use. */

const TOKEN = /(\d?[<>]+(?:&\d|\s*\S+))|(&&|\|\||[|;&])|((?:'[^']*'|"[^"]*"|[^\s'"|;&<>])+)/g;

/** What may stand before a command that is meant. */
const BEFORE = /^(sudo|exec|[A-Z_]+=.*)$/;

/** The commands of a line, each as its words; without sudo, variables before it, and redirections. */
export function wordsOf(line: string): string[][] {
  const commands: string[][] = [[]];
  for (const [, redirection, operator, word] of line.matchAll(TOKEN)) {
    if (operator !== undefined) commands.push([]);
    else if (redirection === undefined) commands.at(-1)!.push(unquoted(word!));
  }
  return commands.map(unwrapped).filter((words) => words.length > 0);
}

function unquoted(word: string): string {
  return word.replace(/'([^']*)'|"([^"]*)"/g, (_, single, double) => single ?? double);
}

function unwrapped(words: readonly string[]): string[] {
  const from = words.findIndex((word) => !BEFORE.test(word));
  return from < 0 ? [] : words.slice(from);
}
