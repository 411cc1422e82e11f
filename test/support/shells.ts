/** Interactive shells on a terminal, with the completions of the built tool: what a line becomes when TAB is pressed. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { timeskew } from "./cli.ts";
import { ended, quoted, tool } from "./programs.ts";

const TYPING = fileURLToPath(new URL("typing.py", import.meta.url));

export type ShellName = "bash" | "zsh" | "fish";

/** A home with the scripts in it, and the tool in its PATH. */
export interface Home extends AsyncDisposable {
  readonly path: string;
}

export async function homeWithScripts(): Promise<Home> {
  const path = await mkdtemp(join(tmpdir(), "timeskew-shells-"));
  await mkdir(join(path, "bin"));
  await writeFile(join(path, "bin/timeskew"), `#!/bin/sh\nexec ${tool().map(quoted).join(" ")} "$@"\n`);
  await chmod(join(path, "bin/timeskew"), 0o755);
  for (const [shell, file] of [
    ["bash", "timeskew.bash"],
    ["zsh", "_timeskew"],
    ["fish", "timeskew.fish"],
  ] as const) {
    const { code, stdout } = await timeskew("completion", shell);
    expect(code).toBe(0);
    await writeFile(join(path, file), stdout);
  }
  for (const [name, text] of Object.entries(STARTUP)) await writeFile(join(path, name), text);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** The key after TAB: shows the line with the number of it, and empties it. */
const SHOW = "\u0018\u0010";

const BASH = (completion: string) => `
PS1='READY$ ' n=0
show() { printf '\\n[%d:%s]\\n' $((++n)) "$READLINE_LINE"; READLINE_LINE= READLINE_POINT=0; }
bind -x '"\\C-x\\C-p": show'
bind 'set completion-query-items 0'
bind 'set page-completions off'
bind 'set enable-bracketed-paste off'
${completion}
source ~/timeskew.bash
`;

const STARTUP: Readonly<Record<string, string>> = {
  "plain.bash": BASH(""),
  "package.bash": BASH("source /usr/share/bash-completion/bash_completion"),
  ".zshrc": `
PS1='READY$ ' n=0 LISTMAX=0
fpath=(~ $fpath)
autoload -Uz compinit && compinit -u -D
show() { printf '\\n[%d:%s]\\n' $((++n)) "$BUFFER"; BUFFER=; }
zle -N show
bindkey '^X^P' show
`,
  "start.fish": `
set -g n 0
function fish_greeting; end
function fish_prompt; echo -n 'READY$ '; end
function show
    set -g n (math $n + 1)
    printf '\\n[%d:%s]\\n' $n (commandline)
    commandline ''
end
bind \\cx\\cp show
source ~/timeskew.fish
`,
};

/** How each is started in that home. */
function starting(shell: ShellName, withPackage: boolean): string[] {
  switch (shell) {
    case "bash":
      return ["bash", "--noprofile", "--rcfile", withPackage ? "package.bash" : "plain.bash", "-i"];
    case "zsh":
      return ["zsh", "-o", "NO_GLOBAL_RCS", "-i"];
    case "fish":
      return ["fish", "--init-command", "source ~/start.fish", "-i"];
  }
}

/**
 * Types each line and TAB in one shell, and answers what the lines are then.
 *
 * @param o.withPackage with Debian's completions for other programs, in bash
 */
export async function completed(
  { path }: Home,
  shell: ShellName,
  lines: readonly string[],
  { withPackage = false } = {},
): Promise<string[]> {
  const { stdout } = await typed({ path }, starting(shell, withPackage), [
    ...lines.map((line, at): [string, string] => [at === 0 ? "READY$ " : `[${at}:`, `${line}\t${SHOW}`]),
    [`[${lines.length}:`, "exit\n"],
  ]);
  const shown = new Map(
    [...stdout.matchAll(/^\[(\d+):(.*)\]\r?$/gm)].map(([, at, line]) => [Number(at), line!]),
  );
  return lines.map((_, at) => shown.get(at + 1) ?? `nothing was shown: ${stdout}`);
}

/** What a shell lists when TAB is pressed twice; `until` is in it. */
export async function listed(home: Home, shell: ShellName, line: string, until: string): Promise<string> {
  const { stdout } = await typed(home, starting(shell, false), [
    ["READY$ ", `${line}\t\t`],
    [until, SHOW],
    ["[1:", "exit\n"],
  ]);
  return stdout;
}

function typed({ path }: Pick<Home, "path">, command: readonly string[], steps: readonly [string, string][]) {
  const environment = [
    `HOME=${path}`,
    `ZDOTDIR=${path}`,
    `PATH=${path}/bin:${process.env.PATH}`,
    "TERM=xterm",
  ];
  const sized = 'cd "$HOME" && stty cols 100 rows 50 && exec "$@"';
  return ended([
    ...["python3", TYPING, JSON.stringify(steps)],
    ...["env", "-i", ...environment, "LC_ALL=C.UTF-8", "sh", "-c", sized, "sh", ...command],
  ]);
}
