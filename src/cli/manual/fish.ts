/** The completion script for fish: a rule for each flag, and who decides which rules count. */
import type { Takes } from "../flag.ts";
import { commandWords, isAsked, operandWords, PATIENCE, runners, sharedFlags, spellings } from "./shared.ts";
import type { FlagEntry, Tree } from "./tree.ts";

export function fishScript(tree: Tree): string {
  return `# fish completion for timeskew, written by \`timeskew completion fish\`. Needs fish 3.1.
${engine(tree)}
complete -c timeskew -f
${commandWords(tree).map(commandRule).join("\n")}

${sharedFlags(tree)
  .map(({ flag, commands }) => flagRule(flag, commands))
  .join("\n")}

${tree.commands.flatMap((command) => operandWords(command).map(operandRule(command.name))).join("\n")}
complete -c timeskew -n __timeskew_runs_program -xa '(__timeskew_program)'
`;
}

function commandRule([name, summary]: readonly [string, string]): string {
  return rule("__timeskew_is ''", ["-xa", quoted(name), "-d", quoted(summary)]);
}

function flagRule({ short, long, brief, takes }: FlagEntry, commands: readonly string[]): string {
  const names = [...(short === undefined ? [] : ["-s", short.slice(1)]), "-l", long.slice(2)];
  const value = takes === undefined ? [] : valueRule(takes);
  const condition = `__timeskew_is ${commands.map((command) => command || "''").join(" ")}`;
  return rule(condition, [...names, ...value, "-d", quoted(brief)]);
}

function operandRule(command: string) {
  return ([word, meaning]: readonly [string, string]) =>
    rule(`__timeskew_is ${command}`, ["-xa", quoted(word), "-d", quoted(meaning)]);
}

function rule(condition: string, words: readonly string[]): string {
  return `complete -c timeskew -n ${quoted(condition)} ${words.join(" ")}`;
}

function valueRule(takes: Takes): string[] {
  if (takes.kind === "file") return ["-rF"];
  return ["-xa", quoted(`(${lister(takes)})`)];
}

function lister(takes: Takes): string {
  if (isAsked(takes)) {
    const ask = `__timeskew_ask ${takes.kind}`;
    return takes.lists ? `__fish_append , (${ask})` : ask;
  }
  switch (takes.kind) {
    case "word": {
      const words = takes.words.map(([word, meaning]) => quoted(`${word}\t${meaning}`)).join(" ");
      return takes.lists ? `__fish_append , ${words}` : `printf '%s\\n' ${words}`;
    }
    case "text":
      return `__timeskew_such_as ${quoted(takes.units.join(" "))} ${takes.examples.join(" ")}`;
    default:
      return "__fish_complete_users";
  }
}

/** In fish's single quotes only \\ and ' need a backslash. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

function engine(tree: Tree): string {
  const valued = [
    ...new Set(
      sharedFlags(tree)
        .filter(({ flag }) => flag.takes)
        .flatMap(valuedBy),
    ),
  ];
  return `
# The command, and behind it, if it runs a program and has come to it, that program with its arguments.
function __timeskew_typed
    set -l command
    set -l ended
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]
        set -l word $words[1]
        set -e words[1]
        if test -z "$ended"; and test "$word" = --
            set ended 1
            test -n "$command"; and break
        else if test -z "$ended"; and contains -- "$command $word" ${valued.map(quoted).join(" ")}
            # A value that begins with a dash is none of our options.
            if not set -q words[1]; and string match -q -- '-*' (commandline -ct)
                set ended 1
            end
            set -e words[1]
        else if test -z "$ended"; and string match -q -- '-*' $word
            continue
        else if test -z "$command"
            set command $word
        else
            set words $word $words
            set ended 1
            break
        end
    end
    printf '%s\\n' "$command" "$ended" $words
end

# Whether the command is one of these, and its options are not over.
function __timeskew_is
    set -l typed (__timeskew_typed)
    test -z "$typed[2]"; and contains -- "$typed[1]" $argv
end

function __timeskew_runs_program
    set -l typed (__timeskew_typed)
    contains -- "$typed[1]" ${runners(tree).join(" ")}
    and begin
        test -n "$typed[2]"; or not string match -q -- '-*' (commandline -ct)
    end
end

function __timeskew_program
    set -l typed (__timeskew_typed)
    set -l words (string escape -- $typed[3..-1]) (commandline -ct)
    complete -C "$words"
end

# What the tool has to look for: processes, containers, cgroups, skews.
function __timeskew_ask
    set -l tool (commandline -opc)[1]
    timeout ${PATIENCE} (string replace -r '^~' $HOME -- $tool) __complete $argv[1] 2>/dev/null </dev/null
end

# Examples; behind a number, its units.
function __timeskew_such_as
    set -l number (string match -r -- '[-+]?[0-9][0-9a-z.]*$' (commandline -ct))
    if test -n "$argv[1]"; and string match -qr -- '[0-9]$' "$number"
        printf '%s\\n' $number(string split ' ' -- $argv[1])
    else
        printf '%s\\n' $argv[2..-1]
    end
end
`;
}

function valuedBy({ flag, commands }: ReturnType<typeof sharedFlags>[number]): string[] {
  return commands.flatMap((command) => spellings(flag).map((spelling) => `${command} ${spelling}`));
}
