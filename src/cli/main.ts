/** One run of the command line: parse, dispatch, report. Exit codes are decided here and nowhere else. */
import { CommanderError } from "commander";
import { internalError } from "../engine/set/failure.ts";
import { TimeskewError } from "../errors.ts";
import type { Outcome } from "./command.ts";
import { COMMANDS, createProgram, type Dispatch } from "./program.ts";
import { errorLines } from "./report/error.ts";
import { jsonFailure, jsonReport } from "./report.ts";
import { createUi } from "./ui.ts";
import { fromCommander } from "./usage.ts";
import { processWorld, type World } from "./world.ts";

/** How the run is reported: a guess from the arguments until they are parsed. */
interface Reporting {
  command: string;
  json: boolean;
  colour: boolean;
}

/** Runs the command line of `world` and gives the exit code back; never throws, never exits. */
export async function main(world: World = processWorld()): Promise<number> {
  const reporting = glance(world.argv);
  try {
    const outcome = await run(world, reporting);
    if (outcome === undefined) return 0;
    if (reporting.json) world.stdout.write(`${jsonReport(reporting.command, outcome)}\n`);
    return outcome.error?.exitCode ?? 0;
  } catch (thrown) {
    const { command, json, colour } = reporting;
    const error = asError(thrown);
    const ui = await createUi(world, { json, quiet: false, colour });
    ui.error(errorLines(error, command, ui.paintError, world));
    if (json) world.stdout.write(`${jsonFailure(command, error)}\n`);
    return error.exitCode;
  }
}

/** The outcome of the command that was named; undefined if help or the version was asked for. */
async function run(world: World, reporting: Reporting): Promise<Outcome | undefined> {
  let outcome: Outcome | undefined;
  const dispatch: Dispatch = async (spec, flags, operands) => {
    const { json = false, quiet = false, color: colour = true } = flags;
    Object.assign(reporting, { command: spec.name, json, colour });
    const ui = await createUi(world, { json, quiet, colour });
    outcome = await spec.run({ world, ui }, flags, operands);
  };
  const program = createProgram(dispatch, {
    out: (text) => world.stdout.write(text),
    err: (text) => world.stderr.write(text),
  });
  try {
    await program.parseAsync(world.argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // What was asked for has been printed: the help, or the version.
    if (error.exitCode !== 0) throw fromCommander(error, reporting.command, program);
  }
  return outcome;
}

function asError(thrown: unknown): TimeskewError {
  if (thrown instanceof TimeskewError) return thrown;
  return internalError(thrown);
}

/** Enough to report a command line that cannot be parsed. What follows `--` is another program's. */
function glance(argv: readonly string[]): Reporting {
  const end = argv.indexOf("--");
  const ours = end < 0 ? argv : argv.slice(0, end);
  return {
    command: ours.find((arg) => COMMANDS.some(({ name }) => name === arg)) ?? "",
    json: ours.includes("--json"),
    colour: !ours.includes("--no-color"),
  };
}
