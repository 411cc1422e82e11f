/** What is wrong with a command line, in timeskew's words: one error class, exit code 2, what to do next. */
import type { Command, CommanderError } from "commander";
import type { TimeskewError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { CLOCKS } from "../skew/clock.ts";
import type { Word } from "./flag.ts";
import { usageError } from "./settings.ts";

/** `command` is the command that was being parsed, "" for none. */
export function fromCommander(error: CommanderError, command: string, program: Command): TimeskewError {
  const message = error.message.replace(/^error: /, "").split("\n", 1)[0]!;
  const [, word = ""] = /'(.*)'/s.exec(message) ?? [];
  const help = command === "" ? "timeskew --help" : `timeskew ${command} --help`;
  switch (error.code) {
    case "commander.help":
      return usageError("a command is missing", `\`${help}\` lists them`);
    case "commander.unknownCommand":
      return unknownCommand(word, program);
    case "commander.unknownOption":
      return usageError(message, meantOption(word, command, program) ?? `\`${help}\` lists the options`);
    case "commander.optionMissingArgument": {
      const [option = "an option"] = /--[\w-]+/.exec(message) ?? [];
      return usageError(`${option} needs a value`, `\`${help}\` shows examples`);
    }
    default:
      return usageError(message, `\`${help}\` shows examples`);
  }
}

/** What else people call our commands. */
const SYNONYMS: Readonly<Record<string, readonly string[]>> = {
  inject: ["set", "skew", "start", "add", "apply", "shift"],
  recover: ["undo", "revert", "restore", "reset", "stop", "remove", "clear", "eject"],
  run: ["spawn", "launch"],
  exec: ["enter", "shell", "attach"],
  status: ["list", "ls", "ps", "show"],
  now: ["date", "time", "clock", "clocks", "read"],
  preview: ["plot", "chart", "graph", "draw"],
  doctor: ["check", "diagnose", "test"],
};

export function unknownCommand(typed: string, program: Command): TimeskewError {
  const names = visibleCommands(program).map((command) => command.name());
  const [synonym] = Object.entries(SYNONYMS).find(([, words]) => words.includes(typed.toLowerCase())) ?? [];
  const meant = nearest(typed, names) ?? synonym;
  return usageError(
    `unknown command '${typed}'`,
    meant === undefined ? "`timeskew --help` lists the commands" : `did you mean ${meant}?`,
  );
}

/** What an unknown option may be: a value whose option was left out, another command's option, or a mistyped one. */
function meantOption(typed: string, command: string, program: Command): string | undefined {
  if (/^-[\d.]+[a-zµμ]/.test(typed)) return `a duration goes after --offset: --offset ${typed}`;
  const name = typed.split("=", 1)[0]!;
  const owners = visibleCommands(program).filter((each) => optionsOf(each).includes(name));
  if (owners.length > 0) return belongsTo(name, owners, command);
  const own = program.commands.find((each) => each.name() === command) ?? program;
  const known = optionsOf(own);
  const anywhere = visibleCommands(program).flatMap(optionsOf);
  const meant = nearest(name, known) ?? (command === "" ? nearest(name, anywhere) : undefined);
  return meant && `did you mean ${meant}?`;
}

function belongsTo(option: string, owners: readonly Command[], command: string): string {
  const names = owners.map((each) => each.name());
  if (command === "") return `${option} goes behind its command: timeskew ${names[0]} ${option} …`;
  return `${option} is an option of ${inWords(names)}`;
}

function inWords(names: readonly string[], last = "and"): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} ${last} ${names.at(-1)}`;
}

function visibleCommands(program: Command): Command[] {
  return program.createHelp().visibleCommands(program);
}

function optionsOf(command: Command): string[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long }) => long ?? []);
}

/** Refuses options of ours behind `--` or behind the program, where they are the program's, if none stands in front. */
export function refuseMisplaced(operands: readonly string[], command: Command): void {
  const given = command.options.some(
    (option) => command.getOptionValueSource(option.attributeName()) === "cli",
  );
  const [program = ""] = operands;
  const ours = operands
    .map((word) => word.split("=", 1)[0]!)
    .find((word) => optionsOf(command).includes(word));
  const misplaced = program.startsWith("--") ? program : given ? undefined : ours;
  if (misplaced === undefined) return;
  const example = `timeskew ${command.name()} ${ours === undefined ? "" : `${ours} `}… -- PROGRAM`;
  throw usageError(
    `${misplaced} stands where the program and its options stand`,
    `options go first: ${example}`,
  );
}

/** A word that no option takes: most likely a value whose option was left out. */
export function unexpectedArgument(text: string, command: Command): TimeskewError {
  const [, hint] = GUESSES.find(([pattern]) => pattern.test(text)) ?? [];
  const meant = hint?.(text) ?? meantClock(text) ?? meantTarget(text, command);
  return usageError(
    `unexpected argument '${text}'`,
    meant ?? `\`timeskew ${command.name()} --help\` shows examples`,
  );
}

const GUESSES: readonly (readonly [RegExp, (text: string) => string])[] = [
  [/^\d+(,\d+)*$/, (text) => `did you mean --pid ${text}?`],
  [/^[+-]?[\d.]+(?:pp[mb]|%)$/, (text) => `did you mean --drift ${text}?`],
  [/^[+-]?[\d.]+[a-zµμ]/, (text) => `did you mean --offset ${text}?`],
  [/^\d+(?:-\d+){2}/, (text) => `did you mean --at '${text}'?`],
  [/^\d+:\d+/, (text) => `a date with a blank in it needs quotes: --at '2038-01-19 ${text}'`],
  [/^clock_/i, (text) => `did you mean --clock ${text}?`],
  [
    /^(?:[num]?s|m|h|d|\w*sec(?:ond)?s?|min(?:ute)?s?|h(?:ou)?rs?|days?)$/i,
    () => "a duration has no blank in it: 10m",
  ],
  // What editors and chats make of two hyphens.
  [/^[\u2010-\u2015\u2212]/, (text) => `did you mean --${text.replace(/^[\u2010-\u2015\u2212-]+/, "")}?`],
];

function meantClock(text: string): string | undefined {
  const isClock = CLOCKS.some(({ name }) => name === `CLOCK_${text.toUpperCase().replaceAll("-", "_")}`);
  return isClock ? `did you mean --clock ${text}?` : undefined;
}

/** A bare word, of a command that is about processes. */
function meantTarget(text: string, command: Command): string | undefined {
  if (!/^[a-z][\w.-]*$/i.test(text) || !optionsOf(command).includes("--comm")) return undefined;
  return `did you mean --comm ${text}, or --container ${text}?`;
}

/**
 * One of several words.
 *
 * @param o.what it is: "shell"
 * @throws TimeskewError E_USAGE if it is none of them, or missing
 */
export function oneWord(
  typed: string | undefined,
  words: readonly Word[],
  { what, example }: { what: string; example: string },
): string {
  const known = words.map(([word]) => word);
  if (typed === undefined)
    throw usageError(`a ${what} is missing: ${inWords(known, "or")}`, `for example ${example}`);
  const found = known.find((word) => word === typed);
  if (found !== undefined) return found;
  const meant = nearest(typed, known);
  throw usageError(
    `unknown ${what} '${typed}'`,
    meant === undefined ? `there are scripts for ${inWords(known)}` : `did you mean ${meant}?`,
  );
}
