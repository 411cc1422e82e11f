import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { licencesOf, packagesOf } from "../../../native/package/licences.mjs";

let root;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "timeskew-licences-"));
});
afterEach(() => rm(root, { recursive: true }));

/** A package with these files beside its package.json. */
async function addPackage(name, files) {
  const folder = join(root, "node_modules", name);
  await mkdir(folder, { recursive: true });
  const all = { "package.json": JSON.stringify({ name, version: "1.2.3", license: "MIT" }), ...files };
  for (const [file, text] of Object.entries(all)) await writeFile(join(folder, file), text);
  return `node_modules/${name}/index.js`;
}

it("finds the packages of files, each once, and those inside of others", () => {
  const files = [
    "src/index.ts",
    "node_modules/ora/index.js",
    "node_modules/ora/lib/utilities.js",
    "node_modules/@scope/name/index.js",
    "../../node_modules/chalk/source/index.js",
    "node_modules/ora/node_modules/chalk/index.js",
  ];
  expect(packagesOf(files)).toEqual([
    "../../node_modules/chalk",
    "node_modules/@scope/name",
    "node_modules/ora",
    "node_modules/ora/node_modules/chalk",
  ]);
});

it("takes the words from a file of that name, or from the README's section", async () => {
  const files = [
    await addPackage("first", { license: "the first's words\n", "readme.md": "# License\n\nno words\n" }),
    await addPackage("second", { "README.md": "# second\n\ntext\n\n#### LICENSE\n\nthe second's words\n" }),
  ];
  const [head, first, second] = licencesOf(files, root).split(`\n${"-".repeat(80)}\n\n`);
  expect(head).toContain("dist/");
  expect(first).toBe("first 1.2.3 (MIT)\n\nthe first's words\n");
  expect(second).toBe("second 1.2.3 (MIT)\n\nthe second's words\n");
});

it("refuses a package without such words", async () => {
  const file = await addPackage("bare", { "README.md": "# bare\n\nIts licence is on its page.\n" });
  expect(() => licencesOf([file], root)).toThrow(/bare is bundled, and has no text of a licence/);
});
