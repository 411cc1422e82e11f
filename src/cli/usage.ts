/** commander's complaints in timeskew's words: one error class, exit code 2, what to do next. */
import type { CommanderError } from "commander";
import type { TimeskewError } from "../errors.ts";
import { usageError } from "./settings.ts";

/** `command` is the command that was being parsed, "" for none. */
export function fromCommander(error: CommanderError, command: string): TimeskewError {
  // "error: unknown option '--ofset'\n(Did you mean --offset?)"
  const [message = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  const guess = suggestion?.replace(/^\(Did you mean (.*)\?\)$/, "did you mean $1?");
  const help = command === "" ? "timeskew --help" : `timeskew ${command} --help`;
  switch (error.code) {
    case "commander.help":
      return usageError("a command is missing", `\`${help}\` lists them`);
    case "commander.unknownCommand":
      return usageError(message, guess ?? "`timeskew --help` lists the commands");
    case "commander.unknownOption": {
      const [, duration] = /'(-[\d.]+[a-zµμ][^']*)'/.exec(message) ?? [];
      const offset = duration && `a duration goes after --offset: --offset ${duration}`;
      return usageError(message, offset ?? guess ?? `\`${help}\` lists the options`);
    }
    case "commander.optionMissingArgument": {
      const [option = "an option"] = /--[\w-]+/.exec(message) ?? [];
      return usageError(`${option} needs a value`, `\`${help}\` shows examples`);
    }
    default:
      return usageError(message, `\`${help}\` shows examples`);
  }
}

/** A word that no option takes: most likely a value whose option was left out. */
export function unexpectedArgument(text: string, command: string): TimeskewError {
  const hints: [RegExp, string][] = [
    [/^\d+(,\d+)*$/, `did you mean --pid ${text}?`],
    [/^[+-]?[\d.]+(?:pp[mb]|%)$/, `did you mean --drift ${text}?`],
    [/^[+-]?[\d.]+[a-zµμ]/, `did you mean --offset ${text}?`],
    [/^\d+(?:-\d+){2}/, `did you mean --at '${text}'?`],
    [/^\d+:\d+/, `a date with a blank in it needs quotes: --at '2038-01-19 ${text}'`],
    [/^clock_/i, `did you mean --clock ${text}?`],
  ];
  const [, hint] = hints.find(([pattern]) => pattern.test(text)) ?? [];
  return usageError(`unexpected argument '${text}'`, hint ?? `\`timeskew ${command} --help\` shows examples`);
}
