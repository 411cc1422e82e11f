/** CONTRIBUTING.md: what is told about debugging the payload is carried out as it stands there, by gdb and objdump. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { needPrograms } from "../support/needs.ts";
import { blocksOf, commandsOf } from "./blocks.ts";
import { needPlace, place } from "./place.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const BLOCKS = blocksOf(readFileSync(`${ROOT}CONTRIBUTING.md`, "utf8")).filter(
  ({ language }) => language === "sh",
);

/** What is seen, by the program that shows it. */
const SEEN: Readonly<Record<string, readonly RegExp[]>> = {
  objdump: [/<skewed_clock_gettime>:\n/, /\bret\b/],
  gdb: [
    /<clock_gettime>:\s+jmp /,
    /^Breakpoint 1, .* in skewed_clock_gettime/m,
    /^#\d+ .* in main \(\)/m,
    /^=> .*<skewed_clock_gettime>:/m,
    /reads the true time again \(was 10m behind\)/,
  ],
};

test("the blocks are about these programs", () => {
  expect(BLOCKS.map(programOf)).toEqual(Object.keys(SEEN));
});

test.for(BLOCKS.map((block) => [programOf(block)!, block] as const))(
  "%s",
  async ([program, { text }], context) => {
    needPlace(context);
    needPrograms(context, program, "cc");
    if (process.arch !== "x64") context.skip("names the payload of x86-64");
    await using here = await place();
    const { code, stdout, stderr } = await here.type(text.replaceAll("/tmp/", `${here.folder}/`), {
      cwd: ROOT,
    });
    expect(code, stdout + stderr).toBe(0);
    for (const words of SEEN[program]!) expect(stdout).toMatch(words);
  },
);

function programOf(block: (typeof BLOCKS)[number]): string | undefined {
  const first = commandsOf(block).map((command) => command.split(" ")[0]!);
  return Object.keys(SEEN).find((program) => first.includes(program));
}
