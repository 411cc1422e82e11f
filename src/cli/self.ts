/**
 * What this program is to its user and to the kernel: a script that Node runs. In the single binary self-single.ts takes the
 * place of this module.
 */
import { resolve } from "node:path";

/** How it is started anew: a file, and the words in front of the command line's own. */
export interface Restart {
  readonly paths: readonly string[];
  readonly argv: readonly string[];
}

export interface Self {
  /** The path that it was started by; a name that PATH leads to, for a program. */
  readonly script: string;
  /** Whether the path is a program's: it is called by itself then, not by `node`. */
  readonly isProgram: boolean;
  restart(): Restart;
}

export const self: Self = {
  script: process.argv[1] ?? "timeskew",
  isProgram: false,
  restart: () => ({ paths: [process.execPath], argv: [process.execPath, resolve(self.script)] }),
};
