/**
 * inject --wait stays, and takes the skew back when it is interrupted, or when the skew has ended. Killed, it leaves the skew
 * as any other inject does; and it notices that its target has ended.
 */
import { expect, type TestContext, test } from "vitest";
import { recoverFully, refusal, report, start, status } from "../support/cli.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { codeSnapshot } from "../support/proc.ts";
import { type Follower, seriesComplaints, startFollower } from "../support/profiles/follower.ts";
import { begun, needSettings, settingsOf } from "../support/profiles/slots.ts";
import { waitFor } from "../support/wait.ts";

/** A target, untouched, and an inject --wait that has skewed it. */
async function skewed({ pid, what, series }: Follower, ...flags: string[]) {
  const tool = start(["inject", "--pid", pid, "--wait", ...flags]);
  await waitFor("the skew", () => tool.hasSaid("waiting;"));
  const settings = await begun(pid);
  expect(seriesComplaints(settings, what, await series(100, 10_000n))).toEqual([]);
  return tool;
}

function startTarget(context: TestContext): Promise<Follower> {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  return startFollower("CLOCK_REALTIME", 2);
}

test.for(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s: the skew is taken back", async (signal, context) => {
  await using follower = await startTarget(context);
  const { pid } = follower;
  const untouched = codeSnapshot(pid);
  const tool = await skewed(follower, "--rate", "2");
  process.kill(tool.pid, signal);
  const { code, stderr } = await tool.done;
  expect(code, stderr).toBe(0);
  await recoverFully(pid); // of which nothing may be left but pages that a thread was in
  expect(codeSnapshot(pid)).toEqual(untouched);
  // Nothing is drawn where nobody looks.
  expect(stderr).not.toContain("\r");
  expect(stderr).not.toContain("\x1b[");
});

test("SIGKILL: the skew stays, and is recovered as any other", async (context) => {
  await using follower = await startTarget(context);
  const { pid, what } = follower;
  const untouched = codeSnapshot(pid);
  const tool = await skewed(follower, "--rate", "2");
  process.kill(tool.pid, "SIGKILL");
  await tool.done;
  expect(await status(pid)).toMatchObject({ state: "skewed", skew: { profile: { rate: 2 } } });
  expect(seriesComplaints(needSettings(pid), what, await follower.series(1_000, 10_000n))).toEqual([]);
  await recoverFully(pid);
  expect(codeSnapshot(pid)).toEqual(untouched);
});

test("the end of --duration: it recovers, and ends", async (context) => {
  await using follower = await startTarget(context);
  const { pid } = follower;
  const untouched = codeSnapshot(pid);
  const tool = start(["inject", "--pid", pid, "--wait", "--offset", "1h", "--duration", "600ms", "--json"]);
  const run = await tool.done;
  expect(run.code, run.stderr).toBe(0);
  expect(report(run)).toMatchObject({ command: "inject", ok: true, targets: [{ pid }] });
  await recoverFully(pid);
  expect(codeSnapshot(pid)).toEqual(untouched);
});

test("with --every it stays until it is interrupted", async (context) => {
  await using follower = await startTarget(context);
  const { pid, what } = follower;
  const tool = await skewed(follower, "--offset", "1h", "--duration", "100ms", "--every", "200ms");
  const readings = await follower.series(700, 1_000_000n);
  expect(seriesComplaints(needSettings(pid), what, readings)).toEqual([]);
  process.kill(tool.pid, "SIGINT");
  expect(await tool.done).toMatchObject({ code: 0 });
  expect(await status(pid)).toMatchObject({ state: expect.stringMatching(/unskewed|lingering/) });
});

test("the end of its target is noticed", async (context) => {
  await using follower = await startTarget(context);
  const tool = await skewed(follower, "--rate", "2");
  await follower[Symbol.asyncDispose]();
  const { code, stdout, stderr } = await tool.done;
  expect(code).not.toBeNull();
  expect(stdout + stderr).toMatch(/end/);
});

test("what it could not take back it does not begin", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using follower = await startFollower("CLOCK_MONOTONIC", 0);
  const { pid } = follower;
  const flags = ["--wait", "--rate", "2", "--clock", "CLOCK_MONOTONIC"];
  const { hint } = await refusal("E_BACKWARD_MONOTONIC", ["inject", "--pid", pid, ...flags]);
  expect(hint).toMatch(/--/);
  expect(settingsOf(pid)).toBeUndefined();
});
