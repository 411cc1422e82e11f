/** Every block of commands in the README is carried out as it stands there; install.test.ts has those of its first section. */
import { readFileSync } from "node:fs";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { describe, expect, test } from "vitest";
import { freePort } from "../../examples/support/ports.mjs";
import { needPrograms } from "../support/needs.ts";
import type { Ended } from "../support/programs.ts";
import { type Block, blocksOf, commandsOf } from "./blocks.ts";
import { needPlace, type Place, place, VICTIM } from "./place.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const BLOCKS = blocksOf(readFileSync(join(ROOT, "README.md"), "utf8"));
const TYPED = BLOCKS.filter(({ language, section }) => language === "sh" && section !== "Install");
const MODULES = BLOCKS.filter(({ language }) => language === "ts");

const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;

/** True seconds since 1970 between which something was done. */
type Span = readonly [from: number, until: number];

/** A server that tells its time to who writes to it, and the test that stands for "the test" in the example. */
const SERVER = 'process.stdin.on("data", () => console.log(Date.now()));\n';
const COMMENT = /\/\/ the test.*/;
const ASK = `
  server.stdin.write("?");
  console.log(String(await new Promise((told) => server.stdout.once("data", told))).trim());
`;

interface Around {
  /** What is typed before the block, so that it has something to do. */
  readonly before?: string;
  /** What else has to be so when it has been carried out. */
  readonly after: (ended: Ended, span: Span, place: Place) => unknown;
}

const REPORTS = { behind: `(pid ${VICTIM}) is now 10m behind`, right: `(pid ${VICTIM}) reads the true time` };

/** By the first command of a block. */
const AROUND: Readonly<Record<string, Around>> = {
  "sudo timeskew inject --pid 1234 --offset -10m": {
    after: ({ stdout }) => {
      for (const words of Object.values(REPORTS)) expect(stdout).toContain(words);
    },
  },
  "timeskew run --offset -1d -- date": {
    after: ({ stdout }, span) => expectBetween(Date.parse(stdout) / 1000, span, -DAY),
  },
  "python3 -m http.server --bind 127.0.0.1 8000 &": {
    after: ({ stdout }, span) => {
      const dates = [...stdout.matchAll(/^Date: (.*)$/gm)].map(([, date]) => Date.parse(date!) / 1000);
      expect(dates).toHaveLength(3);
      for (const [index, off] of [0, -10 * MINUTE, 0].entries()) expectBetween(dates[index]!, span, off);
    },
  },
  "timeskew preview --rate 1.02": {
    after: async (_, __, { folder }) => {
      const shown = await readFile(join(ROOT, "examples/preview.svg"), "utf8");
      expect(await readFile(join(folder, "preview.svg"), "utf8")).toBe(shown);
    },
  },
  "sudo timeskew recover --pid 1234": {
    before: `timeskew inject --pid ${VICTIM} --offset -10m`,
    after: ({ stdout }) => expect(stdout).toContain(REPORTS.right),
  },
};

describe("README.md", () => {
  test("has commands, a library's use and pictures in characters, and nothing that is not run", () => {
    expect(BLOCKS.filter(({ language }) => !["sh", "ts", "text"].includes(language))).toEqual([]);
    expect(BLOCKS.filter(({ notRun }) => notRun !== undefined)).toEqual([]);
    expect(MODULES).toHaveLength(1);
  });

  test("has every block that something is known about", () => {
    const unknown = Object.keys(AROUND).filter((first) => !TYPED.some((block) => begins(block, first)));
    expect(unknown).toEqual([]);
  });

  test.for(TYPED.map((block) => [`line ${block.line}: ${commandsOf(block)[0]}`, block] as const))(
    "%s",
    async ([, block], context) => {
      needPlace(context);
      needPrograms(context, "python3", "curl");
      const [, around] = Object.entries(AROUND).find(([first]) => begins(block, first)) ?? [];
      await using here = await place();
      const port = String(await freePort(new Set()));
      const script = block.text.replaceAll("8000", port);
      const from = Math.floor(Date.now() / 1000);
      const typed = await here.type(`${around?.before ?? ""}\n${script}`);
      expect(typed.code, `${block.text}\n${typed.stdout}${typed.stderr}`).toBe(0);
      await around?.after(typed, [from, Math.floor(Date.now() / 1000)], here);
    },
  );

  test.for(MODULES)("line $line: the library", async ({ text }, context) => {
    needPlace(context);
    await using here = await place();
    expect(text).toMatch(COMMENT);
    const { code } = await transform(text.replace(COMMENT, ASK), { loader: "ts", target: "node20" });
    await mkdir(join(here.folder, "node_modules"));
    await symlink(ROOT, join(here.folder, "node_modules/timeskew"));
    await writeFile(join(here.folder, "server.mjs"), SERVER);
    await writeFile(join(here.folder, "test.mjs"), code);
    const from = Date.now();
    const typed = await here.type(`${process.execPath} test.mjs`);
    expect(typed).toMatchObject({ stderr: "", code: 0 });
    expectBetween(Number(typed.stdout) / 1000, [from / 1000, Date.now() / 1000], -10 * MINUTE);
  });
});

describe("what carries the blocks out", () => {
  test("fails where a line fails, whatever comes behind it", async (context) => {
    needPlace(context);
    await using here = await place();
    expect(await here.type("timeskew recover --pid 999999\ntrue")).toMatchObject({ code: 3 });
    expect(await here.type("timeskew inject --pid 1234 --ofset 1h\ntrue")).toMatchObject({ code: 2 });
    expect(await here.type("false | cat\ntrue")).toMatchObject({ code: 1 });
  });

  test("knows no process but its own", async (context) => {
    needPlace(context);
    await using here = await place();
    const { stdout } = await here.type("ls -d /proc/[0-9]* | wc -l");
    expect(Number(stdout)).toBeLessThanOrEqual(6);
  });
});

function begins(block: Block, first: string): boolean {
  return commandsOf(block)[0]?.startsWith(first) ?? false;
}

/** Cut to the second, as all that says the time here does. */
function expectBetween(seconds: number, [from, until]: Span, off: number): void {
  expect(seconds - off).toBeGreaterThanOrEqual(from);
  expect(seconds - off).toBeLessThanOrEqual(until);
}
