/**
 * Commands that stay, on a terminal: what they draw, that Ctrl-C ends them, and that the skew does not outlive a terminal that
 * goes away. (Without a terminal: profiles-foreground.test.ts.)
 */
import { fileURLToPath } from "node:url";
import { expect, type TestContext, test } from "vitest";
import { recoverFully, start, status } from "../support/cli.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { codeSnapshot } from "../support/proc.ts";
import { startClocks } from "../support/victims.ts";

const TERMINAL = fileURLToPath(new URL("../support/terminal.py", import.meta.url));
const SIGHUP = 128 + 1;
/** Takes back the two lines that are drawn. */
const CLEAR = "\r\u001b[1A\u001b[J";

function needTerminal(context: TestContext): string {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  return needPrograms(context, "python3")[0]!;
}

function onTerminal(python: string, action: "ctrl-c" | "hang-up", ...args: (string | number)[]) {
  return start(args, { by: [python, TERMINAL, action] }).done;
}

test("Ctrl-C takes back the skew of inject --wait, and what was drawn", async (context) => {
  const python = needTerminal(context);
  await using victim = await startClocks();
  const untouched = codeSnapshot(victim.pid);
  const run = await onTerminal(python, "ctrl-c", "inject", "--pid", victim.pid, "--rate", "2", "--wait");
  expect(run.code, run.stdout).toBe(0);
  expect(run.stdout).toMatch(/true \d\d:\d\d:\d\d {2}\S+ \(pid \d+\) .* {2}×2/);
  expect(run.stdout.split(CLEAR).at(-1)).toContain("reads the true time again");
  await recoverFully(victim.pid);
  expect(codeSnapshot(victim.pid)).toEqual(untouched);
});

test("so does a terminal that goes away, and the hang-up ends the tool, not an abort", async (context) => {
  const python = needTerminal(context);
  await using victim = await startClocks();
  const untouched = codeSnapshot(victim.pid);
  const run = await onTerminal(python, "hang-up", "inject", "--pid", victim.pid, "--rate", "2", "--wait");
  expect(run.code, run.stdout).toBe(SIGHUP);
  await recoverFully(victim.pid);
  expect(codeSnapshot(victim.pid)).toEqual(untouched);
});

test("Ctrl-C leaves a glide as it is, and says so", async (context) => {
  const python = needTerminal(context);
  await using victim = await startClocks();
  const { pid } = victim;
  expect(await start(["inject", "--pid", pid, "--offset", "1h"]).done).toMatchObject({ code: 0 });
  const run = await onTerminal(python, "ctrl-c", "recover", "--pid", pid, "--glide");
  expect(run.code, run.stdout).toBe(1);
  expect(run.stdout).toContain(`pid ${pid} still glides to the true time`);
  expect(await status(pid)).toMatchObject({ state: "skewed", skew: { profile: { phase: "running" } } });
  await recoverFully(pid);
});

test("Ctrl-C ends status --watch, and the last table stays", async (context) => {
  const python = needTerminal(context);
  await using victim = await startClocks();
  const run = await onTerminal(python, "ctrl-c", "status", "--pid", victim.pid, "--watch");
  expect(run.code, run.stdout).toBe(0);
  expect(run.stdout.split("\u001b[J").at(-1)).toContain("unskewed");
});
