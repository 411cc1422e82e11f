/** The man page: one page with every command, in the macros of man(7) that groff and mandoc know. */
import type { Example } from "../command.ts";
import { EXIT_STATUS, errorCodesOf } from "../exit-status.ts";
import { VERSION } from "../version.ts";
import {
  DESCRIPTION,
  ENVIRONMENT,
  FILES,
  JSON_REPORT,
  LIMITS,
  type Paragraph,
  SAFETY,
  SEE_ALSO,
  VALUES,
} from "./prose.ts";
import type { CommandEntry, FlagEntry, Tree } from "./tree.ts";

/** When what it says was last revised; the build's own date would make each build another. */
const REVISED = "2026-11-22";

const WIDTH = 78;

/** What is printed here is pasted: no word is cut, no line is stretched; and where a line ends says nothing. */
const LAYOUT = [".nh", ".ad l", ".ss 12 0"];

export function manPage(tree: Tree): string {
  const lines = [
    '.\\" Written by the build from the table of flags: do not edit.',
    // Read by the macros at each paragraph.
    ".nr HY 0",
    `.TH TIMESKEW 1 ${REVISED} "timeskew ${VERSION}" "User Commands"`,
    ...LAYOUT,
    ...section("NAME", ["timeskew \\- give running Linux processes a wrong clock, and take it back"]),
    ...section("SYNOPSIS", synopsis(tree)),
    ...section("DESCRIPTION", paragraphs(DESCRIPTION)),
    ...section("EXAMPLES", examples(tree.examples)),
    ...section("COMMANDS", tree.commands.flatMap(command)),
    ...section("OPTIONS", options(tree)),
    ...section("VALUES", paragraphs(VALUES)),
    ...section("EXIT STATUS", EXIT_STATUS.flatMap(exitStatus)),
    ...section("ENVIRONMENT", paragraphs(ENVIRONMENT)),
    ...section("FILES", paragraphs(FILES)),
    ...section("JSON", paragraphs(JSON_REPORT)),
    ...section("SAFETY", paragraphs(SAFETY)),
    ...section("LIMITS", paragraphs(LIMITS)),
    ...section("SEE ALSO", paragraphs(SEE_ALSO)),
  ];
  return `${lines.join("\n")}\n`;
}

function section(title: string, body: readonly string[]): string[] {
  return headed(`.SH ${title}`, body);
}

/** Below a heading there is no paragraph to be begun. */
function headed(heading: string, body: readonly string[]): string[] {
  return [heading, ...(body[0] === ".PP" ? body.slice(1) : body)];
}

function synopsis({ commands }: Tree): string[] {
  return commands.flatMap(({ name, groups, operands }, at) => [
    ...(at > 0 ? [".br"] : []),
    `${bold(`timeskew ${name}`)} ${code(usageOf(groups.length > 0, operands?.usage))}`,
  ]);
}

function usageOf(hasOptions: boolean, operands: string | undefined): string {
  return [...(hasOptions ? ["[options]"] : []), ...(operands === undefined ? [] : [operands])].join(" ");
}

function command({ name, description, examples: shown, notes, groups }: CommandEntry): string[] {
  const own = groups.map(({ heading }) => heading);
  return headed(`.SS timeskew ${name}`, [
    ...paragraphs([description]),
    ...examples(shown),
    ...(notes === undefined ? [] : verbatim(notes.split("\n"))),
    ...(own.length > 0 ? paragraphs([`Options, as described below: ${own.join(", ")}.`]) : []),
  ]);
}

function examples(shown: readonly Example[]): string[] {
  const width = Math.max(...shown.map(([typed]) => typed.length));
  return verbatim(shown.map(([typed, meaning]) => `${typed.padEnd(width)}  ${meaning}`.trimEnd()));
}

function verbatim(lines: readonly string[]): string[] {
  return [".PP", ".EX", ...lines.map(code), ".EE"];
}

/** A flag as it is in one or several commands. */
interface Described {
  readonly flag: FlagEntry;
  readonly commands: string[];
}

function options(tree: Tree): string[] {
  const headings = new Map<string, { flags: Map<string, Described>; commands: Set<string> }>();
  for (const { name, groups } of tree.commands) {
    for (const { heading, flags } of groups) {
      const group = headings.get(heading) ?? { flags: new Map(), commands: new Set() };
      headings.set(heading, group);
      group.commands.add(name);
      for (const flag of flags) {
        const key = `${flag.long} ${flag.help}`;
        const described = group.flags.get(key) ?? { flag, commands: [] };
        described.commands.push(name);
        group.flags.set(key, described);
      }
    }
  }
  const last = (heading: string) => Number(heading === "General");
  const ordered = [...headings].sort(([a], [b]) => last(a) - last(b));
  const version = tree.flags.filter(({ long }) => long === "--version");
  return [
    ...version.flatMap((flag) => option(flag, "")),
    ...ordered.flatMap(([heading, { flags, commands }]) =>
      headed(`.SS ${heading}`, [
        ...paragraphs([`Of ${heading === "General" ? "every command" : inWords([...commands])}.`]),
        ...[...flags.values()].flatMap((each) =>
          option(each.flag, restriction(each.commands, [...commands])),
        ),
      ]),
    ),
  ];
}

function restriction(commands: readonly string[], all: readonly string[]): string {
  const others = all.filter((name) => !commands.includes(name));
  if (others.length === 0) return "";
  return others.length < commands.length ? ` Not of ${inWords(others)}.` : ` Only of ${inWords(commands)}.`;
}

function inWords(names: readonly string[]): string {
  const quoted = names.map((name) => `\`${name}\``);
  return quoted.length < 2 ? quoted.join() : `${quoted.slice(0, -1).join(", ")} and ${quoted.at(-1)}`;
}

function option({ short, long, placeholder, help }: FlagEntry, more: string): string[] {
  const names = [...(short === undefined ? [] : [short]), long].map(bold).join(", ");
  const value = placeholder === undefined ? "" : ` \\fI${code(placeholder.replace(/[<>]/g, ""))}\\fR`;
  const text = `${help[0]!.toUpperCase()}${help.slice(1)}.${more}`;
  return [".TP", `${names}${value}`, line(text)];
}

function exitStatus([status, meaning]: (typeof EXIT_STATUS)[number]): string[] {
  const codes = errorCodesOf(status);
  const named = codes.length === 0 ? "" : ` (${codes.join(", ")})`;
  return [".TP", bold(String(status)), line(`${meaning}${named}`)];
}

function paragraphs(texts: readonly Paragraph[]): string[] {
  return texts.flatMap((text) =>
    typeof text === "string" ? [".PP", line(text)] : [".TP", bold(text[0]), line(text[1])],
  );
}

function bold(text: string): string {
  return `\\fB${code(text)}\\fR`;
}

/** A line of text, `what is typed` in bold. */
function line(text: string): string {
  const parts = text.split("`").map((part, at) => (at % 2 === 1 ? bold(part) : prose(part)));
  return wrapped(parts.join(""));
}

/** Options in bold; the dash of a number is for pasting, the hyphen of a word is not. */
function prose(text: string): string {
  const parts = text.split(/((?<![\w-])--[a-z][a-z-]*)/);
  const dashed = (part: string) => part.replaceAll("\\", "\\e").replace(/(?<!\w)-/g, "\\-");
  return parts.map((part, at) => (at % 2 === 1 ? bold(part) : dashed(part))).join("");
}

/** Every character as it is. */
function code(text: string): string {
  const named: Readonly<Record<string, string>> = {
    ...{ "\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti" },
    ...{ "…": "..." },
  };
  return guarded(text.replace(/[\\'`^~…-]/g, (char) => named[char]!));
}

/** A line of a paragraph may be broken anywhere. */
function wrapped(text: string): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = lines.at(-1) === "" ? word : `${lines.at(-1)} ${word}`;
    if (longer.length <= WIDTH || lines.at(-1) === "") lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.map(guarded).join("\n");
}

/** A dot or a quote at the beginning of a line would be a macro. */
function guarded(text: string): string {
  return /^[.']/.test(text) ? `\\&${text}` : text;
}
