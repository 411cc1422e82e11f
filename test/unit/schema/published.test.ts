/** The schema files: that they are sound, and that the package has them. */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { part, published, SCHEMAS, type Schema } from "../../support/schema.ts";
import { examples } from "./examples.ts";

const ROOT = new URL("../../../", import.meta.url);

/** Every schema in a file that stands for a key; conditions on keys that are described elsewhere are left out. */
function* keysIn(schema: unknown): Generator<{ key: string; schema: Schema }> {
  if (typeof schema !== "object" || schema === null) return;
  for (const [keyword, value] of Object.entries(schema)) {
    if (["if", "then", "else"].includes(keyword)) continue;
    if (keyword === "properties")
      for (const [key, described] of Object.entries(value)) yield { key, schema: described as Schema };
    yield* keysIn(value);
  }
}

describe.each([...SCHEMAS])("%s", (file, schema) => {
  it("means something in every keyword, and refers to what is there", () => {
    expect(published()(file)).toBeTypeOf("function");
  });

  it("is called by its name, of no host", () => {
    expect(schema).toMatchObject({ $schema: "https://json-schema.org/draft/2020-12/schema", $id: file });
    expect(schema.title).toBeTypeOf("string");
  });

  it("describes every key in words", () => {
    const silent = [...keysIn(schema)].filter(({ schema: { description, $ref } }) => {
      const [, other, path] = /^(\w*)(?:\.json)?#\/(.*)$/.exec(`${$ref}`) ?? [];
      const referred =
        path === undefined ? undefined : (part(other || file.replace(".json", ""), path) as Schema);
      return !(description ?? referred?.description);
    });
    expect(silent.map(({ key }) => key)).toEqual([]);
  });
});

describe("the package", () => {
  it("has them, under the names that README says", () => {
    const { files, exports } = JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8"));
    expect(files).toContain("schema");
    expect(exports["./schema/*.json"]).toBe("./schema/*.json");
    for (const name of SCHEMAS.keys())
      expect(import.meta.resolve(`timeskew/schema/${name}`)).toBe(new URL(`schema/${name}`, ROOT).href);
  });

  it("has a README that mentions each file, and shows a report of each command that has any", () => {
    const text = readFileSync(new URL("schema/README.md", ROOT), "utf8");
    for (const name of SCHEMAS.keys()) expect(text).toContain(`\`${name}\``);
    const shown = new Set(examples().map(({ report }) => (report as { command: string }).command));
    expect([...shown].sort()).toEqual(["doctor", "inject", "now", "preview", "recover", "status"]);
  });

  it("validates by what README says", () => {
    const text = readFileSync(new URL("schema/README.md", ROOT), "utf8");
    const [, program] = /^```js\n(.*?)^```$/ms.exec(text)!;
    const file = fileURLToPath(new URL(`.readme-${process.pid}.mjs`, ROOT));
    const status = examples().find(({ line }) => line.startsWith("timeskew status"))!.report as object;
    const run = (report: unknown) =>
      spawnSync(process.execPath, [file], { input: JSON.stringify(report), encoding: "utf8" });
    writeFileSync(file, program!);
    try {
      expect(run(status)).toMatchObject({ status: 0, stdout: "", stderr: "" });
      expect(run({ ...status, targets: {} }).stderr).toContain("data/targets must be array");
    } finally {
      rmSync(file);
    }
  });
});
