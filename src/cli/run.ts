/**
 * `timeskew run`: this process becomes the program, so that to everybody else it is the program. Who gives it its skew,
 * before its first instruction, is a supervisor, which follows it and whatever it starts (supervisor.ts).
 */
import { constants } from "node:os";
import { TimeskewError } from "../errors.ts";
import { checkClocks } from "../skew/verbs.ts";
import { type Program, pathsOf, textOf, variable, whyNotExecutable } from "../target/program.ts";
import type { SkewSettings } from "../types.ts";
import type { Outcome, Session } from "./command.ts";
import type { Flags } from "./flags.ts";
import { backwardSettings, clockSettings, usageError, waitSettings } from "./settings.ts";
import { launchSupervisor } from "./supervisor.ts";
import { givenVerbs } from "./verbs.ts";
import type { World } from "./world.ts";

/** @throws TimeskewError; there is no other way back */
export async function runProgram(
  { world }: Session,
  flags: Flags,
  operands: readonly string[],
): Promise<Outcome> {
  refuseJson(flags, "run");
  const skew = skewOf(flags, world);
  refuseNoProgram(operands, "timeskew run --offset -1d -- date");
  const starter = await world.loadStarter();
  const inherited = starter.inherited();
  const argv = starter.argv.slice(-operands.length);
  const program = { paths: pathsOf(argv[0]!, variable(starter.env, "PATH")), argv, env: starter.env };
  const why = whyNotExecutable(program.paths);
  if (why !== undefined) throw cannotExecute(program, why);
  const supervisor = launchSupervisor(starter);
  const { pid } = starter;
  supervisor.follow({ command: "run", pid, until: pid, skew, quiet: flags.quiet ?? false });
  throw cannotExecute(program, starter.become(program, inherited));
}

/** Everything that can be wrong with the command line by itself is found here. */
function skewOf(flags: Flags, world: World): SkewSettings {
  const { texts, verbs } = givenVerbs(flags, "run", world);
  const clocks = clockSettings(flags);
  checkClocks(verbs, clocks.selection);
  return { ...texts, ...clocks.settings, ...waitSettings(flags), ...backwardSettings(flags) };
}

export function refuseJson({ json }: Flags, command: string): void {
  if (!json) return;
  throw usageError(
    `--json is not for ${command}: its output is the program's`,
    "an option of the program goes behind its name",
  );
}

export function refuseNoProgram(operands: readonly string[], example: string): void {
  if (operands.length > 0) return;
  throw usageError("a program is missing: what is to be started?", `for example ${example}`);
}

const { ENOENT, ENOTDIR, EACCES, E2BIG } = constants.errno;

const REASONS: Readonly<Record<number, string>> = {
  [EACCES]: "not permitted, or not a program",
  [E2BIG]: "its arguments and environment are too long",
};

/** As a shell says it, with its exit codes. */
export function cannotExecute({ paths, argv: [name = ""] }: Program, errno: number): TimeskewError {
  const command = textOf(name);
  if (errno !== ENOENT && errno !== ENOTDIR) {
    const known = Object.entries(constants.errno).find(([, value]) => value === errno);
    const reason = REASONS[errno] ?? known?.[0] ?? `errno ${errno}`;
    return new TimeskewError("E_NOT_EXECUTABLE", `${command} cannot be executed: ${reason}`);
  }
  const where = paths.length > 0 && !name.includes("/") ? ": no such program in PATH" : ": no such file";
  return new TimeskewError("E_NOT_FOUND", `${command || "''"}${where}`);
}
