/**
 * Short runs of what runs for long elsewhere: the soak and the leak check (test/soak), and the fuzzer's supervisor
 * (test/fuzz), each as its command; and that each of them can say no.
 */
import { execFile } from "node:child_process";
import { openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import { inject } from "../../src/engine/index.ts";
import type { Outcome } from "../soak/leaks.ts";
import { type SoakResult, soak } from "../soak/soak.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { state } from "../support/proc.ts";
import { GLIBC } from "../support/recipes.ts";
import { startClocks } from "../support/victims.ts";
import { waitFor } from "../support/wait.ts";

interface Run {
  code: number;
  output: string;
}

/** Runs a script of test/ to its end. */
function run(script: string, ...args: string[]): Promise<Run> {
  const path = fileURLToPath(new URL(`../${script}`, import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [path, ...args], { maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: `${stdout}${stderr}` });
    });
  });
}

test("the soak, 40 cycles on 16 threads that hammer the clock", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  const { code, output } = await run("soak/run.mjs", "--cycles", "40", "--threads", "16", "--json");
  const result = JSON.parse(output) as SoakResult;
  expect(result).toMatchObject({ faults: [], cycles: 40 });
  expect(result.injectPauses).toHaveLength(40);
  expect(result.tool.length).toBeGreaterThan(10);
  expect(code).toBe(0);
});

test("the soak notices a leak", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  const meanwhile = () => {
    openSync("/dev/null", "r");
  };
  const { faults } = await soak({ cycles: 40, threads: 1, settleEvery: 10, meanwhile });
  expect(faults).toEqual([expect.stringMatching(/^the tool's descriptors grew by \d+/)]);
});

test("nothing is kept by successes and failures of each kind", { timeout: 300_000 }, async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  const { code, output } = await run("soak/leaks.mjs", "--rounds", "40", "--json");
  const outcomes = JSON.parse(output) as Outcome[];
  expect(outcomes.flatMap(({ name, faults }) => faults.map((fault) => `${name}: ${fault}`))).toEqual([]);
  const skipped = outcomes.flatMap(({ name, skipped: why }) =>
    why === undefined ? [] : [`${name}: ${why}`],
  );
  if (skipped.length > 0) console.log(`not checked: ${skipped.join(", ")}`);
  expect(outcomes.length - skipped.length).toBeGreaterThanOrEqual(8);
  expect(code).toBe(0);
});

test("threads that cannot be let go yet are looked after by one timer", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using victim = await startClocks(GLIBC, { release: true });
  const { tid } = await victim.dialog.askJson<{ tid: number }>("hold");
  await waitFor("the thread to be in vfork()", () => state(tid) === "D");
  const timers = vi.spyOn(globalThis, "setInterval");
  try {
    for (let i = 0; i < 3; i++) {
      await expect(inject({ pid: victim.pid, offset: -1n, stopTimeoutMs: 5 })).rejects.toMatchObject({
        code: "E_STOP_TIMEOUT",
      });
    }
    expect(timers.mock.calls.length).toBeLessThanOrEqual(1);
  } finally {
    timers.mockRestore();
    victim.dialog.release();
  }
});

test.for([
  ["hang", /this input took longer than 1 s/],
  ["heap", /this input needed more than 256 MiB of heap/],
  ["buffers", /this input made the process larger than 512 MiB/],
  ["leak", /the heap grew by \d+ MiB and did not shrink/],
  ["error", /TypeError: Cannot read properties/],
] as const)("the fuzzer notices a parser with a %s", async ([fault, words]) => {
  const args = ["--parser", `fault-${fault}`, "--inputs", "5000", "--seed", "7", "--patience", "1"];
  const { code, output } = await run("fuzz/run.mjs", ...args);
  expect(output).toMatch(words);
  expect(output).toContain(`FAILED: fault-${fault}, input `);
  expect(output).toMatch(/again: npm run fuzz -- --parser \S+ --replay '/);
  expect(code).toBe(1);
});

test("the fuzzer runs a parser, and an input that it has printed", async () => {
  const { code, output } = await run(
    "fuzz/run.mjs",
    "--parser",
    "duration",
    "--inputs",
    "3000",
    "--seed",
    "7",
  );
  expect(output).toMatch(/^seed 7, 3,000 inputs.*\nduration .*\nnothing was found\n/);
  expect(code).toBe(0);
  const again = await run("fuzz/run.mjs", "--parser", "duration", "--replay", '"1h30m"');
  expect(again.code).toBe(0);
  expect((await run("fuzz/run.mjs", "--parser", "durations")).output).toContain(
    "no parser is called durations",
  );
});
