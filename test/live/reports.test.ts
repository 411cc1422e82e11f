/** What the commands say, checked against what the target really reads. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, type TestContext, test } from "vitest";
import { inject, now, recover, report, status, timeskew } from "../support/cli.ts";
import { bracket, MINUTE } from "../support/clock.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { snapshot } from "../support/proc.ts";
import { realtimeSkews } from "../support/readings.ts";
import { startClocks } from "../support/victims.ts";

function needAll(context: TestContext): void {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
}

/** Readings of clocks that are the same for all processes. */
function shared<T extends { difference?: string | undefined }>(readings: readonly T[]): T[] {
  return readings.filter(({ difference }) => difference !== undefined && difference !== null);
}

test("now: what each clock of the target reads, and by how much that is wrong", async (context) => {
  needAll(context);
  await using victim = await startClocks();
  const expectReadings = async (skew: bigint) => {
    const skews = realtimeSkews(skew);
    const { value, wall } = await bracket(() => now(victim.pid));
    const names = value.readings.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining([...victim.readable, "gettimeofday", "time"]));
    for (const { name, difference, uncertainty } of shared(value.readings)) {
      const error = BigInt(difference!) - (skews[name] ?? 0n);
      expect({ name, error, within: abs(error) <= BigInt(uncertainty) }).toMatchObject({ within: true });
    }
    const realtime = BigInt(value.readings.find(({ name }) => name === "CLOCK_REALTIME")!.target!);
    expect(realtime - skew >= wall.from && realtime - skew <= wall.to).toBe(true);
  };

  await expectReadings(0n);
  await inject(victim.pid, "--offset", "-600s");
  await expectReadings(-10n * MINUTE);
});

test("inject reads back what the target reads", async (context) => {
  needAll(context);
  await using victim = await startClocks();
  const { value, wall } = await bracket(() => inject(victim.pid, "--offset", "-600s"));
  expect(value).toMatchObject({
    action: "injected",
    threads: 1,
    skew: { offset: "-600000000000", gettimeofday: true, time: true },
  });
  expect(value.skew.clocks).toEqual(
    expect.arrayContaining(["CLOCK_REALTIME", "CLOCK_REALTIME_COARSE", "CLOCK_TAI"]),
  );
  expect(value.skew.clocks).not.toContain("CLOCK_MONOTONIC");
  expect(BigInt(value.pauseNs)).toBeGreaterThan(0n);
  expect(BigInt(value.skew.since) >= wall.from && BigInt(value.skew.since) <= wall.to).toBe(true);
  const realtime = value.readings.find(({ name }) => name === "CLOCK_REALTIME");
  expect(realtime?.selected).toBe(true);
  const truth = BigInt(realtime!.target!) + 10n * MINUTE;
  expect(truth >= wall.from && truth <= wall.to).toBe(true);
});

test("the undo command that inject prints does undo it", async (context) => {
  needAll(context);
  await using victim = await startClocks();
  const injected = await timeskew(
    "inject",
    "--pid",
    victim.pid,
    "--offset",
    "1h",
    "--clock",
    "CLOCK_MONOTONIC",
  );
  expect(injected).toMatchObject({ code: 0, stderr: "" });
  const [, undo] = /undo: (.*)$/m.exec(injected.stdout) ?? [];
  expect(undo).toContain(`recover --pid ${victim.pid}`);
  const shell = spawn("sh", ["-c", undo!], { stdio: "ignore" });
  expect(await once(shell, "exit")).toEqual([0, null]);
  expect(await victim.complaints({})).toEqual([]);
});

test("status lists every skewed process, with or without being asked for it", async (context) => {
  needAll(context);
  await using skewed = await startClocks();
  await using other = await startClocks();
  const { skew } = await inject(skewed.pid, "--offset", "-600s");
  const all = await timeskew("status", "--json");
  expect(all).toMatchObject({ code: 0 });
  const rows = report(all).targets as { pid: number; state: string; skew?: { id: string } }[];
  expect(rows.find(({ pid }) => pid === skewed.pid)).toMatchObject({
    state: "skewed",
    skew: { id: skew.id },
  });
  expect(rows.map(({ pid }) => pid)).not.toContain(other.pid);
  expect(await status(other.pid)).toMatchObject({ pid: other.pid, state: "unskewed" });

  await recover(skewed.pid);
  expect(await status(skewed.pid)).toMatchObject({ state: "unskewed" });
});

test("a dry run tells the plan and changes nothing", async (context) => {
  needAll(context);
  await using victim = await startClocks();
  const untouched = snapshot(victim.pid);
  const args = ["inject", "--dry-run", "--pid", victim.pid, "--offset", "-600s"];
  const text = await timeskew(...args);
  expect(text).toMatchObject({ code: 0 });
  for (const name of ["clock_gettime", "gettimeofday", "time"]) expect(text.stdout).toContain(name);
  const data = await timeskew(...args, "--json");
  expect(data).toMatchObject({ code: 0 });
  expect(report(data).targets).toMatchObject([
    { pid: victim.pid, action: "inject", plan: expect.anything() },
  ]);
  expect(snapshot(victim.pid)).toEqual(untouched);
});

test("-q says nothing about a success", async (context) => {
  needAll(context);
  await using victim = await startClocks();
  const args = ["--pid", victim.pid, "-q"];
  expect(await timeskew("inject", ...args, "--offset", "-600s")).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(await victim.complaints(realtimeSkews(-10n * MINUTE))).toEqual([]);
  expect(await timeskew("recover", ...args)).toEqual({ code: 0, stdout: "", stderr: "" });
});

test("several targets, one of them gone: the others are done, and exit code 7 says so", async (context) => {
  needAll(context);
  await using victim = await startClocks();
  const gone = spawn("true");
  await once(gone, "exit");
  const run = await timeskew(
    "inject",
    "--json",
    "--pid",
    victim.pid,
    "--pid",
    gone.pid!,
    "--offset",
    "-600s",
  );
  expect(run).toMatchObject({ code: 7 });
  expect(report(run)).toMatchObject({ ok: false, error: { code: "E_SOME_FAILED" } });
  expect(report(run).targets).toMatchObject([
    { pid: victim.pid, state: "skewed" },
    { pid: gone.pid, error: { code: "E_NO_TARGET" } },
  ]);
  expect(await victim.complaints(realtimeSkews(-10n * MINUTE))).toEqual([]);
});

test("doctor finds nothing in the way of a target that can be skewed", async (context) => {
  needAll(context);
  await using victim = await startClocks();
  const untouched = snapshot(victim.pid);
  const run = await timeskew("doctor", "--json", "--pid", victim.pid);
  expect(run).toMatchObject({ code: 0 });
  expect(report(run)).toMatchObject({ ok: true, command: "doctor" });
  expect(run.stdout).not.toContain('"blocked"');
  expect(snapshot(victim.pid)).toEqual(untouched);
});

function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}
