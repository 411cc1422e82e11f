/** Targets in cgroups: frozen, nearly without a processor, without memory, without room for another task. */
import { expect, type TestContext, test } from "vitest";
import { build } from "../support/build.ts";
import { freeze, isFrozen, needCgroup, unfreeze, type Version } from "../support/cgroups.ts";
import { inject, recover, refusal, report, start, status, timeskew } from "../support/cli.ts";
import { MINUTE } from "../support/clock.ts";
import { Dialog } from "../support/dialog.ts";
import { needCommand } from "../support/namespaces.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { field, snapshot, state, threads } from "../support/proc.ts";
import { realtimeSkews } from "../support/readings.ts";
import { FILLER, GLIBC } from "../support/recipes.ts";
import { startClocks, startHammer } from "../support/victims.ts";
import { waitFor } from "../support/wait.ts";

const BACK = realtimeSkews(-10n * MINUTE);
const INJECT = ["inject", "--offset", "-600s", "--pid"];
const VERSIONS: Version[] = ["v1", "v2"];
const PAGE = 4096n;

function needAll(context: TestContext): void {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
}

/** No thread of a process has a tracer. */
function isFree(pid: number): boolean {
  return threads(pid).every((tid) => field(tid, "TracerPid") === "0");
}

test.for(VERSIONS)(
  "a frozen cgroup, %s: nobody attaches; thawed, all is as usual",
  async (version, context) => {
    needAll(context);
    await using cgroup = needCgroup(context, version, "freezer");
    await using victim = await startClocks();
    const untouched = snapshot(victim.pid);
    cgroup.add(victim.pid);
    freeze(cgroup, version);
    await waitFor("the victim to be frozen", () => isFrozen(cgroup, version));

    for (const args of [
      [...INJECT, victim.pid],
      ["now", "--pid", victim.pid],
    ]) {
      const { message, hint, targetState } = await refusal("E_FROZEN", args);
      expect({ message, hint, targetState }).toEqual({
        message: expect.stringMatching(new RegExp(`\\b${victim.pid}\\b.*frozen cgroup`)),
        hint: expect.stringMatching(/thaw/),
        targetState: "untouched",
      });
    }
    const doctor = await timeskew("doctor", "--pid", victim.pid);
    expect(doctor).toMatchObject({ code: 1, stdout: expect.stringMatching(/blocked.*in a frozen cgroup/) });
    expect(await status(victim.pid)).toMatchObject({ state: "unskewed" });
    expect(snapshot(victim.pid)).toEqual(untouched);

    unfreeze(cgroup, version);
    await inject(victim.pid, "--offset", "5m");
    freeze(cgroup, version);
    await waitFor("the victim to be frozen", () => isFrozen(cgroup, version));
    // The settings are changed without its doing; and it is not called untouched, for it is skewed.
    expect(await inject(victim.pid, "--offset", "-600s")).toMatchObject({ action: "updated" });
    expect(await refusal("E_FROZEN", ["recover", "--pid", victim.pid])).toMatchObject({
      targetState: "skewed",
    });
    expect(await timeskew("doctor", "--pid", victim.pid)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/warning.*in a frozen cgroup/),
    });
    unfreeze(cgroup, version);
    expect(await victim.complaints(BACK)).toEqual([]);
    await recover(victim.pid);
    expect(await victim.complaints({})).toEqual([]);
    expect(snapshot(victim.pid)).toEqual(untouched);
  },
);

test.for(VERSIONS)(
  "frozen while its threads are being stopped, %s: all are let go",
  async (version, context) => {
    needAll(context);
    await using cgroup = needCgroup(context, version, "freezer");
    // A thread that cannot be stopped yet keeps the tool waiting, with the others in its hands.
    await using victim = await startClocks(GLIBC, { release: true });
    cgroup.add(victim.pid);
    const { tid } = await victim.dialog.askJson<{ tid: number }>("hold");
    await waitFor("the thread to be in vfork()", () => state(tid) === "D");
    const untouched = snapshot(victim.pid);
    const tool = start([...INJECT, victim.pid, "--json", "--stop-timeout", "300ms"]);
    await waitFor("the tool", () => field(victim.pid, "TracerPid") !== "0");
    freeze(cgroup, version);

    const run = await tool.done;
    expect(run).toMatchObject({ code: 6 });
    expect(report(run).error).toMatchObject({
      code: expect.stringMatching(/^E_(FROZEN|STOP_TIMEOUT)$/),
      targetState: "untouched",
    });
    expect(isFree(victim.pid)).toBe(true);
    unfreeze(cgroup, version);
    expect(await victim.complaints({})).toEqual([]);
    expect(snapshot(victim.pid)).toEqual(untouched);
    victim.dialog.release();
    await inject(victim.pid, "--offset", "-600s");
    expect(await victim.complaints(BACK)).toEqual([]);
  },
);

test.for(VERSIONS)(
  "frozen, %s, where the tool sees no cgroups: it gives up in time",
  async (version, context) => {
    needAll(context);
    const hiding = 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"';
    const by = ["unshare", "--mount", "sh", "-c", hiding, "sh"];
    await using cgroup = needCgroup(context, version, "freezer");
    needCommand(context, by);
    await using victim = await startHammer(2, -10n * MINUTE);
    const untouched = snapshot(victim.pid);
    cgroup.add(victim.pid);
    freeze(cgroup, version);
    await waitFor("the victim to be frozen", () => isFrozen(cgroup, version));
    const args = [...INJECT, victim.pid, "--stop-timeout", "300ms"];
    const { targetState } = await refusal("E_STOP_TIMEOUT", args, { by });
    expect(["untouched", "restored"]).toContain(targetState);
    expect(isFree(victim.pid)).toBe(true);

    unfreeze(cgroup, version);
    expect(await victim.settle()).toMatchObject({ violations: 0, seen: { "-600000000000": 0 } });
    expect(snapshot(victim.pid)).toEqual(untouched);
    await inject(victim.pid, "--offset", "-600s");
    expect(await victim.settle()).toMatchObject({ violations: 0, seen: { "0": 0 } });
  },
);

test.for(VERSIONS)(
  "frozen between the stop and the first step, %s: what the report says is true",
  async (version, context) => {
    needAll(context);
    await using cgroup = needCgroup(context, version, "freezer");
    await using victim = await startClocks(GLIBC, { release: true });
    cgroup.add(victim.pid);
    const { tid } = await victim.dialog.askJson<{ tid: number }>("hold");
    await waitFor("the thread to be in vfork()", () => state(tid) === "D");
    const untouched = snapshot(victim.pid);
    // The tool waits for this thread; made to stand still, it finds all of them stopped, and the cgroup frozen.
    const tool = start([...INJECT, victim.pid, "--json", "--stop-timeout", "25s"]);
    await waitFor("the tool", () => field(victim.pid, "TracerPid") !== "0");
    process.kill(tool.pid, "SIGSTOP");
    await waitFor("the tool to stand still", () => state(tool.pid) === "T");
    victim.dialog.release();
    await waitFor("all threads to be stopped", () =>
      threads(victim.pid).every((each) => state(each) === "t"),
    );
    freeze(cgroup, version);
    process.kill(tool.pid, "SIGCONT");

    const run = await tool.done;
    unfreeze(cgroup, version);
    await waitFor("the victim to be let go", () => isFree(victim.pid));
    expect(await victim.complaints({})).toEqual([]);
    const { code, targetState } = report(run).error!;
    expect([run.code, code, targetState]).toEqual(
      targetState === "partial" ? [8, "E_CHANGED", "partial"] : [6, "E_FROZEN", "restored"],
    );
    if (targetState === "restored") expect(snapshot(victim.pid)).toEqual(untouched);
    await recover(victim.pid);
    expect(snapshot(victim.pid)).toEqual(untouched);
    await inject(victim.pid, "--offset", "-600s");
    expect(await victim.complaints(BACK)).toEqual([]);
  },
);

test.for(VERSIONS)("a cgroup that gets a processor for 10 ms in a second, %s", async (version, context) => {
  needAll(context);
  await using cgroup = needCgroup(context, version, "cpu");
  await using victim = await startHammer(4, -10n * MINUTE);
  const untouched = snapshot(victim.pid);
  const limit = (quota: string) => {
    if (version === "v2") return cgroup.set("cpu.max", `${quota.replace("-1", "max")} 1000000`);
    cgroup.set("cpu.cfs_period_us", 1_000_000);
    cgroup.set("cpu.cfs_quota_us", quota);
  };
  limit("10000");
  cgroup.add(victim.pid);
  const throttled = () => Number(/^nr_throttled (\d+)$/m.exec(cgroup.get("cpu.stat"))![1]);
  await waitFor("the victim to be throttled", () => throttled() > 0);

  // Its threads stop when they get a processor next: in the default time, or not.
  const hasty = await timeskew(...INJECT, victim.pid, "--json", "--stop-timeout", "20ms");
  if (hasty.code !== 0) {
    expect(hasty).toMatchObject({ code: 6 });
    expect(report(hasty).error).toMatchObject({ code: "E_STOP_TIMEOUT", targetState: "untouched" });
  }
  // It needs some of its periods for that, each a second long.
  await inject(victim.pid, "--offset", "-600s", "--stop-timeout", "20s");
  expect(isFree(victim.pid)).toBe(true);
  expect(await status(victim.pid)).toMatchObject({ state: "skewed" });
  limit("-1");
  expect(await victim.settle()).toMatchObject({ violations: 0, seen: { "0": 0 } });
  await recover(victim.pid);
  expect(await victim.settle()).toMatchObject({ violations: 0, seen: { "-600000000000": 0 } });
  expect(snapshot(victim.pid)).toEqual(untouched);
});

test.for(VERSIONS)(
  "a cgroup without memory, %s: our pages would be the end of it",
  async (version, context) => {
    needAll(context);
    await using cgroup = needCgroup(context, version, "memory");
    const [LIMIT, USAGE] =
      version === "v2"
        ? ["memory.max", "memory.current"]
        : ["memory.limit_in_bytes", "memory.usage_in_bytes"];
    await using victim = await Dialog.greeted([await build(FILLER)]);
    cgroup.add(victim.pid);
    await victim.ask("2048");
    const untouched = snapshot(victim.pid);
    const leave = (pages: bigint) => cgroup.set(LIMIT, BigInt(cgroup.get(USAGE)) + pages * PAGE);
    // The kernel counts ahead, and corrects that now and then.
    await waitFor("a limit that leaves four pages", () => {
      leave(4n);
      const left = BigInt(cgroup.get(LIMIT)) - BigInt(cgroup.get(USAGE));
      return left > 0n && left <= 4n * PAGE;
    });

    for (const args of [
      [...INJECT, victim.pid],
      ["now", "--pid", victim.pid],
    ]) {
      expect(await refusal("E_BUSY", args)).toMatchObject({
        message: expect.stringMatching(/its cgroup \/timeskew-test-\d+ has \d+ KiB of memory left/),
        hint: expect.stringMatching(/raise the cgroup's memory limit/),
        targetState: "untouched",
      });
    }
    const doctor = await timeskew("doctor", "--pid", victim.pid);
    expect(doctor).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/blocked +memory .*KiB of memory left/),
    });
    expect(snapshot(victim.pid)).toEqual(untouched);

    leave(256n);
    await inject(victim.pid, "--offset", "-600s");
    // On the way back nothing is taken.
    await waitFor("a limit that leaves nothing", () => {
      leave(0n);
      return true;
    });
    await recover(victim.pid);
    expect(await victim.ask("0")).toBe('{"taken":2048}');
    expect(snapshot(victim.pid)).toEqual(untouched);
  },
);

test.for(VERSIONS)("a cgroup that may not have another task, %s", async (version, context) => {
  needAll(context);
  await using cgroup = needCgroup(context, version, "pids");
  await using victim = await startHammer(2, -10n * MINUTE);
  const untouched = snapshot(victim.pid);
  cgroup.add(victim.pid);
  cgroup.set("pids.max", threads(victim.pid).length);
  await inject(victim.pid, "--offset", "-600s");
  expect(await victim.settle()).toMatchObject({ violations: 0, seen: { "0": 0 } });
  await recover(victim.pid);
  expect(await victim.settle()).toMatchObject({ violations: 0, seen: { "-600000000000": 0 } });
  expect(snapshot(victim.pid)).toEqual(untouched);
});
