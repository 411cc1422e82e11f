/**
 * Sets of processes: a cgroup, a tree, a user, a name. One skew for all of them and for nobody else; profiles agree in all
 * members to the nanosecond; processes that come and go meanwhile; members that cannot be skewed.
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import type { InjectResult, RecoverResult } from "../../src/types.ts";
import { build } from "../support/build.ts";
import { type Cgroup, needCgroup } from "../support/cgroups.ts";
import { type Json, type Report, report, start, status, timeskew } from "../support/cli.ts";
import { MICROSECOND, MINUTE, SECOND } from "../support/clock.ts";
import { Dialog } from "../support/dialog.ts";
import { needPrograms, needRoot, needTracing } from "../support/needs.ts";
import { field, snapshot } from "../support/proc.ts";
import { seriesComplaints, startFollower } from "../support/profiles/follower.ts";
import { begun, needSettings, settingsOf } from "../support/profiles/slots.ts";
import { complaints as modelComplaints } from "../support/profiles/watched.ts";
import { type Reading, realtimeSkews } from "../support/readings.ts";
import { GLIBC, STORM } from "../support/recipes.ts";
import { type Clocks, startClocks, startTracer } from "../support/victims.ts";
import { waitFor } from "../support/wait.ts";

const BACK = realtimeSkews(-10n * MINUTE);
const OFFSET = ["--offset", "-10m"];

interface SetReport extends Report {
  skewId: string;
  longestPauseNs: string;
  selection: { kind: string; words: string }[];
  undo: string;
}

function need(context: TestContext): void {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
}

/** Its path as /proc/PID/cgroup has it. */
function pathOf(pid: number): string {
  const [, path] = /:(\/\S*timeskew-test-\d+)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8")) ?? [];
  if (path === undefined) throw new Error(`process ${pid} is in no cgroup of ours`);
  return path;
}

async function victimsIn(
  cgroup: Cgroup,
  count: number,
): Promise<AsyncDisposable & { all: Clocks[]; path: string }> {
  const all = await Promise.all(Array.from({ length: count }, () => startClocks()));
  for (const { pid } of all) cgroup.add(pid);
  return {
    all,
    path: pathOf(all[0]!.pid),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(all.map(({ dialog }) => dialog[Symbol.asyncDispose]()));
    },
  };
}

/** Runs a command on a set, with --json. */
async function ask(code: number, ...args: string[]): Promise<SetReport> {
  const run = await timeskew(...args, "--json", "--stop-timeout", "20s");
  expect(run.code, run.stdout + run.stderr).toBe(code);
  return report(run) as SetReport;
}

function pidsOf(targets: readonly unknown[] | undefined): number[] {
  return (targets ?? []).map((target) => (target as { pid: number }).pid).sort((a, b) => a - b);
}

const injectSet = (...args: string[]) => ask(0, "inject", ...args);

test("a cgroup: one skew for its members, none for others, and taken back by the same words", async (context) => {
  need(context);
  await using cgroup = needCgroup(context, "v1", "freezer");
  await using victims = await victimsIn(cgroup, 3);
  await using stranger = await startClocks();
  const untouched = victims.all.map(({ pid }) => snapshot(pid));
  const { targets, skewId, undo, selection, longestPauseNs } = await injectSet(
    "--cgroup",
    victims.path,
    ...OFFSET,
  );
  const pids = victims.all.map(({ pid }) => pid).sort((a, b) => a - b);
  expect(pidsOf(targets)).toEqual(pids);
  expect(selection).toMatchObject([{ kind: "cgroup" }]);
  expect(undo).toContain(`recover --cgroup ${victims.path}`);
  const pauses = (targets as Json<InjectResult>[]).map(({ pauseNs }) => BigInt(pauseNs));
  expect(pauses).toContain(BigInt(longestPauseNs));
  for (const pause of pauses) expect(pause <= BigInt(longestPauseNs)).toBe(true);
  for (const victim of victims.all) {
    expect((await status(victim.pid)).skew?.id).toBe(skewId);
    expect(await victim.complaints(BACK)).toEqual([]);
  }
  expect(settingsOf(stranger.pid)).toBeUndefined();
  const back = await ask(0, "recover", "--cgroup", victims.path);
  expect(pidsOf(back.targets)).toEqual(pids);
  expect(victims.all.map(({ pid }) => snapshot(pid))).toEqual(untouched);
});

test("a tree: a process and its descendants, those that it forks later, too", async (context) => {
  need(context);
  await using victim = await startClocks();
  const { dialog, pid } = victim;
  const child = (await dialog.askJson<{ pid: number }>("fork")).pid;
  const { targets, skewId } = await injectSet("--pid", `${pid}`, "--tree", ...OFFSET);
  expect((targets as { pid: number }[]).map((each) => each.pid)).toEqual([pid, child]);
  expect(await victim.complaints(BACK)).toEqual([]);
  expect(await victim.parentComplaints(BACK)).toEqual([]);
  const later = (await dialog.askJson<{ pid: number }>("fork")).pid;
  expect((await status(later)).skew?.id).toBe(skewId);
  const back = await ask(0, "recover", "--pid", `${pid}`, "--tree");
  expect(pidsOf(back.targets)).toEqual([pid, child, later].sort((a, b) => a - b));
  expect(await victim.complaints({})).toEqual([]);
});

test("a name, and a user: everybody of that name, and of that user", async (context) => {
  need(context);
  needRoot(context, "to be another user");
  const folder = mkdtempSync(join(tmpdir(), "timeskew-sets-"));
  // No other process of this machine is called this, nor belongs to this user.
  const comm = `ts${process.pid}`;
  const uid = 3_000_000 + process.pid;
  copyFileSync(await build(GLIBC), join(folder, comm));
  await using one = await Dialog.greeted([join(folder, comm)]);
  await using two = await Dialog.greeted([join(folder, comm)]);
  await using third = await startClocks(GLIBC, { uid });
  rmSync(folder, { recursive: true });
  expect(pidsOf((await injectSet("--comm", comm, ...OFFSET)).targets)).toEqual([one.pid, two.pid].sort());
  expect(pidsOf((await injectSet("--user", `${uid}`, ...OFFSET)).targets)).toEqual([third.pid]);
  // Several selectors mean everybody whom any of them means, each once.
  const all = ["--comm", comm, "--user", `${uid}`, "--pid", `${one.pid}`];
  const { targets } = await ask(0, "recover", ...all);
  expect(pidsOf(targets)).toEqual([one.pid, two.pid, third.pid].sort((a, b) => a - b));
});

test("--skew ID: wherever its processes are; a beginning of the id is enough, if it is one's only", async (context) => {
  need(context);
  await using one = await startClocks();
  await using two = await startClocks();
  await using other = await startClocks();
  const both = await injectSet("--pid", `${one.pid},${two.pid}`, ...OFFSET);
  await timeskew("inject", "--pid", other.pid, ...OFFSET);
  const beginning = both.skewId.slice(0, 12);
  const listed = report(await timeskew("status", "--skew", beginning, "--json"));
  expect(pidsOf(listed.targets)).toEqual([one.pid, two.pid].sort((a, b) => a - b));
  const { targets } = await ask(0, "recover", "--skew", beginning);
  expect(pidsOf(targets)).toEqual([one.pid, two.pid].sort((a, b) => a - b));
  expect((await status(other.pid)).state).toBe("skewed");
  expect((await ask(3, "recover", "--skew", both.skewId)).error?.code).toBe("E_NO_TARGET");
});

/** Everything but the generation, which each process counts by itself. */
function agreed(pid: number) {
  const { generation: _, ...slot } = needSettings(pid).inForce;
  return slot;
}

const PROFILES = [
  ["--drift", "20000ppm", "--jitter", "300ms", "--jitter-every", "7ms", "--seed", "5"],
  ["--rate", "1.5", "--clock", "realtime,monotonic"],
  ["--at", "2038-01-19T03:14:00Z", "--freeze"],
  ["--strobe", "1s", "--period", "13ms", "--start-in", "300ms"],
];

test.for(PROFILES)("a profile begins in all members at one moment: %s %s …", async (flags, context) => {
  need(context);
  await using cgroup = needCgroup(context, "v1", "freezer");
  await using victims = await victimsIn(cgroup, 4);
  const { skewId } = await injectSet("--cgroup", victims.path, ...flags);
  const [first, ...others] = victims.all;
  const settings = await begun(first!.pid);
  for (const { pid } of others) expect(agreed(pid)).toEqual(agreed(first!.pid));
  for (const { dialog, pid } of victims.all) {
    const { readings } = await dialog.askJson<{ readings: Reading[] }>("read");
    expect(modelComplaints(readings, { ...settings, other: needSettings(pid).other })).toEqual([]);
    expect((await status(pid)).skew?.id).toBe(skewId);
  }
});

test("in time namespaces, a profile begins at the same moment by each one's clocks", async (context) => {
  need(context);
  needRoot(context, "to make a time namespace");
  await using cgroup = needCgroup(context, "v1", "freezer");
  await using victims = await victimsIn(cgroup, 2);
  const [outside, shifted] = victims.all as [Clocks, Clocks];
  await shifted.dialog.ask("timens 5000");
  const inside = (await shifted.dialog.askJson<{ pid: number }>("fork")).pid;
  await injectSet("--cgroup", victims.path, "--rate", "1.25", "--clock", "realtime,monotonic");
  const host = needSettings(outside.pid).inForce.start;
  expect(needSettings(inside).inForce.start).toEqual({
    ...host,
    monotonic: host.monotonic + 5000n * SECOND,
    raw: host.raw + 5000n * SECOND,
    boottime: host.boottime + 5000n * SECOND,
  });
  // Of the parent nobody tells in which namespace it is: it has noted the moment itself, and keeps to the others' date.
  expect(needSettings(shifted.pid).inForce.start.realtime).toBe(host.realtime);
  const { readings } = await shifted.dialog.askJson<{ readings: Reading[] }>("read");
  expect(modelComplaints(readings, await begun(inside))).toEqual([]);
  const parent = await shifted.dialog.askJson<{ readings: Reading[] }>("parent read");
  expect(modelComplaints(parent.readings, needSettings(shifted.pid))).toEqual([]);
});

/** Whether the tool was given a processor in time; where it was not, it tells so, and its clocks may make a step. */
async function changedInTime(): Promise<boolean> {
  await using one = await startFollower("CLOCK_MONOTONIC", 2);
  await using two = await startFollower("CLOCK_MONOTONIC", 2);
  const pids = [one.pid, two.pid].join(",");
  const flags = ["--pid", pids, "--clock", "monotonic"];
  await injectSet(...flags, "--rate", "1.5");
  const changed = await injectSet(...flags, "--rate", "0.5");
  expect(agreed(two.pid)).toEqual(agreed(one.pid));
  // Who had no skew joins in.
  await using fresh = await startFollower("CLOCK_MONOTONIC", 1);
  const { targets } = await injectSet(...flags, "--pid", `${fresh.pid}`, "--rate", "0.9");
  expect((targets as Json<InjectResult>[]).map(({ action }) => action)).toEqual([
    "updated",
    "updated",
    "injected",
  ]);
  expect(agreed(two.pid)).toEqual(agreed(one.pid));
  const { monotonic, boottime } = needSettings(one.pid).inForce.start;
  expect(needSettings(fresh.pid).inForce.start).toMatchObject({ monotonic, boottime });
  const all = [...changed.targets!, ...targets!] as Json<InjectResult>[];
  if (all.some(({ late }) => late)) return false;
  for (const follower of [one, two, fresh]) {
    const series = await follower.series(1_000, 20n * MICROSECOND);
    expect(seriesComplaints(needSettings(follower.pid), follower.what, series)).toEqual([]);
    expect(await follower.settle()).toMatchObject({ back: 0, first: [] });
  }
  return true;
}

test("a change of a set's profile comes for all at one moment, and without a step", async (context) => {
  need(context);
  for (let attempts = 1; !(await changedInTime()); attempts++) expect(attempts).toBeLessThan(5);
});

const STORMS = [OFFSET, ["--offset", "-10m", "--duration", "1h"]];

test.for(STORMS)("members that fork all the time: nobody is missed: %s %s …", async (flags, context) => {
  need(context);
  await using cgroup = needCgroup(context, "v1", "freezer");
  await using one = await Dialog.greeted([await build(STORM), "forks", `${-10n * MINUTE}`]);
  await using two = await Dialog.greeted([await build(STORM), "forks", `${-10n * MINUTE}`]);
  for (const { pid } of [one, two]) cgroup.add(pid);
  const { targets } = await injectSet("--cgroup", pathOf(one.pid), ...flags);
  const actions = (targets as Json<InjectResult>[]).map(({ pid, action }) => ({ pid, action }));
  expect(actions).toContainEqual({ pid: one.pid, action: "injected" });
  expect(actions).toContainEqual({ pid: two.pid, action: "injected" });
  for (const storm of [one, two]) {
    storm.tell("keep");
    const kept = await waitFor("a child that stays", async () => {
      const { kept: each } = await storm.askJson<{ kept: [number, number, boolean][] }>("settle");
      return each.length > 0 && each;
    });
    expect(kept.map(([, wrong, skewed]) => ({ wrong, skewed: Boolean(skewed) }))).toEqual([
      { wrong: 0, skewed: true },
    ]);
    expect(await storm.askJson("settle")).toMatchObject({ wrong: 0 });
  }
  const { targets: back } = await ask(0, "recover", "--cgroup", pathOf(one.pid));
  expect((back as Json<RecoverResult>[]).length).toBeGreaterThanOrEqual(4);
  for (const { pid } of [one, two]) expect(settingsOf(pid)).toBeUndefined();
});

test("a member that cannot be skewed: exit 7, a table with the reason, and the others are skewed", async (context) => {
  need(context);
  await using cgroup = needCgroup(context, "v1", "freezer");
  await using victims = await victimsIn(cgroup, 3);
  const [first, traced, last] = victims.all as [Clocks, Clocks, Clocks];
  await using tracer = await startTracer(traced.pid);
  const { code, stdout, stderr } = await timeskew("inject", "--cgroup", victims.path, ...OFFSET);
  expect(code).toBe(7);
  expect(stdout).toMatch(
    new RegExp(`^✔ cgroup .*${basename(victims.path)}: 2 processes are now 10m behind\\n`),
  );
  expect(stdout).toMatch(new RegExp(`^ +${traced.pid}  clocks-.*  failed: traced$`, "m"));
  for (const { pid } of [first, last])
    expect(stdout).toMatch(new RegExp(`^ +${pid}  clocks-.*  skewed `, "m"));
  expect(stderr).toContain(`is traced by tracer-`);
  expect(stderr).toContain(`timeskew: 1 of 3 targets failed: pid ${traced.pid}\n`);
  for (const victim of [first, last]) expect(await victim.complaints(BACK)).toEqual([]);
  expect(await traced.complaints({})).toEqual([]);
  const diagnosis = await timeskew("doctor", "--cgroup", victims.path);
  expect(diagnosis.code).toBe(1);
  expect(diagnosis.stdout).toContain(": 2 of 3 processes can be skewed\n");
  await tracer[Symbol.asyncDispose]();
  await waitFor("the tracer to be gone", () => field(traced.pid, "TracerPid") === "0");
  const again = (await injectSet("--cgroup", victims.path, ...OFFSET)).targets as Json<InjectResult>[];
  for (const { pid, action } of again) expect(action).toBe(pid === traced.pid ? "injected" : "updated");
});

test("--wait holds a set, and leaves none of it behind, not even who was forked meanwhile", async (context) => {
  need(context);
  await using victim = await startClocks();
  await using other = await startClocks();
  const run = start([
    "inject",
    "--pid",
    victim.pid,
    "--pid",
    other.pid,
    "--tree",
    ...OFFSET,
    "--wait",
    "--json",
  ]);
  await waitFor("both to be skewed", () => settingsOf(victim.pid) && settingsOf(other.pid));
  const child = (await victim.dialog.askJson<{ pid: number }>("fork")).pid;
  expect(await victim.complaints(BACK)).toEqual([]);
  process.kill(run.pid, "SIGINT");
  const result = await run.done;
  expect(result.code, result.stdout + result.stderr).toBe(0);
  expect(report(result).targets).toMatchObject([
    { pid: victim.pid, ending: "interrupted", recovery: { action: "recovered" } },
    { pid: other.pid, ending: "interrupted", recovery: { action: "recovered" } },
    { pid: child, recovery: { action: "recovered" } },
  ]);
  for (const pid of [victim.pid, other.pid, child]) expect(settingsOf(pid)).toBeUndefined();
});

test("a set glides to the true time, and is recovered when each is there", async (context) => {
  need(context);
  await using one = await startFollower("CLOCK_MONOTONIC", 1);
  await using two = await startFollower("CLOCK_MONOTONIC", 1);
  const pids = `${one.pid},${two.pid}`;
  await injectSet("--pid", pids, "--clock", "monotonic", "--offset", "20ms");
  const { targets } = await ask(0, "recover", "--pid", pids, "--glide", "--over", "200ms");
  expect(targets).toMatchObject([
    { pid: one.pid, action: "gliding", ending: "over", recovery: { action: "recovered" } },
    { pid: two.pid, action: "gliding", ending: "over", recovery: { action: "recovered" } },
  ]);
  for (const follower of [one, two]) expect(await follower.settle()).toMatchObject({ back: 0 });
});

test("nobody is there: exit 3, with words for it", async (context) => {
  need(context);
  const { error } = await ask(3, "inject", "--comm", `no${process.pid}`, ...OFFSET);
  expect(error?.code).toBe("E_NO_TARGET");
});
