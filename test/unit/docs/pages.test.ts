/** Commands that the pages name, but that no test types: each is one that there is, with flags that there are. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { blocksOf, commandsOf } from "../../docs/blocks.ts";
import { run } from "../cli/helpers.ts";
import { wordsOf } from "./words.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const SKIPPED = /^(node_modules|\.git|coverage|release|dist)\/|\/build\//;

const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const PAGES = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".md") && !SKIPPED.test(file))
  .toSorted();

/** What npm knows without a script of ours. */
const NPM = ["ci", "install", "test", "pack", "audit", "link", "sbom"];

describe.each(PAGES)("%s", (page) => {
  const text = readFileSync(join(ROOT, page), "utf8");
  const commands = blocksOf(text).flatMap(commandsOf).flatMap(wordsOf);

  test("names only scripts and files that there are", () => {
    expect(commands.flatMap((words) => missingIn(words))).toEqual([]);
  });

  test("names only commands and flags of timeskew that there are", async () => {
    const wrong: string[] = [];
    for (const words of commands.filter(isOurs)) {
      const complaint = await complaintOf(words.slice(1));
      if (complaint) wrong.push(`${words.join(" ")}: ${complaint}`);
    }
    expect(wrong).toEqual([]);
  });

  test("leads to what is there", () => {
    const links = [...text.matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)].map(([, to]) => to!);
    expect(links.filter((to) => !existsSync(join(ROOT, page, "..", to)))).toEqual([]);
  });
});

describe("README.md", () => {
  const text = readFileSync(join(ROOT, "README.md"), "utf8");

  test.each(examplesOf(text, "verb"))("preview knows the verb %s", async (example) => {
    expect(await complaintOf(["preview", ...wordsOf(example)[0]!])).toBe("");
  });

  test.each(examplesOf(text, "selector"))("recover knows the selector %s", async (example) => {
    expect(await complaintOf(["recover", ...wordsOf(example)[0]!])).toBe("");
  });

  test("has both tables", () => {
    expect(examplesOf(text, "verb").length).toBeGreaterThan(10);
    expect(examplesOf(text, "selector").length).toBeGreaterThan(5);
  });
});

function isOurs([first = ""]: readonly string[]): boolean {
  return first === "timeskew" || first.endsWith("bin/timeskew.js");
}

/** A script of package.json, a file that is run, or a test, that there is not. */
function missingIn([program = "", ...args]: readonly string[]): string[] {
  if (program === "npm") {
    const [verb = "", name = ""] = args;
    if (verb !== "run") return NPM.includes(verb) ? [] : [`npm ${verb}`];
    return name in scripts ? [] : [`npm run ${name}`];
  }
  const isVitest = program === "npx" && args[0] === "vitest";
  const files = isVitest
    ? args.filter((word) => word.startsWith("test/"))
    : program === "node"
      ? [args[0]!]
      : [];
  return files.filter((file) => !file.startsWith("-") && !existsSync(join(ROOT, file)));
}

/** What stands for something else on a page. */
const PLACEHOLDERS: readonly [RegExp, string][] = [
  [/^(PID\d?,?)+$|^MONITOR$|^REPLICA\d$/, "1234"],
  [/^ID$/, "3f2a"],
  [/^UID$/, "a-b-c"],
  [/^"?\$.*/, "1234"],
];

/** Why the command line is refused as wrong use; "" if it is not. */
async function complaintOf(words: readonly string[]): Promise<string> {
  const bound = words.map((word) => PLACEHOLDERS.find(([pattern]) => pattern.test(word))?.[1] ?? word);
  const world = { readFile: () => Buffer.from("0s,0s\n10s,-1.5s\n"), writeFile: () => {} };
  try {
    const { code, stderr } = await run(bound, {}, world);
    return code === 2 ? stderr : "";
  } catch {
    return ""; // it would go on, to where the world of the test ends
  }
}

/** The code in the second column, or the first, of the table whose first head begins with `name`. */
function examplesOf(text: string, name: string): string[] {
  const from = text.indexOf(`| ${name} |`);
  const rows = text.slice(from, text.indexOf("\n\n", from)).split("\n").slice(2);
  return rows.flatMap((row) => {
    const [, first = "", second = ""] = row.split("|");
    return [...(name === "verb" ? second : first).matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
  });
}
