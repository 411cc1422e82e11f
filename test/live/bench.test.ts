/**
 * `npm run bench -- --quick` goes through all of its parts, and what it writes can be taken up again. No figure is judged: that
 * the rounds were measured, and that nothing which the benchmark itself checks was wrong, is all that is shown here.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { needPrograms, needTracing } from "../support/needs.ts";
import { temporaryFolder } from "../support/servers/server.ts";
import { parseXml } from "../unit/chart/svg-read.ts";

const BENCH = fileURLToPath(new URL("../bench/run.mjs", import.meta.url));
const PARTS = ["reads", "profiles", "start", "pause", "whole", "update", "memory", "sets", "waits"];
const CHARTS = ["commands.svg", "reads.svg", "stops.svg"];

/** It measures; on a busy machine that takes minutes. */
const PATIENCE = 600_000;

function bench(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BENCH, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

test("all parts give figures, charts, and a report that is read again", {
  timeout: PATIENCE,
}, async (context) => {
  needPrograms(context, "gcc");
  needTracing(context); // of Node, too, which permits it to nobody
  await using folder = await temporaryFolder("bench");
  const json = join(folder.path, "bench.json");
  const run = bench("--quick", "--json", json, "--svg", join(folder.path, "charts"));
  expect(run).toMatchObject({ status: 0, stderr: "" });
  const report = JSON.parse(readFileSync(json, "utf8"));
  expect(Object.keys(report)).toEqual(expect.arrayContaining([...PARTS, "aims"]));
  for (const { command, rounds } of report.reads.functions) {
    for (const { untouched, skewed } of rounds)
      expect([untouched > 0, skewed > 0], command).toEqual([true, true]);
  }
  for (const { pauseNs, switches, switchesOfInject } of report.update) {
    expect({ pauseNs, switches }).toEqual({ pauseNs: 0, switches: 0 });
    expect(switchesOfInject).toBeGreaterThan(0);
  }
  for (const { before, during, after } of report.memory) {
    expect(during.size).toBeGreaterThan(before.size);
    expect(after.size).toBe(before.size);
  }

  expect(readdirSync(join(folder.path, "charts")).sort()).toEqual(CHARTS);
  for (const file of CHARTS) {
    expect(parseXml(readFileSync(join(folder.path, "charts", file), "utf8")).name).toBe("svg");
  }

  const again = bench("--from", json, "--svg", join(folder.path, "again"));
  expect(again).toEqual(run);
  for (const file of CHARTS) {
    const drawn = (where: string) => readFileSync(join(folder.path, where, file), "utf8");
    expect(drawn("again")).toBe(drawn("charts"));
  }

  delete report.pause[0].inject.median;
  writeFileSync(json, JSON.stringify(report));
  expect(bench("--from", json)).toMatchObject({
    status: 1,
    stderr: `bench: ${json} is no report: report.pause[0].inject.median: is missing\n`,
  });
});

test.each([[["--only", "nothing"]], [["--from", "bench.json", "--quick"]], [["more"]]])(
  "%j is wrong usage",
  (args) => {
    const { status, stdout, stderr } = bench(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^usage: npm run bench/);
  },
);
