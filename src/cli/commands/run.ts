/** `timeskew run`: starts a program that never reads the true time. */
import type { CommandSpec } from "../command.ts";
import { clockOptions, effectOptions } from "../flags.ts";
import { verbOptions } from "../verbs.ts";

export const run: CommandSpec = {
  name: "run",
  summary: "start a program with a wrong clock",
  description:
    "Starts a program with a wrong clock, from its first instruction on, and with it whatever it starts. " +
    "Terminal, stdin, signals and exit code are as without. Needs no root for what needs none without.",
  examples: [
    ["timeskew run --offset -1d -- date", "yesterday"],
    ["timeskew run --at '2038-01-19 03:14:00' -- make test", "for a whole build"],
    ["timeskew run --rate 60 -- sh", "an hour per minute"],
    ["timeskew run --freeze -c monotonic -- ./server", "another clock"],
  ],
  operands: { usage: "-- PROGRAM [ARGUMENTS]", takes: "program" },
  options(command) {
    verbOptions(command);
    effectOptions(clockOptions(command));
  },
  async run(session, flags, operands) {
    const { runProgram } = await import("../run.ts");
    return runProgram(session, flags, operands);
  },
};
