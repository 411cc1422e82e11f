/**
 * The tree of commands as plain data: what completions and the man page are written from. Nothing is said here that the
 * parser does not know.
 */
import type { Command, Option } from "commander";
import type { CommandSpec, Example, Operands } from "../command.ts";
import { Flag, type Takes, type Word } from "../flag.ts";
import { COMMANDS, createProgram, EXAMPLES, SUMMARY } from "../program.ts";

export interface FlagEntry {
  /** "-p" */
  readonly short: string | undefined;
  /** "--pid" */
  readonly long: string;
  /** "<PID>" */
  readonly placeholder: string | undefined;
  /** As in the help: "process id; repeatable, or comma-separated". */
  readonly help: string;
  /** What of it fits beside a completion: "process id". */
  readonly brief: string;
  readonly takes: Takes | undefined;
}

export interface FlagGroup {
  /** "Target" */
  readonly heading: string;
  readonly flags: readonly FlagEntry[];
}

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly examples: readonly Example[];
  /** Behind the options, in the help. */
  readonly notes: string | undefined;
  readonly operands: Operands | undefined;
  readonly groups: readonly FlagGroup[];
}

export interface Tree {
  readonly summary: string;
  readonly examples: readonly Example[];
  /** Those that may stand before the command. */
  readonly flags: readonly FlagEntry[];
  readonly commands: readonly CommandEntry[];
}

export function tree(): Tree {
  const program = createProgram(async () => {}, { out: () => {}, err: () => {} });
  return {
    summary: SUMMARY,
    examples: EXAMPLES,
    flags: groupsOf(program).flatMap(({ flags }) => flags),
    commands: [...COMMANDS.map((spec) => entryOf(program, spec)), helpEntry(program)],
  };
}

export function flagsOf({ groups }: Pick<CommandEntry, "groups">): FlagEntry[] {
  return groups.flatMap(({ flags }) => flags);
}

function entryOf(program: Command, spec: CommandSpec): CommandEntry {
  const { name, summary, description, examples, notes, operands } = spec;
  const command = program.commands.find((each) => each.name() === name)!;
  return { name, summary, description, examples, notes, operands, groups: groupsOf(command) };
}

function helpEntry(program: Command): CommandEntry {
  const help = program.commands.find((each) => each.name() === "help")!;
  const commands = COMMANDS.map(({ name, summary }): Word => [name, summary]);
  return {
    name: "help",
    summary: help.summary(),
    description: help.description(),
    examples: [["timeskew help inject", ""]],
    notes: undefined,
    operands: { usage: "[COMMAND]", takes: commands },
    groups: [],
  };
}

function groupsOf(command: Command): FlagGroup[] {
  const groups = new Map<string, FlagEntry[]>();
  for (const option of command.createHelp().visibleOptions(command)) {
    const heading = (option.helpGroupHeading ?? "Options:").replace(/:$/, "");
    groups.set(heading, [...(groups.get(heading) ?? []), flagOf(option)]);
  }
  return [...groups].map(([heading, flags]) => ({ heading, flags }));
}

function flagOf(option: Option): FlagEntry {
  const { short, long, flags, description } = option;
  if (!long) throw new Error(`${flags}: every option has a long name`);
  const [placeholder] = /<.*>$/.exec(flags) ?? [];
  const takes = option instanceof Flag ? option.takes : undefined;
  if ((takes === undefined) !== (placeholder === undefined)) {
    throw new Error(`${flags}: what takes a value says which`);
  }
  return { short, long, placeholder, help: description, brief: briefOf(description), takes };
}

/** Without examples, defaults, and what else follows the first statement. */
function briefOf(help: string): string {
  return help.split(/: | \(|; /, 1)[0]!;
}
