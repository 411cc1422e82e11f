/**
 * The tree of commands: the one source of flags and help. It decides nothing: a command line that parses
 * is handed to `dispatch`, one that does not is thrown as a CommanderError. A new command is a file in
 * commands/ and an entry in COMMANDS.
 */
import { Command } from "commander";
import type { CommandSpec, Example } from "./command.ts";
import { doctor } from "./commands/doctor.ts";
import { exec } from "./commands/exec.ts";
import { inject } from "./commands/inject.ts";
import { now } from "./commands/now.ts";
import { preview } from "./commands/preview.ts";
import { recover } from "./commands/recover.ts";
import { run } from "./commands/run.ts";
import { status } from "./commands/status.ts";
import { type Flags, generalOptions } from "./flags.ts";
import { unexpectedArgument } from "./usage.ts";
import { VERSION } from "./version.ts";

/** In the order of the help text. */
export const COMMANDS: readonly CommandSpec[] = [inject, recover, run, exec, status, now, preview, doctor];

export type Dispatch = (command: CommandSpec, flags: Flags, operands: readonly string[]) => Promise<void>;

/** Where help and version go. */
export interface HelpOutput {
  out(text: string): void;
  err(text: string): void;
}

export function createProgram(dispatch: Dispatch, output: HelpOutput): Command {
  const program = new Command("timeskew")
    .exitOverride()
    // Errors are worded in usage.ts and printed in main.ts.
    .configureOutput({ writeOut: output.out, writeErr: output.err, outputError: () => {} })
    // An option belongs to the command it follows, so that `run` can leave its program's options alone.
    .enablePositionalOptions()
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .usage("<command> [options]")
    .description(
      withExamples("Gives one running Linux process a wrong clock, and takes it back.", [
        ["sudo timeskew inject --pid 1234 --offset -10m", "ten minutes into the past"],
        ["timeskew status", "which processes are skewed?"],
        ["sudo timeskew recover --pid 1234", "the true time again"],
      ]),
    )
    .optionsGroup("General:")
    .version(VERSION, "-V, --version", "print the version")
    .helpCommand("help [command]", "print the help of a command");
  generalOptions(program);
  for (const spec of COMMANDS) addCommand(program, spec, dispatch);
  return program;
}

function addCommand(program: Command, spec: CommandSpec, dispatch: Dispatch): void {
  const command = program
    .command(spec.name)
    .usage(spec.operands === undefined ? "[options]" : `[options] ${spec.operands}`)
    // The options of a program that is to be run are its own.
    .passThroughOptions(spec.operands !== undefined)
    .summary(spec.summary)
    .description(withExamples(spec.description, spec.examples))
    .allowExcessArguments()
    .action(() => {
      const [excess] = command.args;
      if (excess !== undefined && spec.operands === undefined) throw unexpectedArgument(excess, spec.name);
      const [before, after] = [program.opts<Flags>(), command.opts<Flags>()];
      // --no-color is true by default in both places, so one must not hide the other.
      const color = before.color !== false && after.color !== false;
      return dispatch(spec, { ...before, ...after, color }, command.args);
    });
  spec.options(command);
  generalOptions(command);
}

/** The examples come first: they are what most readers of a help text look for. */
function withExamples(description: string, examples: readonly Example[]): string {
  const width = Math.max(...examples.map(([command]) => command.length));
  const lines = examples.map(([command, meaning]) => `  ${command.padEnd(width)}  ${meaning}`.trimEnd());
  return `${description}\n\nExamples:\n${lines.join("\n")}`;
}
