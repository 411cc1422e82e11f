/**
 * The tree of commands: the one source of flags and help. It decides nothing: a command line that parses
 * is handed to `dispatch`, one that does not is thrown as a CommanderError. A new command is a file in
 * commands/ and an entry in COMMANDS.
 */
import { Command, Option } from "commander";
import type { CommandSpec, Example } from "./command.ts";
import { complete } from "./commands/complete.ts";
import { completion } from "./commands/completion.ts";
import { doctor } from "./commands/doctor.ts";
import { exec } from "./commands/exec.ts";
import { inject } from "./commands/inject.ts";
import { now } from "./commands/now.ts";
import { preview } from "./commands/preview.ts";
import { recover } from "./commands/recover.ts";
import { run } from "./commands/run.ts";
import { status } from "./commands/status.ts";
import { type Flags, generalOptions } from "./flags.ts";
import { refuseMisplaced, unexpectedArgument, unknownCommand } from "./usage.ts";
import { VERSION } from "./version.ts";

/** In the order of the help text. */
export const COMMANDS: readonly CommandSpec[] = [
  ...[inject, recover, run, exec],
  ...[status, now, preview, doctor],
  completion,
];

/** What completion scripts call. */
const HIDDEN: readonly CommandSpec[] = [complete];

export type Dispatch = (command: CommandSpec, flags: Flags, operands: readonly string[]) => Promise<void>;

/** Where help and version go. */
export interface HelpOutput {
  out(text: string): void;
  err(text: string): void;
}

export const SUMMARY = "Gives one running Linux process a wrong clock, and takes it back.";

export const EXAMPLES: readonly Example[] = [
  ["sudo timeskew inject --pid 1234 --offset -10m", "ten minutes into the past"],
  ["timeskew status", "who is skewed?"],
  ["sudo timeskew recover --pid 1234", "the true time again"],
];

export function createProgram(dispatch: Dispatch, output: HelpOutput): Command {
  const program = new Command("timeskew")
    .exitOverride()
    // Errors are worded in usage.ts and printed in main.ts.
    .configureOutput({ writeOut: output.out, writeErr: output.err, outputError: () => {} })
    // An option belongs to the command it follows, so that `run` can leave its program's options alone.
    .enablePositionalOptions()
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .usage("<command> [options]")
    .description(withExamples(SUMMARY, EXAMPLES))
    .addHelpText("after", "\n`timeskew COMMAND --help` has the options of a command.")
    .optionsGroup("General:")
    .version(VERSION, "-V, --version", "print the version")
    // commander's own does not know what to say to a mistyped command.
    .helpCommand(false);
  generalOptions(program);
  for (const spec of COMMANDS) addCommand(program, spec, dispatch);
  addHelp(program);
  for (const spec of HIDDEN) addCommand(program, spec, dispatch, { hidden: true });
  return program;
}

function addCommand(program: Command, spec: CommandSpec, dispatch: Dispatch, { hidden = false } = {}): void {
  const { operands } = spec;
  const runsProgram = operands?.takes === "program";
  const command = program
    .command(spec.name, { hidden })
    .usage(operands === undefined ? "[options]" : `[options] ${operands.usage}`)
    // The options of a program that is to be run are its own.
    .passThroughOptions(runsProgram)
    .summary(spec.summary)
    .description(withExamples(spec.description, spec.examples))
    .addHelpText("after", spec.notes === undefined ? "" : `\n${spec.notes}`)
    .allowExcessArguments()
    .action(() => {
      if (runsProgram) refuseMisplaced(command.args, command);
      const excess = runsProgram ? undefined : command.args[operands === undefined ? 0 : 1];
      if (excess !== undefined) throw unexpectedArgument(excess, command);
      const [before, after] = [program.opts<Flags>(), command.opts<Flags>()];
      // --no-color is true by default in both places, so one must not hide the other.
      const color = before.color !== false && after.color !== false;
      return dispatch(spec, { ...before, ...after, color }, command.args);
    });
  spec.options(command);
  // What a program prints is its own.
  generalOptions(command, { json: !runsProgram });
}

function addHelp(program: Command): void {
  const help = program
    .command("help")
    .usage("[COMMAND]")
    .summary("print the help of a command")
    .description("Prints the help of a command, as its --help does, or the list of commands.")
    .allowExcessArguments()
    .action(() => {
      const [name, excess] = help.args;
      if (excess !== undefined) throw unexpectedArgument(excess, help);
      const asked = name === undefined ? program : program.commands.find((each) => each.name() === name);
      if (asked === undefined) throw unknownCommand(name!, program);
      asked.outputHelp();
    });
  help.optionsGroup("General:").addHelpOption(new Option("-h, --help", "print this help"));
}

/** The examples come first: they are what most readers of a help text look for. */
function withExamples(description: string, examples: readonly Example[]): string {
  if (examples.length === 0) return description;
  const width = Math.max(...examples.map(([command]) => command.length));
  const lines = examples.map(([command, meaning]) => `  ${command.padEnd(width)}  ${meaning}`.trimEnd());
  return `${description}\n\nExamples:\n${lines.join("\n")}`;
}
