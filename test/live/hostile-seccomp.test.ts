/**
 * Targets with a seccomp filter over the system calls that timeskew makes in them, or over those of the clock: the
 * filter sleeps for the moment of a session, and is in force again afterwards.
 */
import { describe, expect, type TestContext, test } from "vitest";
import { findPages, inspect } from "../../src/engine/inspect.ts";
import { ALL_CLOCKS } from "../../src/engine/readings.ts";
import { planProbe } from "../../src/patch/probe.ts";
import { execute } from "../../src/tracer/execute.ts";
import { loadPayload } from "../../src/tracer/native.ts";
import { inject, now, recover, refusal, status } from "../support/cli.ts";
import { MINUTE } from "../support/clock.ts";
import type { Ending } from "../support/dialog.ts";
import { type Outcome, standing, startHostile } from "../support/hostile.ts";
import { isRoot, needPrograms, needTracing } from "../support/needs.ts";
import { field } from "../support/proc.ts";
import { realtimeSkews } from "../support/readings.ts";

const BACK = realtimeSkews(-10n * MINUTE);
const NOBODY = 65_534;
const KILLED: Ending = { code: null, signal: "SIGSYS" };

/** Each kind, and what becomes of it when it does what its filter forbids. */
const KINDS: [kind: string, outcome: Ending | Partial<Outcome>][] = [
  ["kill-clocks", KILLED],
  ["kill-mask", KILLED],
  ["kill-ours", KILLED],
  ["kill-thread", KILLED],
  ["errno", { rc: -1, errno: 33, delivered: 0 }],
  ["trace", { rc: -1, errno: 38, delivered: 0 }],
  ["trap", { delivered: 1 }],
  ["notify", { rc: -1, errno: 33, delivered: 1 }],
];

function need(context: TestContext): void {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  if (!isRoot) context.skip("needs root: only CAP_SYS_ADMIN may suspend a filter");
}

describe.for(KINDS)("%s", ([kind, outcome]) => {
  test("skewed, recovered, and then as strict as before", async (context) => {
    need(context);
    await using victim = await startHostile(kind);
    const untouched = standing(victim.pid);
    await inject(victim.pid, "--offset", "-600s");
    expect(await victim.complaints(BACK)).toEqual([]);
    expect(await status(victim.pid)).toMatchObject({ state: "skewed" });
    await now(victim.pid);
    expect(await victim.complaints(BACK)).toEqual([]);
    await recover(victim.pid);
    expect(await victim.complaints({})).toEqual([]);
    expect(standing(victim.pid)).toEqual(untouched);

    if ("signal" in outcome) {
      victim.dialog.tell("forbidden");
      expect(await victim.dialog.ending()).toEqual(outcome);
    } else {
      expect(await victim.forbidden()).toMatchObject(outcome);
    }
  });

  test("as strict while it is skewed", async (context) => {
    need(context);
    await using victim = await startHostile(kind);
    await inject(victim.pid, "--offset", "-600s");
    if ("signal" in outcome) {
      victim.dialog.tell("forbidden");
      expect(await victim.dialog.ending()).toEqual(outcome);
    } else {
      expect(await victim.forbidden()).toMatchObject(outcome);
      expect(await victim.complaints(BACK)).toEqual([]);
    }
  });
});

test.for(["kill-clocks", "kill-ours", "errno", "strict"])(
  "%s, for who may not suspend a filter: refused",
  async (kind, context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    const user = isRoot ? { uid: NOBODY } : {};
    await using victim = await startHostile(kind, user);
    const untouched = standing(victim.pid);
    const args = ["inject", "--pid", victim.pid, "--offset", "-600s"];
    const { message, hint, targetState } = await refusal("E_PERMISSION", args, user);
    expect(message).toMatch(/seccomp filter.*CAP_SYS_ADMIN/);
    expect(hint).toMatch(/root of the host/);
    expect(targetState).toBe("untouched");
    expect(await victim.complaints({})).toEqual([]);
    expect(standing(victim.pid)).toEqual(untouched);
  },
);

test("strict mode, which takes the time stamp counter away: refused", async (context) => {
  need(context);
  await using victim = await startHostile("strict");
  const untouched = standing(victim.pid);
  for (const args of [
    ["inject", "--pid", victim.pid, "--offset", "-600s"],
    ["now", "--pid", victim.pid],
  ]) {
    const { message, hint, targetState } = await refusal("E_UNSUPPORTED", args);
    expect(message).toMatch(/clock functions crash/);
    expect(hint).toMatch(/strict mode/);
    expect(targetState).toBe("restored");
    expect(await victim.complaints({})).toEqual([]);
    expect(standing(victim.pid)).toEqual(untouched);
  }
  victim.dialog.tell("forbidden");
  expect(await victim.dialog.ending()).toEqual({ code: null, signal: "SIGKILL" });
});

test("a second filter, added while it is skewed", async (context) => {
  need(context);
  await using victim = await startHostile("tightened");
  await inject(victim.pid, "--offset", "-600s");
  expect(await victim.tighten()).toMatchObject({ rc: 0 });
  expect(await victim.complaints(BACK)).toEqual([]);
  await recover(victim.pid);
  expect(await victim.complaints({})).toEqual([]);
  expect(field(victim.pid, "Seccomp_filters")).toBe("2");
  victim.dialog.tell("forbidden");
  expect(await victim.dialog.ending()).toEqual(KILLED);
});

test("filters that are added all the time", async (context) => {
  need(context);
  await using victim = await startHostile("tightening");
  const filters = () => Number(field(victim.pid, "Seccomp_filters"));
  for (let cycle = 0; cycle < 5; cycle++) {
    const before = filters();
    await inject(victim.pid, "--offset", "-600s");
    expect(await victim.complaints(BACK)).toEqual([]);
    await recover(victim.pid);
    expect(await victim.complaints({})).toEqual([]);
    expect(filters()).toBeGreaterThan(before);
  }
});

test("a filter that comes between our look at the process and the stop", async (context) => {
  need(context);
  await using victim = await startHostile("late");
  using target = inspect(victim.pid, { locked: true });
  const { process, vdso, pristineTail } = target;
  const plan = planProbe({
    ...{ pid: victim.pid, vdso, pristineTail, payload: loadPayload(), wanted: ALL_CLOCKS },
    pages: { free: findPages(target) },
  });
  expect(await victim.tighten()).toMatchObject({ rc: 0 });
  const untouched = standing(victim.pid);
  execute(plan, process);
  expect(await victim.complaints({})).toEqual([]);
  expect(standing(victim.pid)).toEqual(untouched);
});
