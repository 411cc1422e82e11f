/** The table of dependencies in CONTRIBUTING.md justifies each package, in the version that is used. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const ROOT = new URL("../../../", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, ROOT), "utf8");

/** | `name` | version | used for | why it | */
const ROWS = [...read("CONTRIBUTING.md").matchAll(/^\| `([^`]+)` \| (\S+) \| ([^|]*)\|([^|]*)\|$/gm)].map(
  ([, name, version, use, why]) => ({ name: name!, version: version!, use: use!.trim(), why: why!.trim() }),
);
const { dependencies, devDependencies } = JSON.parse(read("package.json"));

const versions = (rows: typeof ROWS) => Object.fromEntries(rows.map(({ name, version }) => [name, version]));

it("names the packages of package.json, each once, with its version", () => {
  expect(versions(ROWS)).toEqual({ ...dependencies, ...devDependencies });
  expect(ROWS).toHaveLength(Object.keys({ ...dependencies, ...devDependencies }).length);
});

it("says of each what it is used for, and why it is this one", () => {
  expect(ROWS.filter(({ use, why }) => use === "" || why === "")).toEqual([]);
});

it("says of those which users install, and of no others, that they are needed at run time", () => {
  expect(versions(ROWS.filter(({ use }) => use.startsWith("run time")))).toEqual(dependencies);
});

it("is about exact versions", () => {
  for (const { version } of ROWS) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
});
