/**
 * The package on bare Debian systems that have a Node and no compiler: it is installed from its tarball without the registry
 * and without install scripts, and skews a program there.
 */
import { expect, test } from "vitest";
import { needNodeRoot, type Runtime } from "../support/installs.ts";
import { needPacking, pack } from "../support/packed.ts";
import { shared } from "../support/shared.ts";
import { succeed, tryOut } from "./trial.ts";

const packed = shared(needPacking, pack);

/** npm 12 runs no install scripts of dependencies; the others do, if they are not told otherwise. */
const INSTALLATIONS: readonly (Runtime & { flags: readonly string[] })[] = [
  { node: "20", npm: "10", flags: ["--ignore-scripts"] },
  { node: "22", npm: "11", flags: [] },
  { node: "24", npm: "12", flags: [] },
];

test.for(INSTALLATIONS)(
  "Node $node, npm $npm $flags: installed for everybody, it works",
  async (each, context) => {
    const { file } = await packed(context);
    await using system = await needNodeRoot(context, each, file);
    expect(await succeed(system, "sh", "-c", "command -v cc gcc make python3 || echo none of them")).toBe(
      "none of them\n",
    );
    await succeed(system, "npm", "install", "--global", ...each.flags, "/timeskew.tgz");
    expect(await succeed(system, "timeskew", "--version")).toMatch(/^\d+\.\d+\.\d+\n$/);
    await tryOut(system, ["timeskew"]);
  },
);

test("of the scripts that an older npm runs, none is the package's own", async (context) => {
  const { file } = await packed(context);
  await using system = await needNodeRoot(context, { node: "20", npm: "10" }, file);
  const said = await succeed(system, "npm", "install", "--global", "--foreground-scripts", "/timeskew.tgz");
  expect(
    said.match(/^> .*/gm)?.filter((line) => !line.startsWith("> koffi@") && !line.includes("cnoke")),
  ).toEqual([]);
});

test("in a project: npx finds it, and so does a program that imports it", async (context) => {
  const { file } = await packed(context);
  await using system = await needNodeRoot(context, { node: "24", npm: "12" }, file);
  const script = [
    "mkdir /project && cd /project && npm init --yes >&2 && npm install /timeskew.tgz >&2",
    "npx timeskew --version",
    `echo 'import { readClocks } from "timeskew"; console.log(typeof readClocks)' > use.mjs && node use.mjs`,
    `node -e 'console.log(typeof require("timeskew").inject)'`,
  ];
  const lines = (await succeed(system, "sh", "-ec", script.join("\n"))).split("\n");
  expect(lines).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+$/), "function", "function", ""]);
  await tryOut(system, ["npm", "--prefix=/project", "exec", "--", "timeskew"]);
  // Outside of it npx fetches the package first.
  await tryOut(system, ["npx", "--yes", "--package=/timeskew.tgz", "timeskew"]);
});
