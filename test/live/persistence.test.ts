/** The skew lives in the target: any later run of the tool finds it, changes it, and takes it back. */
import { expect, test } from "vitest";
import { inject, recover, report, start, status, timeskew } from "../support/cli.ts";
import { MINUTE } from "../support/clock.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { field, snapshot, state } from "../support/proc.ts";
import { realtimeSkews } from "../support/readings.ts";
import { GLIBC } from "../support/recipes.ts";
import { type Clocks, startClocks } from "../support/victims.ts";
import { waitFor } from "../support/wait.ts";

const BACK = realtimeSkews(-10n * MINUTE);
const FORTH = realtimeSkews(5n * MINUTE);

test("another run recovers, and leaves the process as it was", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using victim = await startClocks();
  const untouched = snapshot(victim.pid);
  await inject(victim.pid, "--offset", "-600s");
  expect(snapshot(victim.pid)).not.toEqual(untouched);
  expect(await status(victim.pid)).toMatchObject({ state: "skewed", skew: { offset: "-600000000000" } });
  expect(await recover(victim.pid)).toMatchObject({ action: "recovered", state: "unskewed" });
  expect(snapshot(victim.pid)).toEqual(untouched);
});

test("a process that is not skewed stays as it is, and recover says so", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using victim = await startClocks();
  const untouched = snapshot(victim.pid);
  expect(await recover(victim.pid)).toMatchObject({ action: "nothing", state: "unskewed" });
  const { code, stdout } = await timeskew("recover", "--pid", victim.pid);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/not skewed/) });
  expect(snapshot(victim.pid)).toEqual(untouched);
});

test("a second injection replaces the first, and recover takes both back", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using victim = await startClocks();
  const untouched = snapshot(victim.pid);
  expect(await inject(victim.pid, "--offset", "-600s")).toMatchObject({ action: "injected" });
  expect(await victim.complaints(BACK)).toEqual([]);
  expect(await inject(victim.pid, "--offset", "5m")).toMatchObject({
    action: "updated",
    threads: 0,
    pauseNs: "0",
    previous: { offset: "-600000000000" },
  });
  expect(await victim.complaints(FORTH)).toEqual([]);
  await recover(victim.pid);
  expect(await victim.complaints({})).toEqual([]);
  expect(snapshot(victim.pid)).toEqual(untouched);
});

test("a second injection can choose other clocks", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using victim = await startClocks();
  await inject(victim.pid, "--offset", "5m");
  await inject(victim.pid, "--offset", "5m", "--clock", "CLOCK_TAI");
  expect(await victim.complaints({ CLOCK_TAI: 5n * MINUTE })).toEqual([]);
});

test("a forked child inherits the skew; parent and child are recovered each on its own", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using victim = await startClocks();
  await inject(victim.pid, "--offset", "-600s");
  const child = await fork(victim);
  expect(await victim.complaints(BACK)).toEqual([]);
  const [ofParent, ofChild] = [await status(victim.pid), await status(child)];
  expect(ofChild).toMatchObject({ pid: child, state: "skewed", skew: { id: ofParent.skew?.id } });

  expect(await recover(child)).toMatchObject({ action: "recovered" });
  expect(await victim.complaints({})).toEqual([]);
  expect(await victim.parentComplaints(BACK)).toEqual([]);
  expect(await recover(victim.pid)).toMatchObject({ action: "recovered" });
  expect(await victim.parentComplaints({})).toEqual([]);
});

test("changing a child's skew leaves its parent's alone", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using victim = await startClocks();
  await inject(victim.pid, "--offset", "-600s");
  const child = await fork(victim);
  await inject(child, "--offset", "5m");
  expect(await victim.complaints(FORTH)).toEqual([]);
  expect(await victim.parentComplaints(BACK)).toEqual([]);
});

test("an orphan is recovered", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using victim = await startClocks();
  await inject(victim.pid, "--offset", "-600s");
  // Two generations: Node closes its end of the dialog when the process ends that it has started itself.
  const parent = await fork(victim);
  const orphan = await fork(victim);
  await victim.dialog.ask("leave");
  await waitFor("the parent to be gone", () => field(orphan, "PPid") !== String(parent));

  expect(await victim.complaints(BACK)).toEqual([]);
  expect(await recover(orphan)).toMatchObject({ action: "recovered", state: "unskewed" });
  expect(await victim.complaints({})).toEqual([]);
});

test("two tools at once: one wins, the other exits 6", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  // A thread that cannot be stopped yet keeps the first tool waiting, with all others in its hands.
  await using victim = await startClocks(GLIBC, { release: true });
  const { tid } = await victim.dialog.askJson<{ tid: number }>("hold");
  await waitFor("the thread to be in vfork()", () => state(tid) === "D");
  const args = ["--json", "--pid", victim.pid, "--offset", "-600s"];
  const first = start(["inject", ...args, "--stop-timeout", "20s"]);
  await waitFor("the first tool", () => field(victim.pid, "TracerPid") !== "0");

  const second = await timeskew("inject", ...args);
  victim.dialog.release();
  expect(second).toMatchObject({ code: 6 });
  expect(report(second).error).toMatchObject({
    targetState: "untouched",
    message: expect.stringMatching(new RegExp(`another timeskew.*\\b${victim.pid}\\b`)),
  });
  expect(await first.done).toMatchObject({ code: 0 });
  expect(await victim.complaints(BACK)).toEqual([]);
});

test("many tools at once: those that do not win say so, and the last winner's skew holds", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using victim = await startClocks();
  const untouched = snapshot(victim.pid);
  for (let round = 0; round < 5; round++) {
    const args = ["inject", "--json", "--pid", victim.pid, "--offset", "-600s"];
    const runs = await Promise.all(Array.from({ length: 4 }, () => timeskew(...args)));
    expect(runs.map(({ code }) => code)).toContain(0);
    for (const run of runs.filter(({ code }) => code !== 0)) {
      expect(run).toMatchObject({ code: 6 });
      expect(report(run).error).toMatchObject({ targetState: "untouched" });
    }
    expect(await victim.complaints(BACK)).toEqual([]);
    expect(await recover(victim.pid)).toMatchObject({ action: "recovered", state: "unskewed" });
    expect(snapshot(victim.pid)).toEqual(untouched);
  }
});

/** Forks; the victim's dialog is the child's from now on. */
async function fork({ dialog }: Clocks): Promise<number> {
  const { pid } = await dialog.askJson<{ pid: number }>("fork");
  dialog.adopt(pid);
  return pid;
}
