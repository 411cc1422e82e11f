/**
 * The library on real processes: what it does at the end of a block, to whom, and what it leaves alone; calls at once, in one
 * program and in two; and what is left when the program dies.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { expect, type TestContext, test } from "vitest";
import * as engine from "../../src/engine/index.ts";
import {
  doctor,
  type Injection,
  inject,
  readClocks,
  recover,
  status,
  TimeskewError,
} from "../../src/index.ts";
import { recoverFully } from "../support/cli.ts";
import { MINUTE, SECOND } from "../support/clock.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { codeSnapshot } from "../support/proc.ts";
import { realtimeSkews } from "../support/readings.ts";
import { type Clocks, startClocks, startTracer } from "../support/victims.ts";
import { waitFor } from "../support/wait.ts";

/** For stops on a busy machine. */
const stopTimeoutMs = 20_000;
const HOUR = 60n * MINUTE;
const TRUE = {};
const BACK = realtimeSkews(-10n * MINUTE);

function need(context: TestContext): void {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
}

async function failure(of: Promise<unknown>): Promise<TimeskewError> {
  const error: unknown = await of.then(
    () => "it succeeded",
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(TimeskewError);
  return error as TimeskewError;
}

/** What is left in a process, once threads that were in our pages have left them. */
async function expectUntouched(victim: Clocks, before: unknown): Promise<void> {
  await recoverFully(victim.pid);
  expect(codeSnapshot(victim.pid)).toEqual(before);
}

test("await using: skewed in the block, as it was behind it", async (context) => {
  need(context);
  await using victim = await startClocks();
  const before = codeSnapshot(victim.pid);
  {
    await using skew = await inject({ pid: victim, offset: "-10m", stopTimeoutMs });
    expect(skew.id).toMatch(/^[0-9a-f]{16}$/);
    expect(skew.targets).toMatchObject([{ pid: victim.pid, action: "injected", skew: { id: skew.id } }]);
    expect(skew.selection).toMatchObject([{ kind: "pid" }]);
    expect(skew.failures).toEqual([]);
    expect(await victim.complaints(BACK)).toEqual([]);
    const { rows } = await status({ skew: skew.id });
    expect(rows).toMatchObject([{ pid: victim.pid, state: "skewed" }]);
  }
  expect(await victim.complaints(TRUE)).toEqual([]);
  await expectUntouched(victim, before);
});

test("a block that throws is recovered, and throws", async (context) => {
  need(context);
  await using victim = await startClocks();
  const block = async () => {
    await using _ = await inject({ pid: victim.pid, offset: 5n * SECOND, stopTimeoutMs });
    throw new Error("a failed expectation");
  };
  await expect(block()).rejects.toThrow("a failed expectation");
  expect(await victim.complaints(TRUE)).toEqual([]);
});

test("a change is live, and the end of the block takes it back", async (context) => {
  need(context);
  await using victim = await startClocks();
  {
    await using skew = await inject({ pid: victim.pid, offset: "-10m", stopTimeoutMs });
    const first = skew.id;
    const [changed] = await skew.change({ offset: "1h" });
    expect(changed).toMatchObject({ action: "updated", pauseNs: 0n, previous: { id: first } });
    expect(skew.id).toBe(changed!.skew.id);
    expect(skew.id).not.toBe(first);
    expect(await victim.complaints(realtimeSkews(HOUR))).toEqual([]);
  }
  expect(await victim.complaints(TRUE)).toEqual([]);
});

test("a change keeps to the clocks of the injection", async (context) => {
  need(context);
  await using victim = await startClocks();
  await using skew = await inject({ pid: victim.pid, offset: "2s", clocks: "boottime", exact: true });
  await skew.change({ offset: "3s" });
  expect(await victim.complaints({ CLOCK_BOOTTIME: 3n * SECOND })).toEqual([]);
  await skew.recover({ allowBackwardMonotonic: true });
});

test("what a target forks is recovered with it, also after a change", async (context) => {
  need(context);
  await using victim = await startClocks();
  {
    await using skew = await inject({ pid: victim.pid, offset: "-10m", stopTimeoutMs });
    await victim.dialog.askJson("fork"); // from here on it is the child that answers
    expect(await victim.complaints(BACK)).toEqual([]);
    await skew.change({ offset: "-20m" });
    expect(skew.targets).toHaveLength(2);
    expect(await victim.complaints(realtimeSkews(-20n * MINUTE))).toEqual([]);
    expect(await victim.parentComplaints(realtimeSkews(-20n * MINUTE))).toEqual([]);
  }
  expect(await victim.complaints(TRUE)).toEqual([]);
  expect(await victim.parentComplaints(TRUE)).toEqual([]);
});

test("a target that has ended is no error, and twice is once", async (context) => {
  need(context);
  const victim = await startClocks();
  const skew = await inject({ pid: victim.pid, offset: "-10m", stopTimeoutMs });
  await victim[Symbol.asyncDispose]();
  expect(await skew.recover()).toEqual([]);
  await skew[Symbol.asyncDispose]();
  expect((await failure(skew.change({ offset: "1s" }))).code).toBe("E_NO_TARGET");
});

test("who was skewed anew by somebody else keeps that", async (context) => {
  need(context);
  await using victim = await startClocks();
  const first = await inject({ pid: victim.pid, offset: "-10m", stopTimeoutMs });
  const second = await inject({ pid: victim.pid, offset: "1h", stopTimeoutMs });
  expect(second.targets).toMatchObject([{ action: "updated", previous: { id: first.id } }]);
  expect(await first.recover()).toEqual([]);
  expect((await failure(first.change({ offset: "1s" }))).code).toBe("E_NO_TARGET");
  expect(await victim.complaints(realtimeSkews(HOUR))).toEqual([]);
  expect(await second.recover()).toMatchObject([{ pid: victim.pid, action: "recovered" }]);
  expect(await victim.complaints(TRUE)).toEqual([]);
});

test("another skew than the ones that are meant is left alone, under the lock", async (context) => {
  need(context);
  await using victim = await startClocks();
  await using skew = await inject({ pid: victim.pid, offset: "-10m", stopTimeoutMs });
  const others = { pid: victim.pid, skews: new Set(["0123456789abcdef"]) };
  expect(await engine.recover(others)).toMatchObject({ action: "nothing" });
  expect(await engine.recover({ ...others, glide: "1s" })).toMatchObject({ action: "nothing" });
  const joint = engine.joint({ offset: "1h", skews: others.skews });
  expect(await failure(joint.inject(victim.pid))).toMatchObject({ code: "E_GONE" });
  expect(await victim.complaints(BACK)).toEqual([]);
  expect(await skew.recover()).toHaveLength(1);
  expect(await failure(joint.inject(victim.pid))).toMatchObject({ code: "E_GONE" });
  expect(await victim.complaints(TRUE)).toEqual([]);
});

test("who was recovered by somebody else is left alone", async (context) => {
  need(context);
  await using victim = await startClocks();
  await using skew = await inject({ pid: victim.pid, offset: "-10m", stopTimeoutMs });
  expect(await recover({ skew: skew.id.slice(0, 12) })).toMatchObject([{ action: "recovered" }]);
  expect(await skew.recover()).toEqual([]);
});

test("a monotonic clock that would go back is left skewed, and glides", async (context) => {
  need(context);
  await using victim = await startClocks();
  const skew = await inject({ pid: victim.pid, offset: "200ms", clocks: "monotonic", stopTimeoutMs });
  const error = await failure(skew[Symbol.asyncDispose]());
  expect(error).toMatchObject({ code: "E_BACKWARD_MONOTONIC", targetState: "skewed", pid: victim.pid });
  expect((await status({ pid: victim.pid })).rows).toMatchObject([{ state: "skewed" }]);
  expect(await skew.recover({ glide: "400ms" })).toMatchObject([{ pid: victim.pid, action: "recovered" }]);
  expect(await victim.complaints(TRUE)).toEqual([]);
  await skew[Symbol.asyncDispose]();
});

test("… unless the injection has permitted it", async (context) => {
  need(context);
  await using victim = await startClocks();
  const allowBackwardMonotonic = true;
  {
    await using _ = await inject({
      pid: victim.pid,
      offset: "1h",
      clocks: "monotonic",
      allowBackwardMonotonic,
    });
  }
  expect(await victim.complaints(TRUE)).toEqual([]);
});

test("several: one skew, which begins everywhere at once", async (context) => {
  need(context);
  await using one = await startClocks();
  await using two = await startClocks();
  {
    await using skew = await inject({ pid: [one, two.pid], rate: 2, stopTimeoutMs });
    expect(skew.targets.map(({ pid }) => pid)).toEqual([one.pid, two.pid]);
    const { rows } = await status({ pid: [one, two] });
    expect(rows).toMatchObject([{ skew: { id: skew.id } }, { skew: { id: skew.id } }]);
    const [a, b] = await Promise.all([readClocks({ pid: one }), readClocks({ pid: two })]);
    expect(a.skew!.profile).toMatchObject({ rate: 2, text: b.skew!.profile!.text });
  }
  expect([...(await one.complaints(TRUE)), ...(await two.complaints(TRUE))]).toEqual([]);
});

test("several of which one cannot be skewed: all or nothing, or the rest", async (context) => {
  need(context);
  await using fit = await startClocks();
  await using traced = await startClocks();
  await using _tracer = await startTracer(traced.pid);
  const both = { pid: [fit, traced], offset: "-10m", stopTimeoutMs };
  const before = codeSnapshot(fit.pid);

  const error = await failure(inject(both));
  expect(error).toMatchObject({ code: "E_SOME_FAILED", exitCode: 7, targetState: "restored" });
  expect(error.message).toContain("the others were given their time back");
  expect(error.failures).toMatchObject([{ code: "E_TRACED", pid: traced.pid, targetState: "untouched" }]);
  expect(error.message).toContain(error.failures[0]!.message);
  expect(JSON.parse(JSON.stringify(error))).toMatchObject({ failures: [{ code: "E_TRACED" }] });
  expect(await fit.complaints(TRUE)).toEqual([]);
  await expectUntouched(fit, before);

  {
    await using kept = await inject({ ...both, partial: "keep" });
    expect(kept.targets).toMatchObject([{ pid: fit.pid }]);
    expect(kept.failures).toMatchObject([{ code: "E_TRACED", pid: traced.pid }]);
    expect(await fit.complaints(BACK)).toEqual([]);
  }
  expect(await fit.complaints(TRUE)).toEqual([]);
});

test("one that cannot be skewed rejects with its own error", async (context) => {
  need(context);
  await using traced = await startClocks();
  await using _tracer = await startTracer(traced.pid);
  const error = await failure(inject({ pid: traced, offset: "1s", partial: "keep" }));
  expect(error).toMatchObject({ code: "E_TRACED", pid: traced.pid, failures: [], targetState: "untouched" });
  expect((await doctor({ pid: traced })).checks).toContainEqual(
    expect.objectContaining({ verdict: "blocked" }),
  );
});

test("calls at once on one process: one skew is left, and none in the end", async (context) => {
  need(context);
  await using victim = await startClocks();
  const before = codeSnapshot(victim.pid);
  const offsets = ["1h", "2h", "3h", "4h"];
  const made = await Promise.all(offsets.map((offset) => inject({ pid: victim.pid, offset, stopTimeoutMs })));
  const [row] = (await status({ pid: victim.pid })).rows;
  const owner = made.find(({ id }) => id === row!.skew!.id)!;
  expect(owner.targets[0]!.skew.offset).toBe(row!.skew!.offset);
  const recovered = await Promise.all(made.map((each) => each.recover()));
  expect(recovered.flat()).toMatchObject([{ action: "recovered", skew: { id: owner.id } }]);
  await expectUntouched(victim, before);
});

test("calls at once that begin later, on overlapping sets", async (context) => {
  need(context);
  await using one = await startClocks();
  await using two = await startClocks();
  const made = await Promise.allSettled([
    inject({ pid: [one, two], rate: 2, stopTimeoutMs }),
    inject({ pid: [two, one], jitter: "1s", stopTimeoutMs }),
  ]);
  const injections = made.flatMap((each) => (each.status === "fulfilled" ? each.value : []));
  for (const { reason } of made.filter((each) => each.status === "rejected")) {
    expect(reason).toBeInstanceOf(TimeskewError); // taken over before it began
  }
  await Promise.all(injections.map((each: Injection) => each.recover()));
  expect([...(await one.complaints(TRUE)), ...(await two.complaints(TRUE))]).toEqual([]);
});

test("calls of one injection wait for each other", async (context) => {
  need(context);
  await using victim = await startClocks();
  const skew = await inject({ pid: victim.pid, offset: "1h", stopTimeoutMs });
  const [, , recovered, again] = await Promise.all([
    skew.change({ offset: "2h" }),
    skew.change({ offset: "3h" }),
    skew.recover(),
    skew.recover(),
  ]);
  expect(recovered).toMatchObject([{ skew: { offset: 3n * HOUR } }]);
  expect(again).toEqual([]);
});

const USER = fileURLToPath(new URL("../support/library-user.mjs", import.meta.url));

/** Another program that uses the library on a process. */
function startUser(pid: number, ...args: string[]) {
  const child = spawn(process.execPath, [USER, `${pid}`, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  child.stdout.setEncoding("utf8");
  const ended = Promise.all([once(child, "close"), text(child.stdout)]).then(([[code], said]) => ({
    ...{ code, said },
  }));
  return { child, ended };
}

/** It dies with its skew in place. */
async function userKilledBy(signal: "SIGKILL" | "SIGINT", pid: number, settings: object): Promise<string> {
  const { child, ended } = startUser(pid, "stay", JSON.stringify(settings));
  const [id] = (await once(child.stdout, "data")) as [string];
  child.kill(signal);
  await ended;
  return id.trim();
}

test("two programs at once on one process wait for each other", async (context) => {
  need(context);
  await using victim = await startClocks();
  const before = codeSnapshot(victim.pid);
  const users = [startUser(victim.pid, "turns"), startUser(victim.pid, "turns")];
  for (const { ended } of users) expect(await ended).toMatchObject({ code: 0 });
  expect(await victim.complaints(TRUE)).toEqual([]);
  await expectUntouched(victim, before);
});

/** @returns what it says, and how it ends */
async function work(...workerData: unknown[]): Promise<{ said: string; error: unknown }> {
  const worker = new Worker(USER, { workerData, stdout: true });
  let error: unknown;
  worker.once("error", (thrown) => {
    error = thrown;
  });
  const [said] = await Promise.all([text(worker.stdout), once(worker, "exit").catch(() => {})]);
  return { said, error };
}

test("worker threads: each skews what it has started", async (context) => {
  need(context);
  for (const outcome of await Promise.all([work(0, "turns"), work(0, "turns")])) {
    expect(outcome).toEqual({ said: "10\n", error: undefined });
  }
});

test("worker threads: nobody stops a child that another thread may have started", async (context) => {
  need(context);
  await using victim = await startClocks();
  const { error } = await work(victim.pid, "turns");
  expect(error).toMatchObject({ code: "E_UNSUPPORTED", message: expect.stringContaining("another thread") });
  expect(await victim.complaints(TRUE)).toEqual([]);
});

for (const signal of ["SIGKILL", "SIGINT"] as const) {
  test(`${signal} of the program leaves its skew, which is found by its id`, async (context) => {
    need(context);
    await using victim = await startClocks();
    const id = await userKilledBy(signal, victim.pid, {});
    expect(await victim.complaints(BACK)).toEqual([]);
    expect(await recover({ skew: id, stopTimeoutMs })).toMatchObject([{ pid: victim.pid }]);
    expect(await victim.complaints(TRUE)).toEqual([]);
  });
}

test("with a duration, the target is on time again whatever has become of the program", async (context) => {
  need(context);
  await using victim = await startClocks();
  const id = await userKilledBy("SIGKILL", victim.pid, { duration: "1s" });
  await waitFor("the end of its duration", async () => {
    const [row] = (await status({ pid: victim.pid })).rows;
    expect(row).toMatchObject({ skew: { id } });
    return row!.state === "ended";
  });
  expect(await victim.complaints(TRUE)).toEqual([]);
  expect(await recover({ pid: victim, stopTimeoutMs })).toMatchObject([{ action: "recovered" }]);
});
