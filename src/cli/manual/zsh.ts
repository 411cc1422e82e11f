/** The completion script for zsh: what `_arguments` takes, for each command. */
import type { Takes, Word } from "../flag.ts";
import { commandWords, isAsked, operandWords, PATIENCE, spellings } from "./shared.ts";
import { type CommandEntry, type FlagEntry, flagsOf, type Tree } from "./tree.ts";

export function zshScript(tree: Tree): string {
  return `#compdef timeskew
# zsh completion for timeskew, written by \`timeskew completion zsh\`. Needs zsh 5.0.

_timeskew() {
    local curcontext=$curcontext tool=$words[1] context state state_descr line ret=1
    local -A opt_args
    _arguments -C -S : \\
${specs(tree.flags)} \\
        '1: :_timeskew_words command' \\
        '*:: :->rest' && ret=0
    [[ $state == rest ]] || return ret
    curcontext=\${curcontext%:*:*}:timeskew-$words[1]:
    case $words[1] in
${tree.commands.map(choice).join("\n")}
    esac
    return ret
}

# Words from a list, each with what it means; they may be typed in any case, and without CLOCK_.
_timeskew_words() {
    local list=\${@[-1]}
    local -a words
    case $list in
    command)
        words=(${described(commandWords(tree))})
        ;;
${[...lists(tree)].map(([name, words]) => `    ${name})\n        words=(${described(words)})\n        ;;`).join("\n")}
    esac
    _describe -t "$list" "$list" words "\${@[1,-2]}" -V "$list" \\
        -M 'm:{[:lower:]-}={[:upper:]_} l:|=CLOCK_'
}
${ENGINE}`;
}

function choice({ name, groups, operands }: CommandEntry): string {
  const last =
    operands?.takes === "program"
      ? ["'(-)1:program:_command_names -e'", "'*::argument:_normal'"]
      : operands === undefined
        ? []
        : [quoted(`1:${name}:_timeskew_words ${name}`)];
  const all = [
    ...(groups.length === 0 ? [] : [specs(flagsOf({ groups }))]),
    ...last.map((spec) => `        ${spec}`),
  ];
  return `    ${name})\n        _arguments -s -S : \\\n${all.join(" \\\n")} && ret=0\n        ;;`;
}

function specs(flags: readonly FlagEntry[]): string {
  return flags
    .flatMap((flag) => spellings(flag).map((spelling) => `        ${quoted(specOf(flag, spelling))}`))
    .join(" \\\n");
}

/** "(-o --offset)-o+[move the clock by this]:duration:…" */
function specOf(flag: FlagEntry, spelling: string): string {
  const { brief, takes, placeholder = "" } = flag;
  const once = takes?.repeats ? "*" : `(${spellings(flag).join(" ")})`;
  const explained = `[${brief.replace(/[\\[\]:]/g, "\\$&")}]`;
  if (takes === undefined) return `${once}${spelling}${explained}`;
  const what = placeholder.replace(/[<>]/g, "").toLowerCase().replaceAll(":", "\\:");
  const attached = spelling.startsWith("--") ? "=" : "+";
  return `${once}${spelling}${attached}${explained}:${what}:${actionOf(flag, takes)}`;
}

function actionOf({ long }: FlagEntry, takes: Takes): string {
  // What follows the dash comes behind the options that _sequence adds.
  const of = takes.lists ? (name: string) => `_sequence ${name} -` : (name: string) => name;
  if (isAsked(takes)) return `${of("_timeskew_ask")} ${takes.kind}`;
  switch (takes.kind) {
    case "user":
      return "_users";
    case "word":
      return `${of("_timeskew_words")} ${long.slice(2)}`;
    case "text": {
      const examples = takes.examples.join(" ").replaceAll(":", "\\:");
      // The blank keeps _arguments from putting options of its own in front.
      return ` _timeskew_such_as "${takes.units.join(" ")}" ${examples}`;
    }
    default:
      return "_files";
  }
}

/** The lists of words, by the flag or the command that takes one of them. */
function lists({ commands }: Tree): Map<string, readonly Word[]> {
  const found = new Map<string, readonly Word[]>();
  for (const command of commands) {
    const words = operandWords(command);
    if (words.length > 0) found.set(command.name, words);
    for (const { long, takes } of flagsOf(command)) {
      if (takes?.kind === "word") found.set(long.slice(2), takes.words);
    }
  }
  return found;
}

/** For _describe: "word:what it means". */
function described(words: readonly Word[]): string {
  const escaped = (word: string) => word.replace(/[\\:]/g, "\\$&");
  const lines = words.map(([word, meaning]) => `\n            ${quoted(`${escaped(word)}:${meaning}`)}`);
  return `${lines.join("")}\n        `;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const ENGINE = `
# What the tool has to look for: processes, containers, cgroups, skews.
_timeskew_ask() {
    local kind=\${@[-1]} entry tab=$'\\t'
    local -a found
    for entry in "\${(@f)$(_call_program "$kind" timeout ${PATIENCE} \${(q)tool/#\\~\\//$HOME/} __complete "$kind" 2>/dev/null)}"; do
        [[ -n $entry ]] && found+=("\${\${entry%%$tab*}//:/\\\\:}:\${entry#*$tab}")
    done
    _describe -t "$kind" "$kind" found "\${@[1,-2]}" -V "$kind"
}

# Examples; behind a number, its units.
_timeskew_such_as() {
    local -a units=(\${=1}) words=("\${@[2,-1]}")
    if [[ $PREFIX == *[0-9] ]] && (( $#units )); then
        words=("$PREFIX"\${^units})
    fi
    local -a expl
    _description -V examples expl 'for example'
    compadd "\${expl[@]}" -- "\${words[@]}"
}

if [[ $funcstack[1] == _timeskew ]]; then
    _timeskew "$@"
elif (( $+functions[compdef] )); then
    compdef _timeskew timeskew
fi
`;
