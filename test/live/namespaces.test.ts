/** Targets, and the tool, in namespaces: user, pid, mount and time. */
import { describe, expect, type TestContext, test } from "vitest";
import { EXIT_CODES } from "../../src/errors.ts";
import { inject, now, recover, refusal, report, start, status } from "../support/cli.ts";
import { MINUTE, SECOND } from "../support/clock.ts";
import { asUser, entering, needCommand, needNamespaces, startInside } from "../support/namespaces.ts";
import { snapshot } from "../support/proc.ts";
import { monotonicSkews, realtimeSkews } from "../support/readings.ts";
import { startClocks, startTracer } from "../support/victims.ts";

const BACK = realtimeSkews(-10n * MINUTE);
const HOUR = 60n * MINUTE;
const INJECT = ["inject", "--offset", "-600s", "--pid"];

test("the tool, with a /proc that shows processes and nothing else", async (context) => {
  const unshare = needNamespaces(context, "--mount");
  const by = [...unshare, "sh", "-ec", 'mount -t proc -o subset=pid proc /proc; exec "$@"', "sh"];
  needCommand(context, [...by, "sh", "-c", "! test -e /proc/sys"]);
  await using victim = await startClocks();
  const untouched = snapshot(victim.pid);
  await done([...INJECT, victim.pid], by);
  expect(await victim.complaints(BACK)).toEqual([]);
  await done(["recover", "--pid", victim.pid], by);
  expect(snapshot(victim.pid)).toEqual(untouched);
});

describe("a target in a namespace of its own", () => {
  const NAMESPACES: [string, string[]][] = [
    ["user", ["--user", "--map-root-user"]],
    ["user, without a mapping", ["--user"]],
    ["pid, with its own /proc", ["--fork", "--kill-child", "--pid", "--mount-proc"]],
    ["mount", ["--mount"]],
    [
      "all of them",
      ["--fork", "--kill-child", "--user", "--map-root-user", "--pid", "--mount-proc", "--net", "--ipc"],
    ],
  ];
  test.for(NAMESPACES)("%s", async ([, flags], context) => {
    await using victim = await startInside(needNamespaces(context, ...flags));
    const untouched = snapshot(victim.pid);
    await inject(victim.pid, "--offset", "-600s");
    expect(await victim.complaints(BACK)).toEqual([]);
    expect(await status(victim.pid)).toMatchObject({ state: "skewed", skew: { offset: "-600000000000" } });
    await recover(victim.pid);
    expect(await victim.complaints({})).toEqual([]);
    expect(snapshot(victim.pid)).toEqual(untouched);
  });

  test("an ordinary user's own, for this user", async (context) => {
    const by = [...asUser(), ...needNamespaces(context, "--user", "--map-root-user")];
    needCommand(context, by);
    await using victim = await startInside(by);
    const untouched = snapshot(victim.pid);
    await done([...INJECT, victim.pid], asUser());
    expect(await victim.complaints(BACK)).toEqual([]);
    await done(["recover", "--pid", victim.pid], asUser());
    expect(snapshot(victim.pid)).toEqual(untouched);
  });
});

describe("a target in a time namespace", () => {
  const MONOTONIC_AHEAD = 1_000_000n * SECOND;
  const BOOTTIME_BEHIND = -5n * SECOND;
  const FLAGS = ["--time", "--monotonic=1000000", "--boottime=-5"];
  const AHEAD = { monotonic: `${MONOTONIC_AHEAD}`, boottime: `${BOOTTIME_BEHIND}` };
  const NOT_AHEAD = { monotonic: "0", boottime: "0" };

  test("now compares with the clocks as they are there", async (context) => {
    await using victim = await startInside(needNamespaces(context, ...FLAGS));
    const untouched = snapshot(victim.pid);
    const { timeShift, readings } = await now(victim.pid);
    expect(timeShift).toEqual(AHEAD);
    expect(unexpected(readings, 0n, [])).toEqual([]);
    const monotonic = BigInt(readings.find(({ name }) => name === "CLOCK_MONOTONIC")!.target!);
    expect(monotonic).toBeGreaterThan(MONOTONIC_AHEAD);
    expect(monotonic).toBeLessThan(await victim.truth("CLOCK_MONOTONIC"));
    expect(snapshot(victim.pid)).toEqual(untouched);
  });

  test("a skewed wall clock", async (context) => {
    await using victim = await startInside(needNamespaces(context, ...FLAGS));
    const untouched = snapshot(victim.pid);
    await inject(victim.pid, "--offset", "-600s");
    expect(await victim.complaints(BACK)).toEqual([]);
    expect(unexpected((await now(victim.pid)).readings, -10n * MINUTE, Object.keys(BACK))).toEqual([]);
    await recover(victim.pid);
    expect(await victim.complaints({})).toEqual([]);
    expect(snapshot(victim.pid)).toEqual(untouched);
  });

  test("a skewed monotonic clock, on top of the namespace's offset", async (context) => {
    await using victim = await startInside(needNamespaces(context, ...FLAGS));
    const untouched = snapshot(victim.pid);
    const clock = ["--clock", "CLOCK_MONOTONIC"];
    const injected = await inject(victim.pid, "--offset", "1h", ...clock);
    expect(unexpected(injected.readings, HOUR, Object.keys(monotonicSkews(HOUR)))).toEqual([]);
    expect(await victim.complaints(monotonicSkews(HOUR))).toEqual([]);
    expect(unexpected((await now(victim.pid)).readings, HOUR, Object.keys(monotonicSkews(HOUR)))).toEqual([]);

    // Changed in place, what it reads now is reckoned, not read.
    const before = await victim.truth("CLOCK_MONOTONIC");
    const { action, readings } = await inject(victim.pid, "--offset", "2h", ...clock);
    const after = await victim.truth("CLOCK_MONOTONIC");
    expect(action).toBe("updated");
    expect(unexpected(readings, 2n * HOUR, Object.keys(monotonicSkews(HOUR)))).toEqual([]);
    const { host } = readings.find(({ name }) => name === "CLOCK_MONOTONIC")!;
    expect([before, BigInt(host!), after]).toEqual([before, BigInt(host!), after].sort(ascending));
    expect(await victim.complaints(monotonicSkews(2n * HOUR))).toEqual([]);

    await recover(victim.pid, "--allow-backward-monotonic");
    expect(await victim.complaints({})).toEqual([]);
    expect(snapshot(victim.pid)).toEqual(untouched);
  });

  test("how far back a clock can go is a matter of what it reads there", async (context) => {
    await using victim = await startInside(needNamespaces(context, ...FLAGS));
    const back = (offset: string) => [
      ...["--pid", victim.pid, "--offset", offset, "--clock", "CLOCK_MONOTONIC", "--exact"],
      "--allow-backward-monotonic",
    ];
    // It reads eleven and a half days and the host's uptime: more than this machine has been up, less than that.
    await done(["inject", ...back("-999999s")]);
    expect(await victim.complaints({ CLOCK_MONOTONIC: -999_999n * SECOND })).toEqual([]);
    await refusal("E_RANGE", ["inject", ...back("-876000h")]);
  });

  test("a child that is forked into one keeps its parent's skew", async (context) => {
    needNamespaces(context, "--time");
    await using victim = await startInside([]);
    await inject(victim.pid, "--offset", "-600s", "--clock", "realtime");
    await victim.dialog.ask("timens 5000");
    // The parent itself stays where it was, although /proc/PID/timens_offsets speaks of its children.
    expect(await now(victim.pid)).toMatchObject({ timeShift: NOT_AHEAD });
    const { pid: child } = await victim.dialog.askJson<{ pid: number }>("fork");
    victim.dialog.adopt(child);

    expect(await victim.complaints(BACK)).toEqual([]);
    const { timeShift, readings } = await now(child);
    expect(timeShift).toEqual({ monotonic: `${5000n * SECOND}`, boottime: `${5000n * SECOND}` });
    expect(unexpected(readings, -10n * MINUTE, Object.keys(BACK))).toEqual([]);
    await recover(child);
    expect(await victim.complaints({})).toEqual([]);
    await inject(child, "--offset", "1h", "--clock", "monotonic");
    expect(await victim.complaints(monotonicSkews(HOUR))).toEqual([]);
    expect(await status(victim.pid)).toMatchObject({ state: "skewed" });
  });

  test("one that was entered by setns; and the tool in there", async (context) => {
    await using first = await startInside(needNamespaces(context, ...FLAGS));
    await using victim = await startInside(entering(first.pid, "--time"));
    expect((await now(victim.pid)).timeShift).toEqual(AHEAD);
    const injection = ["inject", "--pid", victim.pid, "--offset", "1h", "--clock", "monotonic"];
    await done(injection, entering(first.pid, "--time"));
    expect(await victim.complaints(monotonicSkews(HOUR))).toEqual([]);

    const inside = { by: entering(first.pid, "--time") };
    const seen = async (pid: number) => {
      const [target] = report(await start(["now", "--json", "--pid", pid], inside).done).targets!;
      return target as Awaited<ReturnType<typeof now>>;
    };
    const its = await seen(victim.pid);
    expect(its.timeShift).toEqual(NOT_AHEAD);
    expect(unexpected(its.readings, HOUR, Object.keys(monotonicSkews(HOUR)))).toEqual([]);
    await using outside = await startClocks();
    const ours = await seen(outside.pid);
    expect(ours.timeShift).toEqual({ monotonic: `${-MONOTONIC_AHEAD}`, boottime: `${-BOOTTIME_BEHIND}` });
    expect(unexpected(ours.readings, 0n, [])).toEqual([]);
  });

  test("one whose offsets the kernel does not tell: nothing is claimed of these clocks", async (context) => {
    await using victim = await startInside(needNamespaces(context, ...FLAGS));
    await victim.dialog.ask("timens 5000");
    const { timeShift, readings } = await now(victim.pid);
    expect(timeShift).toBe("unknown");
    expect(readings.find(({ name }) => name === "CLOCK_MONOTONIC")).toMatchObject({
      host: null,
      difference: null,
    });
    expect(unexpected(readings, 0n, [])).toEqual([]);
    await inject(victim.pid, "--offset", "1h", "--clock", "monotonic");
    expect(await victim.complaints(monotonicSkews(HOUR))).toEqual([]);
  });

  test("doctor says so", async (context) => {
    await using victim = await startInside(needNamespaces(context, ...FLAGS));
    const { code, stdout } = await start(["doctor", "--pid", victim.pid]).done;
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/time namespace.*277h46m40s.*-5s/),
    });
  });
});

describe("the tool in a namespace of its own", () => {
  test("user: a target outside is refused, one inside is not", async (context) => {
    const by = needNamespaces(context, "--user", "--map-root-user");
    await using outside = await startClocks();
    const untouched = snapshot(outside.pid);
    await expectRefusal(context, "E_PERMISSION", outside.pid, by, /outside our user namespace/);
    await expectRefusal(
      context,
      "E_PERMISSION",
      outside.pid,
      ["unshare", "--user"],
      /outside our user namespace/,
    );
    expect(snapshot(outside.pid)).toEqual(untouched);
    expect(await outside.complaints({})).toEqual([]);

    await using inside = await startInside(by);
    const enter = entering(inside.pid, "--user", "--preserve-credentials");
    await done([...INJECT, inside.pid], enter);
    expect(await inside.complaints(BACK)).toEqual([]);
    await done(["recover", "--pid", inside.pid], enter);
    expect(await inside.complaints({})).toEqual([]);
  });

  test("pid: who is inside is found by its number there; who is not does not exist", async (context) => {
    await using inside = await startInside(
      needNamespaces(context, "--fork", "--kill-child", "--pid", "--mount-proc"),
    );
    const untouched = snapshot(inside.pid);
    const by = entering(inside.pid, "--pid", "--mount");
    await done([...INJECT, 1], by);
    expect(await inside.complaints(BACK)).toEqual([]);
    // Seen from here it is skewed as well, under its number here.
    expect(await status(inside.pid)).toMatchObject({ state: "skewed" });
    const { targets } = report(await start(["status", "--json"], { by }).done);
    expect(targets).toMatchObject([{ pid: 1, state: "skewed" }]);
    await done(["recover", "--pid", 1], by);
    expect(snapshot(inside.pid)).toEqual(untouched);

    const { message, targetState } = await refusal("E_NO_TARGET", [...INJECT, inside.pid], { by });
    expect({ message, targetState }).toEqual({
      message: `no process has pid ${inside.pid}`,
      targetState: "untouched",
    });
  });

  test("pid, with another one's /proc: its numbers mean other processes", async (context) => {
    await using inside = await startInside(
      needNamespaces(context, "--fork", "--kill-child", "--pid", "--mount-proc"),
    );
    await using outside = await startClocks();
    const untouched = [snapshot(inside.pid), snapshot(outside.pid)];
    const by = entering(inside.pid, "--pid");
    for (const pid of [inside.pid, outside.pid]) {
      await expectRefusal(context, "E_FAILED", pid, by, /\/proc shows another pid namespace/);
    }
    expect((await refusal("E_FAILED", ["status"], { by })).message).toMatch(/another pid namespace/);
    expect([snapshot(inside.pid), snapshot(outside.pid)]).toEqual(untouched);
  });

  test("pid: a tracer outside, whom it cannot see", async (context) => {
    await using inside = await startInside(
      needNamespaces(context, "--fork", "--kill-child", "--pid", "--mount-proc"),
    );
    const by = entering(inside.pid, "--pid", "--mount");
    await using tracer = await startTracer(inside.pid);
    const { message, targetState } = await refusal("E_TRACED", [...INJECT, 1], { by });
    expect({ message, targetState }).toEqual({
      message: expect.stringMatching(/traced by a process outside our pid namespace/),
      targetState: "untouched",
    });
    // Out here it has a name.
    expect((await refusal("E_TRACED", [...INJECT, inside.pid])).message).toContain(`(pid ${tracer.pid})`);
    expect(await inside.complaints({})).toEqual([]);
  });

  test.for(["1", "2"])("a /proc that hides other users' processes, hidepid=%s", async (hidepid, context) => {
    needNamespaces(context, "--mount");
    const mounting = `mount -t proc -o hidepid=${hidepid} proc /proc && exec "$@"`;
    const by = ["unshare", "--mount", "sh", "-c", mounting, "sh"];
    needCommand(context, by);
    await using victim = await startClocks();
    await expectRefusal(
      context,
      "E_PERMISSION",
      victim.pid,
      [...by, ...asUser()],
      /hidden from us.*hidepid/s,
    );
  });
});

/** A run that must succeed. */
async function done(args: readonly (string | number)[], by: readonly string[] = []): Promise<void> {
  const run = await start(args, { by }).done;
  expect(run, run.stderr).toMatchObject({ code: 0 });
}

/** inject refuses, for this reason; and doctor has said so before. */
async function expectRefusal(
  context: TestContext,
  code: "E_PERMISSION" | "E_FAILED",
  pid: number,
  by: readonly string[],
  message: RegExp,
): Promise<void> {
  needCommand(context, by);
  const doctor = await start(["doctor", "--pid", pid], { by }).done;
  expect(doctor).toMatchObject({ code: EXIT_CODES.E_FAILED, stdout: expect.stringMatching(message) });
  const error = await refusal(code, [...INJECT, pid], { by });
  expect(error).toMatchObject({ message: expect.stringMatching(message), targetState: "untouched" });
  expect(error.hint).toMatch(/run timeskew|mount/);
}

/** The readings that differ from the host's clocks by something else than the skew, and those selected wrongly. */
function unexpected(
  readings: Awaited<ReturnType<typeof now>>["readings"],
  skew: bigint,
  skewed: readonly string[],
): object[] {
  return readings.filter(({ name, difference, uncertainty, selected }) => {
    if (selected !== skewed.includes(name)) return true;
    if (difference === null || difference === undefined) return false;
    const off = BigInt(difference) - (selected ? skew : 0n);
    return (off < 0n ? -off : off) > BigInt(uncertainty);
  });
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : Number(a > b);
}
