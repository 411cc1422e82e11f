/** `timeskew exec`: runs a program where a target is, with the target's clock. */
import type { CommandSpec } from "../command.ts";
import { targetOptions } from "../flags.ts";

export const exec: CommandSpec = {
  name: "exec",
  summary: "run a program in a container, with its clock",
  description:
    "Runs a program in the namespaces of a process or container, with its files, ids and environment, and with the " +
    "skew that it has. A program that is missing there is taken from here.",
  examples: [
    ["sudo timeskew exec --container web -- date", "did it work?"],
    ["sudo timeskew exec --pid 1234 -- sh", "a shell beside a process"],
  ],
  operands: { usage: "-- PROGRAM [ARGUMENTS]", takes: "program" },
  options(command) {
    targetOptions(command);
  },
  async run(session, flags, operands) {
    const { execProgram } = await import("../exec.ts");
    return execProgram(session, flags, operands);
  },
};
