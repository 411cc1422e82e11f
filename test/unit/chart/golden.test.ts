/**
 * Charts as they are, byte for byte, in golden/ and examples/. After a change that is meant, and looked at:
 *
 *     TIMESKEW_GOLDEN=write npx vitest run --project unit test/unit/chart/golden.test.ts
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { svgChart } from "../../../src/chart/svg.ts";
import { terminalChart } from "../../../src/chart/terminal.ts";
import { run } from "../cli/helpers.ts";
import { SPECIMENS, specimen } from "./specimens.ts";

const FOLDER = new URL("golden/", import.meta.url);
const frame = (text: string) => text;

const FORMS: Readonly<Record<string, (name: string) => string>> = {
  svg: (name) => svgChart(specimen(name)),
  txt: (name) => `${terminalChart(specimen(name), { width: 80, unicode: true, frame }).join("\n")}\n`,
  "ascii.txt": (name) =>
    `${terminalChart(specimen(name), { width: 60, unicode: false, frame }).join("\n")}\n`,
};

const FILES = Object.keys(SPECIMENS).flatMap((name) =>
  Object.keys(FORMS).map((form) => ({ file: `${name}.${form}`, draw: () => FORMS[form]!(name) })),
);

describe("a chart", () => {
  it.each(FILES)("$file", ({ file, draw }) => {
    const drawn = draw();
    if (process.env.TIMESKEW_GOLDEN === "write") writeFileSync(new URL(file, FOLDER), drawn);
    expect(drawn).toBe(readFileSync(new URL(file, FOLDER), "utf8"));
    expect(draw()).toBe(drawn);
  });

  it("is compared with every file that is there", () => {
    expect(readdirSync(FOLDER).sort()).toEqual(FILES.map(({ file }) => file).sort());
  });
});

describe("examples/preview.svg", () => {
  it("is what the command beside it draws", async () => {
    const examples = new URL("../../../examples/", import.meta.url);
    const [, line = ""] =
      /timeskew\.js (preview .*)$/m.exec(readFileSync(new URL("README.md", examples), "utf8")) ?? [];
    const files: Record<string, string> = {};
    const writeFile = (path: string, text: string) => {
      files[path] = text;
    };
    expect(await run(line, {}, { writeFile })).toMatchObject({ code: 0 });
    const picture = new URL("preview.svg", examples);
    if (process.env.TIMESKEW_GOLDEN === "write") writeFileSync(picture, files["examples/preview.svg"]!);
    expect(files).toEqual({ "examples/preview.svg": readFileSync(picture, "utf8") });
  });
});
