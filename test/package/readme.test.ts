/** The README's section about installing is carried out as it stands there, from `npm ci` on, in a copy of this repository. */
import { readFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, type TestContext, test } from "vitest";
import { blocksOf, commandsOf } from "../docs/blocks.ts";
import { needPlace, type Place, place, VICTIM } from "../docs/place.ts";
import { needPrograms } from "../support/needs.ts";
import { type Ended, ended } from "../support/programs.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const BLOCKS = blocksOf(readFileSync(join(ROOT, "README.md"), "utf8")).filter(
  ({ section, language }) => section === "Install" && language === "sh",
);
const LEFT_OUT = /^(node_modules|dist|release|coverage|\.git|\.build-.*|native\/build|test\/victims\/build)$/;
const MINUTE_MS = 60_000;
/** A compiler runs for a good part of it. */
const PATIENCE_MS = 10 * MINUTE_MS;

/** Tried with what has just been installed. */
const TRY = `
timeskew --version
timeskew inject --pid ${VICTIM} --offset -10m
timeskew recover --pid ${VICTIM}
timeskew run --offset -1d -- true
`;

test("npm ci and the demo, then each form of it", { timeout: 2 * PATIENCE_MS, retry: 0 }, async (context) => {
  needPlace(context);
  needPrograms(context, "cc", process.arch === "x64" ? "aarch64-linux-gnu-gcc" : "x86_64-linux-gnu-gcc");
  await needRegistry(context);
  const [first, ...forms] = BLOCKS;
  expect(commandsOf(first!)).toEqual(["npm ci && npm run demo"]);
  expect(forms.map((form) => commandsOf(form)[0])).toEqual(["npm pack", "npm run build:sea"]);

  await using here = await place("");
  const clone = join(here.folder, "clone");
  await cp(ROOT, clone, { recursive: true, filter: (from) => !LEFT_OUT.test(relative(ROOT, from)) });
  await typed(here, clone, first!.text, join(here.folder, "nowhere"));
  for (const [index, form] of forms.entries()) {
    const prefix = join(here.folder, `prefix${index}`);
    await typed(here, clone, `mkdir -p '${prefix}/bin'\n${form.text}`, prefix);
    const { stdout } = await typed(here, here.folder, TRY, prefix);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n/);
    expect(stdout).toContain(`(pid ${VICTIM}) is now 10m behind`);
    expect(stdout).toMatch(/undo: (sudo )?timeskew recover --pid/);
    expect(stdout).toContain(`(pid ${VICTIM}) reads the true time again`);
  }
});

/** Types a block; what would go into the system goes into a prefix. */
async function typed({ type }: Place, cwd: string, block: string, prefix: string): Promise<Ended> {
  const bound = block.replaceAll("/usr/local/", `${prefix}/`);
  const env = {
    npm_config_prefix: prefix,
    npm_config_prefer_offline: "true",
    PATH: `${prefix}/bin:${process.env.PATH}`,
  };
  const all = await type(bound, { cwd, env, patienceMs: PATIENCE_MS });
  expect(all.code, `${bound}\n${all.stdout}${all.stderr}`).toBe(0);
  return all;
}

async function needRegistry(context: TestContext): Promise<void> {
  const { code, stderr } = await ended(["npm", "view", "koffi", "version"], { patienceMs: MINUTE_MS });
  if (code !== 0) context.skip(`needs the npm registry: ${stderr.trim().split("\n")[0]}`);
}
