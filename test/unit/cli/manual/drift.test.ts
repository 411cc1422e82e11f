/**
 * One table of flags, and everything that is said of it elsewhere: no page and no script leaves one out, or names one that
 * does not exist.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { bashScript } from "../../../../src/cli/manual/bash.ts";
import { fishScript } from "../../../../src/cli/manual/fish.ts";
import { manPage } from "../../../../src/cli/manual/roff.ts";
import { type CommandEntry, flagsOf, tree } from "../../../../src/cli/manual/tree.ts";
import { zshScript } from "../../../../src/cli/manual/zsh.ts";
import { run } from "../helpers.ts";

const TREE = tree();
const COMMANDS = TREE.commands.map(({ name }) => name);
const FLAGS = new Set([...TREE.flags, ...TREE.commands.flatMap(flagsOf)].map(({ long }) => long));

/** Every "--flag" in a text. */
function flagsIn(text: string): Set<string> {
  return new Set([...text.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)].map(([flag]) => flag));
}

function longs(command: CommandEntry): string[] {
  return flagsOf(command)
    .map(({ long }) => long)
    .sort();
}

/** What stands between two marks, without them. */
function between(text: string, from: string, to: string): string {
  const start = text.indexOf(from);
  expect(start, `${from} is not there`).toBeGreaterThanOrEqual(0);
  const end = text.indexOf(to, start + from.length);
  return text.slice(start + from.length, end < 0 ? undefined : end);
}

/** The first words of table rows with flags in them: "| `--offset` | …". */
function rowsOf(readme: string): string {
  return readme
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .join("\n");
}

it("the table has what it should", () => {
  expect(COMMANDS).toEqual("inject recover run exec status now preview doctor completion help".split(" "));
  expect(FLAGS.size).toBeGreaterThan(45);
  expect(TREE.flags.map(({ long }) => long)).toEqual([
    "--version",
    "--json",
    "--quiet",
    "--no-color",
    "--help",
  ]);
});

describe("help", () => {
  it.each(TREE.commands.filter(({ groups }) => groups.length > 0))("$name", async (command) => {
    const { stdout } = await run(`${command.name} --help`);
    const listed = stdout.split("\n").flatMap((line) => /^ {2}(?:-\w, )?(--[\w-]+)/.exec(line)?.[1] ?? []);
    expect(listed.sort()).toEqual(longs(command));
    expect([...flagsIn(stdout)].filter((flag) => !FLAGS.has(flag))).toEqual([]);
  });

  it("lists every command", async () => {
    const { stdout } = await run("--help");
    const listed = stdout.slice(stdout.indexOf("\nCommands:\n"));
    expect([...listed.matchAll(/^ {2}(\w+) {2,}/gm)].map(([, name]) => name)).toEqual(COMMANDS);
  });
});

describe("the man page", () => {
  const page = manPage(TREE)
    .replaceAll("\\-", "-")
    .replaceAll(/\\f[BIR]/g, "");

  it("has every command, and its groups of options", () => {
    for (const { name, groups } of TREE.commands) {
      const text = between(page, `.SS timeskew ${name}\n`, "\n.S").replaceAll("\n", " ");
      if (groups.length > 0) {
        expect(text).toContain(`described below: ${groups.map(({ heading }) => heading).join(", ")}.`);
      }
    }
    expect([...page.matchAll(/^\.SS timeskew (\w+)$/gm)].map(([, name]) => name)).toEqual(COMMANDS);
  });

  it("describes every option of every group, and no other", () => {
    const headings = new Set(TREE.commands.flatMap(({ groups }) => groups.map(({ heading }) => heading)));
    for (const heading of headings) {
      const wanted = TREE.commands.flatMap(({ groups }) =>
        groups.filter((group) => group.heading === heading).flatMap(({ flags }) => flags),
      );
      const text = between(page, `.SS ${heading}\n`, "\n.S");
      const described = [...text.matchAll(/^\.TP\n(?:-\w, )?(--[\w-]+)/gm)].map(([, flag]) => flag);
      expect(new Set(described)).toEqual(new Set(wanted.map(({ long }) => long)));
    }
    expect([...flagsIn(page)].filter((flag) => !FLAGS.has(flag))).toEqual([]);
  });

  it("is ASCII, and fits on a terminal of 80 columns", () => {
    expect(manPage(TREE)).toMatch(/^[\n -~]*$/);
    const verbatim = [...manPage(TREE).matchAll(/^\.EX\n(.*?)^\.EE/gms)].flatMap(([, text]) =>
      text!.split("\n"),
    );
    const shown = verbatim.map((line) =>
      line.replaceAll(/\\\((?:aq|ti|ha|ga)/g, "'").replaceAll(/\\[-&e]/g, "-"),
    );
    expect(shown.filter((line) => line.length > 80 - 7)).toEqual([]);
  });
});

describe("completions", () => {
  it.each(TREE.commands.filter(({ groups }) => groups.length > 0))("bash: $name", (command) => {
    const functions = between(bashScript(TREE), "_timeskew_flags() {", "\n}");
    const flags = between(functions, `\n    ${command.name})\n`, "\n        ;;");
    expect([...flagsIn(flags)].sort()).toEqual(longs(command));
  });

  it.each(TREE.commands)("zsh: $name", (command) => {
    const flags = between(zshScript(TREE), `\n    ${command.name})\n        _arguments`, "\n        ;;");
    const specs = [...flags.matchAll(/^ +'(?:\*|\([^)]*\))(--[\w-]+)/gm)].map(([, flag]) => flag!);
    expect(specs.sort()).toEqual(longs(command));
  });

  it.each(TREE.commands)("fish: $name", (command) => {
    const rules = fishScript(TREE)
      .split("\n")
      .filter((line) => line.startsWith("complete -c timeskew -n"));
    const flags = rules.flatMap((line) => {
      const [, commands, flag] =
        /^complete -c timeskew -n '__timeskew_is ((?:[^'\\]|\\.)*)'.*? -l ([\w-]+) /.exec(line) ?? [];
      return commands?.split(" ").includes(command.name) ? [`--${flag}`] : [];
    });
    expect(flags.sort()).toEqual(longs(command));
  });

  it.each([
    ["bash", bashScript],
    ["zsh", zshScript],
    ["fish", fishScript],
  ])("%s: every command, and no flag that does not exist", (_, script) => {
    const text = script(TREE);
    for (const { name, summary } of TREE.commands) {
      expect(text).toMatch(new RegExp(`\\b${name}'?[ :].*${summary.slice(0, 10)}`));
    }
    expect([...flagsIn(text)].filter((flag) => !FLAGS.has(flag))).toEqual([]);
  });
});

describe("README.md", () => {
  const readme = readFileSync(new URL("../../../../README.md", import.meta.url), "utf8");

  it("names every command", () => {
    const missing = COMMANDS.filter((name) => !new RegExp(`\`timeskew ${name}\\b`).test(readme));
    expect(missing).toEqual(["help"]);
  });

  it("has every selector and verb in its tables", () => {
    const tabled = flagsIn(rowsOf(readme));
    const missing = flagsOf(TREE.commands[0]!).filter(({ long }) => !tabled.has(long));
    const groups = TREE.commands[0]!.groups.filter(({ heading }) =>
      ["Target", "Skew", "Schedule"].includes(heading),
    );
    const wanted = groups.flatMap(({ flags }) => flags.map(({ long }) => long));
    expect(missing.map(({ long }) => long).filter((long) => wanted.includes(long))).toEqual([]);
  });

  it("calls timeskew with no flag that does not exist", () => {
    const calls = [...readme.matchAll(/(?:^ *|`)(?:sudo )?timeskew [^`\n]*/gm)].map(([call]) => call);
    const ours = calls.map((line) => line.split(" -- ")[0]!);
    expect([...flagsIn(ours.join("\n"))].filter((flag) => !FLAGS.has(flag))).toEqual([]);
    expect(ours.length).toBeGreaterThan(3);
  });
});

it("every command has a schema of its report, and no other has", () => {
  const names = readdirSync(new URL("../../../../schema/", import.meta.url)).filter((name) =>
    name.endsWith(".json"),
  );
  const parts = ["common", "plan", "report", "skew"];
  const commands = names.map((name) => name.replace(/\.json$/, "")).filter((name) => !parts.includes(name));
  expect(commands.sort()).toEqual(COMMANDS.filter((name) => name !== "help").sort());
});
