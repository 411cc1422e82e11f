/** `timeskew completion`: a script that makes a shell complete command lines of ours. */
import type { CommandSpec } from "../command.ts";
import type { Word } from "../flag.ts";
import { oneWord } from "../usage.ts";

const SHELLS: readonly Word[] = [
  ["bash", "the GNU shell, 4.4 or newer"],
  ["zsh", "the Z shell, 5.0 or newer"],
  ["fish", "the friendly shell, 3.1 or newer"],
];

const NOTES = `\
Where a shell finds it by itself, for one user and for all:
  bash  ~/.local/share/bash-completion/completions/timeskew
        /usr/share/bash-completion/completions/timeskew
  zsh   ~/.zfunc/_timeskew (fpath+=~/.zfunc before compinit in ~/.zshrc)
        /usr/local/share/zsh/site-functions/_timeskew
  fish  ~/.config/fish/completions/timeskew.fish
        /usr/share/fish/vendor_completions.d/timeskew.fish

bash needs the package bash-completion for that; without it, put the
first example into ~/.bashrc. It works behind sudo as well: in zsh and
fish always, in bash by the same package. What only root may see (names
of Docker's containers, skews of other users' processes) is not offered
then, for the shell does not ask as root.`;

export const completion: CommandSpec = {
  name: "completion",
  summary: "print what makes a shell complete its command lines",
  description:
    "Prints a script that makes a shell complete the commands, options and values of timeskew: processes, containers, " +
    "clocks.",
  examples: [
    ['eval "$(timeskew completion bash)"', "in this shell"],
    ["timeskew completion fish | source", "the same in fish"],
    ["timeskew completion zsh > ~/.zfunc/_timeskew", "for each zsh to come"],
  ],
  notes: NOTES,
  operands: { usage: "bash|zsh|fish", takes: SHELLS },
  options() {},
  async run({ ui }, _flags, [typed]) {
    const shell = oneWord(typed, SHELLS, { what: "shell", example: "timeskew completion bash" });
    const { completionScript } = await import("../manual/scripts.ts");
    const script = completionScript(shell);
    ui.result([script.trimEnd()]);
    return { targets: [], extra: { shell, script } };
  },
};
