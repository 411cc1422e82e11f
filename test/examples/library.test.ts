/** examples/library, run as its page says: by a vitest of its own, and by plain Node. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { EXAMPLES, playIn } from "../support/examples.ts";
import { needTracing } from "../support/needs.ts";
import { temporaryFolder } from "../support/servers/server.ts";

const VITEST = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));
const FOLDER = join(EXAMPLES, "library");

it.each(["forks", "threads"])("the tests of a server pass, in vitest's pool of %s", async (pool) => {
  await using folder = await temporaryFolder("library");
  const report = join(folder.path, "report.json");
  const argv = [VITEST, "run", "--root", FOLDER, "--pool", pool, "--cache", "false"];
  const { code, stdout, stderr } = await playIn(folder.path, [
    ...argv,
    "--reporter",
    "json",
    "--outputFile",
    report,
  ]);
  expect(code, stdout + stderr).toBe(0);
  const { numPassedTests, numTotalTests } = JSON.parse(readFileSync(report, "utf8"));
  const written = readFileSync(join(FOLDER, "server.test.ts"), "utf8").match(/^test\(/gm);
  expect([numPassedTests, numTotalTests]).toEqual([written!.length, written!.length]);
  expect(existsSync(join(FOLDER, "node_modules"))).toBe(false);
});

it("plain Node: try and finally", async (context) => {
  needTracing(context);
  await using folder = await temporaryFolder("library");
  const { code, stdout, stderr } = await playIn(folder.path, [join(FOLDER, "plain.mjs")]);
  expect({ code, stdout, stderr }).toEqual({
    code: 0,
    stdout: "a token expires after a minute, and not before\n",
    stderr: "",
  });
});
