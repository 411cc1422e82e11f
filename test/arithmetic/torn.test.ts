/**
 * No torn reading: threads read clocks and translate deadlines by the payload's functions while the settings change, more
 * than 100,000 times a second (torn.c). What they get is by one of the settings, as a whole. (What is emulated on x86-64 sees
 * threads at once, but no order of accesses that x86-64 would not have: for arm64's see slot.h.)
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, type TestContext, test } from "vitest";
import { type PayloadMachine, TORN } from "../support/recipes.ts";
import { commandOf } from "./host.ts";

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

async function storm(context: TestContext, machine: PayloadMachine, ...args: string[]): Promise<Verdict> {
  const [program, ...before] = await commandOf(context, TORN, machine);
  const { stdout } = await promisify(execFile)(program, [...before, ...args]);
  return JSON.parse(stdout) as Verdict;
}

const SECONDS = 3;
/** Changes a second; fewer where another machine is emulated. */
const RATE = { x86_64: 100_000, i386: 100_000, aarch64: 5000 };

test.for(["x86_64", "i386", "aarch64"] as const)(
  "every reading is by one of the settings, while these change as often as may be, on %s",
  async (machine, context) => {
    let verdict: Verdict;
    let tries = 0;
    const isCalm = ({ changes, seconds, seen }: Verdict) =>
      changes < RATE[machine] * seconds || seen.includes(0);
    // The rate is this machine's, which may be busy.
    do {
      verdict = await storm(context, machine, String(SECONDS));
      expect(verdict).toMatchObject({ torn: 0, first: "" });
    } while (isCalm(verdict) && ++tries < 4);
    expect(verdict.changes).toBeGreaterThan(RATE[machine] * verdict.seconds);
    expect(verdict.readings).toBeGreaterThan(RATE[machine]);
    for (const count of verdict.seen) expect(count).toBeGreaterThan(0);
  },
);

test.for(["x86_64", "i386", "aarch64"] as const)(
  "a writer that does not keep to the order is found out, on %s",
  async (machine, context) => {
    expect((await storm(context, machine, "1", "careless")).torn).toBeGreaterThan(100);
  },
);
