/** The completion script of each shell, and all files that are written from the tree of commands. */
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { manPage } from "./roff.ts";
import { type Tree, tree } from "./tree.ts";
import { zshScript } from "./zsh.ts";

const SCRIPTS: Readonly<Record<string, (tree: Tree) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

export function completionScript(shell: string): string {
  return SCRIPTS[shell]!(tree());
}

/** What is installed beside the program: file names below dist/, and what they contain. */
export function installedFiles(): Readonly<Record<string, string>> {
  const all = tree();
  return {
    "man/timeskew.1": manPage(all),
    "completion/timeskew.bash": bashScript(all),
    "completion/_timeskew": zshScript(all),
    "completion/timeskew.fish": fishScript(all),
  };
}
