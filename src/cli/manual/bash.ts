/** The completion script for bash: tables from the tree, and what reads them. */
import type { Takes, Word } from "../flag.ts";
import { commandWords, operandWords, PATIENCE, quote, runners, sharedFlags, spellings } from "./shared.ts";
import { type FlagEntry, flagsOf, type Tree } from "./tree.ts";

export function bashScript(tree: Tree): string {
  return `# bash completion for timeskew, written by \`timeskew completion bash\`. Needs bash 4.4.

${offering("_timeskew_commands", commandWords(tree))}
# The flags of the command $1.
_timeskew_flags() {
    case $1 in
${choice("''", tree.flags.map(flagWord))}
${tree.commands
  .filter(({ groups }) => groups.length > 0)
  .map((command) => choice(command.name, flagsOf(command).map(flagWord)))
  .join("\n")}
    esac
}

# The words that the command $1 takes.
_timeskew_operands() {
    case $1 in
${tree.commands
  .filter((command) => operandWords(command).length > 0)
  .map((command) => choice(command.name, operandWords(command)))
  .join("\n")}
    esac
}

# What the value of the flag $2 of the command $1 is made of; fails if there is none.
_timeskew_takes() {
    kind='' words=() units=() lists=''
    case "$1 $2" in
${valueCases(tree)}
    *) return 1 ;;
    esac
}

_timeskew_runs() {
    case $1 in ${runners(tree).join(" | ")}) ;; *) return 1 ;; esac
}
${ENGINE}`;
}

function offering(name: string, words: readonly Word[]): string {
  return `${name}() {\n${printed(words, "    ")}\n}\n`;
}

function choice(pattern: string, words: readonly Word[]): string {
  return `    ${pattern})\n${printed(words, "        ")}\n        ;;`;
}

/** Lines of a word, a tab, and what it means. */
function printed(words: readonly Word[], indent: string): string {
  const lines = words.map(([word, meaning]) => `${indent}    ${quote(word)} ${quote(meaning)}`);
  return [`${indent}printf '%s\\t%s\\n'`, ...lines].join(" \\\n");
}

function flagWord({ long, brief }: FlagEntry): Word {
  return [long, brief];
}

function valueCases(tree: Tree): string {
  return sharedFlags(tree)
    .flatMap(({ flag, commands }) => {
      if (flag.takes === undefined) return [];
      const patterns = commands.flatMap((command) =>
        spellings(flag).map((spelling) => `'${command} ${spelling}'`),
      );
      return `    ${patterns.join(" | ")})\n        ${settings(flag.takes)} ;;`;
    })
    .join("\n");
}

function settings(takes: Takes): string {
  const all = [`kind='${takes.kind}'`];
  if (takes.kind === "word") {
    all.push(
      `words=(${takes.words.map(([word, meaning]) => `$'${ansi(`${word}\t${meaning}`)}'`).join(" ")})`,
    );
  }
  if (takes.kind === "text") {
    all.push(`words=(${takes.examples.map(quote).join(" ")})`);
    if (takes.units.length > 0) all.push(`units=(${takes.units.join(" ")})`);
  }
  if (takes.lists) all.push("lists=1");
  return all.join(" ");
}

/** For $'…'. */
function ansi(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\t", "\\t");
}

const ENGINE = `
_timeskew() {
    local tool=$1 own=$2 cur='' flag='' command='' program='' ended='' operands=0 i
    local typed=() starts=() kind='' words=() units=() lists=''
    _timeskew_split
    for ((i = 1; i < \${#typed[@]} - 1; i++)); do
        if [[ -n $flag ]]; then
            flag=
        elif [[ \${typed[i]} == -- ]]; then
            ended=1
        elif [[ \${typed[i]} == -?* && -z $ended ]]; then
            _timeskew_takes "$command" "\${typed[i]}" && flag=\${typed[i]}
        elif [[ -z $command ]]; then
            command=\${typed[i]}
        else
            ((operands++))
            program=\${program:-\${starts[i]}}
        fi
    done
    cur=\${typed[i]}
    [[ -z $program && -n $ended ]] && program=\${starts[i]}
    COMPREPLY=()
    if [[ \${COMP_WORDS[COMP_CWORD - 1]} =~ ^[0-9]*[\\<\\>]+[\\&\\|]?$ ]]; then
        compopt -o default 2>/dev/null
    elif [[ -n $program ]] && _timeskew_runs "$command"; then
        _timeskew_program "$program"
    elif [[ -n $flag ]]; then
        _timeskew_value "$flag"
    elif [[ $cur == --*=* ]]; then
        flag=\${cur%%=*} cur=\${cur#*=}
        _timeskew_value "$flag"
    elif [[ $cur == -* ]]; then
        _timeskew_offer < <(_timeskew_flags "$command")
    elif [[ -z $command ]]; then
        _timeskew_offer < <(_timeskew_commands)
    elif [[ -n $cur ]] && _timeskew_runs "$command"; then
        _timeskew_program "\${starts[i]}"
    elif ((operands == 0)); then
        _timeskew_offer < <(_timeskew_operands "$command")
        ((\${#COMPREPLY[@]} > 0)) || _timeskew_offer < <(_timeskew_flags "$command")
    fi
}

# bash cuts words at = and :, too; here they are whole, up to the cursor, each with the number of its first part.
_timeskew_split() {
    local line=\${COMP_LINE:0:COMP_POINT} gap part i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        gap=\${line%%[![:space:]]*}
        line=\${line#"$gap"}
        part=\${line:0:\${#COMP_WORDS[i]}}
        line=\${line#"$part"}
        if ((i == 0)) || [[ -n $gap ]]; then
            typed+=("$part")
            starts+=("$i")
        else
            typed[-1]+=$part
        fi
    done
}

# Offers what begins as the word at the cursor does. Reads lines of a word, a tab, and what it means, which is shown
# where words are listed, but never inserted.
_timeskew_offer() {
    local head='' rest lead=\${typed[-1]} word meaning width=0 i meanings=()
    [[ -z $lists ]] || head=\${cur%"\${cur##*,}"}
    rest=\${cur#"$head"}
    lead=\${lead%"$own"}
    while IFS=$'\\t' read -r word meaning; do
        _timeskew_begins || continue
        [[ ,$head == *,"$word",* ]] && continue
        [[ $word == *[!A-Za-z0-9_./:=@%+,-]* ]] && printf -v word %q "$word"
        word=$head$word
        word=\${word#"$lead"}
        COMPREPLY+=("$word")
        meanings+=("$meaning")
        ((\${#word} > width)) && width=\${#word}
    done
    compopt -o nosort 2>/dev/null
    # A TAB that inserts gets the words alone.
    [[ $COMP_TYPE == 33 || $COMP_TYPE == 63 || $COMP_TYPE == 64 ]] && ((\${#COMPREPLY[@]} > 1)) || return 0
    for i in "\${!COMPREPLY[@]}"; do
        [[ -n \${meanings[i]} ]] || continue
        printf -v word '%-*s  (%s)' "$width" "\${COMPREPLY[i]}" "\${meanings[i]}"
        COMPREPLY[i]=\${word:0:\${COLUMNS:-80} - 1}
    done
}

# Words from a list may be typed in any case, and without what stands before the first _ in them.
_timeskew_begins() {
    [[ $word == "$rest"* ]] && return
    [[ $kind == word ]] && [[ \${word,,} == "\${rest,,}"* || \${word#*_} == "\${rest^^}"* ]]
}

_timeskew_value() {
    _timeskew_takes "$command" "$1" || return
    case $kind in
    file) compopt -o default 2>/dev/null ;;
    user) _timeskew_offer < <(compgen -u) ;;
    word) _timeskew_offer < <(printf '%s\\n' "\${words[@]}") ;;
    text)
        [[ $cur == *[0-9] && \${#units[@]} -gt 0 ]] && words=("\${units[@]/#/$cur}")
        _timeskew_offer < <(printf '%s\\n' "\${words[@]}")
        ;;
    *)
        _timeskew_offer < <(timeout ${PATIENCE} "\${tool/#\\~/$HOME}" __complete "$kind" 2>/dev/null </dev/null)
        ;;
    esac
}

# A program is completed as it is by itself.
_timeskew_program() {
    if declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset "$1"
    elif declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif ((COMP_CWORD == $1)); then
        mapfile -t COMPREPLY < <(compgen -c -- "$own")
    else
        compopt -o default 2>/dev/null
    fi
}

complete -F _timeskew timeskew
`;
