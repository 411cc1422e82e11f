/** What the scripts of all shells have in common. */
import type { Takes, Word } from "../flag.ts";
import { type CommandEntry, type FlagEntry, flagsOf, type Tree } from "./tree.ts";

/** How long a shell waits for words that the tool has to look for, in seconds: longer than it takes on a busy machine. */
export const PATIENCE = 5;

/** For any Bourne shell: as one word, whatever it contains. */
export function quote(text: string): string {
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The commands that have the very same flag. */
export interface SharedFlag {
  readonly flag: FlagEntry;
  readonly commands: readonly string[];
}

/** Every flag once for each meaning that it has; the ones of no command come first, with the command "". */
export function sharedFlags(tree: Tree): SharedFlag[] {
  const found = new Map<string, { flag: FlagEntry; commands: string[] }>();
  for (const { name, flags } of [{ name: "", flags: tree.flags }, ...tree.commands.map(named)]) {
    for (const flag of flags) {
      const { help: _, ...same } = flag;
      const key = JSON.stringify(same);
      const shared = found.get(key) ?? { flag, commands: [] };
      shared.commands.push(name);
      found.set(key, shared);
    }
  }
  return [...found.values()];
}

function named(command: CommandEntry) {
  return { name: command.name, flags: flagsOf(command) };
}

/** As they are typed: "-p", "--pid". */
export function spellings({ short, long }: FlagEntry): string[] {
  return short === undefined ? [long] : [short, long];
}

export function commandWords({ commands }: Tree): Word[] {
  return commands.map(({ name, summary }) => [name, summary]);
}

/** The commands that run a program. */
export function runners({ commands }: Tree): string[] {
  return commands.filter(({ operands }) => operands?.takes === "program").map(({ name }) => name);
}

/** The words that a command takes behind its options. */
export function operandWords({ operands }: CommandEntry): readonly Word[] {
  return operands === undefined || operands.takes === "program" ? [] : operands.takes;
}

/** A value that the tool itself has to look for (complete.ts). */
export function isAsked({ kind }: Takes): boolean {
  return !["user", "file", "word", "text"].includes(kind);
}
