/** What a command is: how it reads on the command line, and what it does. */
import type { Command } from "commander";
import type { TimeskewError } from "../errors.ts";
import type { Word } from "./flag.ts";
import type { Flags } from "./flags.ts";
import type { Ui } from "./ui.ts";
import type { World } from "./world.ts";

export type Example = readonly [command: string, meaning: string];

export interface CommandSpec {
  readonly name: string;
  /** One line in the list of commands. */
  readonly summary: string;
  /** One sentence or two at the top of the command's own help. */
  readonly description: string;
  readonly examples: readonly Example[];
  /** Below the options in its help; lines of at most 80 columns. */
  readonly notes?: string;
  /** What stands behind the options; a command without it takes nothing. */
  readonly operands?: Operands;
  options(command: Command): void;
  run: Action;
}

export interface Operands {
  /** As in the usage line. */
  readonly usage: string;
  /** A program with its arguments, which may look like options; or one of these words. */
  readonly takes: "program" | readonly Word[];
}

export interface Session {
  readonly world: World;
  readonly ui: Ui;
}

/**
 * Carries a command out and prints its text, errors of single targets included. It throws only what
 * concerns the command as a whole.
 */
export type Action = (session: Session, flags: Flags, operands: readonly string[]) => Promise<Outcome>;

/** How a command ended; the JSON report is made of it, and the exit code. */
export interface Outcome {
  /** One entry for each target, the failed ones included. */
  readonly targets: readonly object[];
  /** Further keys of the JSON report. */
  readonly extra?: object;
  /** Why the command as a whole did not succeed. Already printed. */
  readonly error?: TimeskewError | undefined;
}
