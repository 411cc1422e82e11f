/**
 * No torn reading: threads read clocks and translate deadlines by the payload's functions while the settings change, more
 * than 100,000 times a second (torn.c). What they get is by one of the settings, as a whole.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { build } from "../support/build.ts";
import { needPrograms } from "../support/needs.ts";
import { TORN } from "../support/recipes.ts";

interface Verdict {
  changes: number;
  seconds: number;
  readings: number;
  /** How many by each of the settings. */
  seen: number[];
  torn: number;
  /** The first of them. */
  first: string;
}

async function storm(...args: string[]): Promise<Verdict> {
  const { stdout } = await promisify(execFile)(await build(TORN), args);
  return JSON.parse(stdout) as Verdict;
}

const SECONDS = 3;
const RATE = 100_000;

test("every reading is by one of the settings, while these change 100,000 times a second", async (context) => {
  needPrograms(context, "gcc");
  let verdict: Verdict;
  let tries = 0;
  // The rate is this machine's, which may be busy.
  do {
    verdict = await storm(String(SECONDS));
    expect(verdict).toMatchObject({ torn: 0, first: "" });
  } while (verdict.changes < RATE * verdict.seconds && ++tries < 4);
  expect(verdict.changes).toBeGreaterThan(RATE * verdict.seconds);
  expect(verdict.readings).toBeGreaterThan(100_000);
  for (const count of verdict.seen) expect(count).toBeGreaterThan(0);
});

test("a writer that does not keep to the order is found out", async (context) => {
  needPrograms(context, "gcc");
  expect((await storm("1", "careless")).torn).toBeGreaterThan(100);
});
