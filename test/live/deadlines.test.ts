/**
 * Waits stay right. A program computes a deadline from its skewed clock and hands it to a kernel that knows only the true
 * one: each way to do so is asked for a second, and takes a second. So it is with signals, stops, cancellations and
 * stack traces in the middle of a wait, in forked children, and across injections, changes and recoveries.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, type TestContext, test } from "vitest";
import { inject, recover, status } from "../support/cli.ts";
import { SECOND } from "../support/clock.ts";
import { complaint, type Deadlines, disagreements, type Kind, startDeadlines } from "../support/deadlines.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import * as library from "../support/patient.ts";
import { codeBytes, snapshot, state } from "../support/proc.ts";
import {
  DEADLINES_CXX,
  DEADLINES_GLIBC,
  DEADLINES_GLIBC_STATIC,
  DEADLINES_MUSL_STATIC,
  type Variant,
} from "../support/recipes.ts";
import { waitFor } from "../support/wait.ts";

const VARIANTS = [DEADLINES_GLIBC, DEADLINES_GLIBC_STATIC, DEADLINES_MUSL_STATIC, DEADLINES_CXX];

const BACKWARD = "--allow-backward-monotonic";
const SKEWS = [
  { skew: "R−600", clock: "CLOCK_REALTIME", flags: ["--offset", "-600s"] },
  { skew: "R+600", clock: "CLOCK_REALTIME", flags: ["--offset", "600s"] },
  {
    skew: "M−600",
    clock: "CLOCK_MONOTONIC",
    flags: ["--offset", "-600s", "--clock", "CLOCK_MONOTONIC", BACKWARD],
  },
  { skew: "M+600", clock: "CLOCK_MONOTONIC", flags: ["--offset", "600s", "--clock", "CLOCK_MONOTONIC"] },
];
/** Every deadline is translated. */
const BOTH = ["--offset", "600s", "--clock", "CLOCK_REALTIME,CLOCK_MONOTONIC"];

const PERMITTED = { allowBackwardMonotonic: true };
const CYCLES = 30;

const CELLS = VARIANTS.flatMap((variant) =>
  SKEWS.map((skew) => ({ variant, title: variant.title, ...skew })),
);

function need(context: TestContext, { compilers }: Variant): void {
  needPrograms(context, ...compilers);
  needTracing(context, { permitted: true });
}

/** The number of musl's own call is not set by an instruction of five bytes, and a loop leads to what stands before it. */
const MUSL_UNPROVED = {
  name: "pthread_mutex_timedlock, PI",
  function: "pthread_mutex_timedlock",
  call: "futex",
};

/** Those that can be right. A C++ program has all kinds of a C program, which is looked at by itself. */
function kindsOf({ kinds }: Deadlines, variant: Variant): readonly Kind[] {
  if (variant === DEADLINES_MUSL_STATIC) return kinds.filter(({ name }) => name !== MUSL_UNPROVED.name);
  return variant === DEADLINES_CXX ? kinds.filter(({ name }) => name.includes("::")) : kinds;
}

function names(kinds: readonly Kind[]): string[] {
  return kinds.map(({ name }) => name);
}

/** Waits that begin with a deadline and, if they are interrupted, go on with the same one. */
function absolute(victim: Deadlines, variant: Variant): string[] {
  const kinds = variant === DEADLINES_CXX ? victim.kinds : kindsOf(victim, variant);
  return names(
    kinds.filter(({ told, apart, name }) => told !== "duration" && !apart && !name.includes("::")),
  );
}

/** What is wrong with waits that have begun. */
async function collected(victim: Deadlines): Promise<string[]> {
  return (await victim.collect()).map((each) => complaint(each)).filter(Boolean);
}

test("there are 32 kinds and more, and those that a C library does not have are named", async (context) => {
  needPrograms(context, "gcc", "musl-gcc", "g++");
  await using glibc = await startDeadlines(DEADLINES_GLIBC);
  await using musl = await startDeadlines(DEADLINES_MUSL_STATIC);
  await using cxx = await startDeadlines(DEADLINES_CXX);
  expect(new Set(names(glibc.kinds)).size).toBe(83);
  expect([...glibc.missing]).toEqual([]);
  expect(names(musl.kinds)).toEqual(
    names(glibc.kinds).filter((name) => !/_?clock(wait|(rd|wr)?lock|join)/.test(name)),
  );
  for (const [name, why] of musl.missing) expect(why).toBe(`this C library has no ${name.split(",")[0]}`);
  expect(kindsOf(cxx, DEADLINES_CXX).length).toBe(20);
});

test("a place that cannot be proved is left alone, and named", async (context) => {
  need(context, DEADLINES_MUSL_STATIC);
  await using victim = await startDeadlines(DEADLINES_MUSL_STATIC);
  const { name, ...site } = MUSL_UNPROVED;
  expect(await inject(victim.pid, "--offset", "-600s")).toMatchObject({
    waits: { unproved: expect.arrayContaining([expect.objectContaining(site)]) },
  });
  await victim.begin([name], 1000);
  expect(await collected(victim)).toHaveLength(1);
});

/** There is room for 512 translated deadlines; the kernel reads one again when a call goes on after a stop. */
test.for([64, 400, 900])("%i threads in one kind of call, stopped and continued", async (count, context) => {
  need(context, DEADLINES_GLIBC);
  await using victim = await startDeadlines(DEADLINES_GLIBC);
  await inject(victim.pid, ...BOTH);
  const waits = Array.from({ length: count }, () => "clock_nanosleep, absolute CLOCK_REALTIME");
  await victim.begin(waits, 1500, 3000);
  process.kill(victim.pid, "SIGSTOP");
  await waitFor("the stop", () => state(victim.pid) === "T");
  process.kill(victim.pid, "SIGCONT");
  expect(await collected(victim)).toEqual([]);
});

/** Both clocks, so that each way to tell a deadline or a duration is by a clock that runs at this rate. */
test.for([2, 0.8])("at a rate of %d, a wait takes as long as its own clock says", async (rate, context) => {
  need(context, DEADLINES_GLIBC);
  await using victim = await startDeadlines(DEADLINES_GLIBC);
  const clocks = ["CLOCK_REALTIME", "CLOCK_MONOTONIC"];
  await library.inject({ pid: victim.pid, rate: `${rate}`, clocks });
  // A periodic timer has both, a deadline and durations.
  const kinds = victim.kinds.filter(({ name }) => !name.includes("periodic"));
  await victim.begin(names(kinds), 2000);
  const outcomes = await victim.collect();
  expect(outcomes).toHaveLength(kinds.length);
  const due = BigInt(Math.round((2 * Number(SECOND)) / rate));
  expect(outcomes.map((each) => complaint(each, due)).filter(Boolean)).toEqual([]);
  await library.recover({ pid: victim.pid, ...PERMITTED });
});

/** Each deadline is decided by the clock that it was computed from, whichever clocks are skewed. */
test.concurrent.for([
  "CLOCK_REALTIME",
  "CLOCK_MONOTONIC",
  "CLOCK_BOOTTIME",
  "CLOCK_TAI",
  "CLOCK_REALTIME_COARSE",
])("with %s alone, a second lasts a second", async (clock, context) => {
  need(context, DEADLINES_GLIBC);
  await using victim = await startDeadlines(DEADLINES_GLIBC);
  await using control = await startDeadlines(DEADLINES_GLIBC);
  await inject(victim.pid, "--exact", "--clock", clock, "--offset", "-600s", BACKWARD);
  expect(await disagreements(victim, control, names(victim.kinds), 1000)).toEqual([]);
});

test.concurrent("one recovery unmaps what many have left to waiting threads", async (context) => {
  need(context, DEADLINES_GLIBC);
  await using victim = await startDeadlines(DEADLINES_GLIBC);
  const { pid } = victim;
  const code = codeBytes(pid);
  // Each wait keeps the pages of its own injection.
  const waits = ["mq_timedreceive"];
  for (let cycle = 0; cycle < 12; cycle++) {
    await library.inject({ pid, offset: "600s" });
    await victim.begin(waits, 6000);
    expect(await library.recover({ pid })).toMatchObject({ action: "recovered", state: "lingering" });
  }
  expect(await collected(victim)).toEqual([]);
  expect(await library.recover({ pid })).toMatchObject({ state: "unskewed" });
  expect(codeBytes(pid)).toEqual(code);
});

describe.for(CELLS)("$title, $skew", { concurrent: true }, ({ variant, clock, flags }) => {
  test("a second lasts a second", async (context) => {
    need(context, variant);
    await using victim = await startDeadlines(variant);
    await using control = await startDeadlines(variant);
    await inject(victim.pid, ...flags);
    expect(await disagreements(victim, control, names(kindsOf(victim, variant)), 1000)).toEqual([]);
    await recover(victim.pid, BACKWARD);
    expect(await disagreements(victim, control, names(kindsOf(victim, variant)), 1000)).toEqual([]);
  });

  test("the instrument can say no: without the translation those are wrong that tell a deadline", async (context) => {
    need(context, variant);
    await using victim = await startDeadlines(variant);
    await using control = await startDeadlines(variant);
    await inject(victim.pid, ...flags, "--no-waits");
    // These look at their clock again and again, so what comes of them is chance.
    const kinds = kindsOf(victim, variant).filter(({ name }) => !name.startsWith("counting_semaphore"));
    const found = await disagreements(victim, control, names(kinds), 1000);
    const wrong = kinds.filter(({ name }) => found.some((each) => each.startsWith(`${name}: `)));
    expect(names(wrong)).toEqual(names(kinds.filter(({ told }) => told === clock)));
  });
});

describe.for(VARIANTS)("$title", { concurrent: true }, (variant) => {
  test("what began before an injection ends when it would have", async (context) => {
    need(context, variant);
    for (const { flags } of SKEWS) {
      await using victim = await startDeadlines(variant);
      await victim.begin(absolute(victim, variant), 1500);
      await inject(victim.pid, ...flags);
      expect(await collected(victim)).toEqual([]);
    }
  });

  test("what began before a live change, or before a recovery, ends when it would have", async (context) => {
    need(context, variant);
    await using victim = await startDeadlines(variant);
    const waits = absolute(victim, variant);
    await inject(victim.pid, ...SKEWS[0]!.flags);
    await victim.begin(waits, 1500);
    await inject(victim.pid, ...BOTH);
    expect(await collected(victim)).toEqual([]);
    await victim.begin(waits, 1500);
    await recover(victim.pid, BACKWARD);
    expect(await collected(victim)).toEqual([]);
    await victim.begin(waits, 300);
    expect(await collected(victim)).toEqual([]);
  });

  test("a recovery while 64 threads wait: none is early, none is late, nothing stays", async (context) => {
    need(context, variant);
    await using victim = await startDeadlines(variant);
    const { pid } = victim;
    const mix = ["sem_timedwait", "pthread_cond_timedwait", "mq_timedreceive", "mq_timedsend"];
    mix.push("clock_nanosleep, absolute CLOCK_REALTIME", "clock_nanosleep, absolute CLOCK_MONOTONIC");
    mix.push("syscall(futex, LOCK_PI)", "syscall(futex, WAIT_BITSET), CLOCK_REALTIME");
    const waits = Array.from({ length: 64 }, (_, index) => mix[index % mix.length]!);
    await victim.begin(waits, 50); // now the program has the memory that it needs
    expect(await collected(victim)).toEqual([]);
    const untouched = snapshot(pid);
    const code = codeBytes(pid);

    await inject(pid, ...BOTH);
    expect(codeBytes(pid)).not.toEqual(code);
    await victim.begin(waits, 2000, 4000);
    const recovered = await recover(pid, BACKWARD);
    expect(recovered).toMatchObject({ action: "recovered", state: "lingering" });
    expect(recovered.lingeringThreads).toBeGreaterThan(0);
    expect(await status(pid)).toMatchObject({ state: "lingering" });
    for (const [range, bytes] of code) expect(codeBytes(pid).get(range)).toBe(bytes);
    expect(await collected(victim)).toEqual([]);

    expect(await recover(pid, BACKWARD)).toMatchObject({ action: "cleaned", state: "unskewed" });
    expect(codeBytes(pid)).toEqual(code);
    expect(snapshot(pid)).toEqual({ ...untouched, maps: expect.any(Array) });
    await victim.begin(waits, 50);
    expect(await collected(victim)).toEqual([]);
    expect(snapshot(pid)).toEqual(untouched);
  });

  test("a waiting thread can be cancelled, and cleans up", async (context) => {
    need(context, variant);
    await using victim = await startDeadlines(variant);
    const waits = ["sem_timedwait", "pthread_cond_timedwait", "pthread_cond_timedwait, CLOCK_MONOTONIC"];
    waits.push("clock_nanosleep, absolute CLOCK_REALTIME", "clock_nanosleep, absolute CLOCK_MONOTONIC");
    waits.push("mq_timedreceive", "mq_timedsend", "clock_nanosleep, CLOCK_REALTIME", "epoll_wait");
    await inject(victim.pid, ...BOTH);
    await victim.begin(waits, 60_000);
    await victim.cancel();
    const ECANCELED = 125;
    const ends = (await victim.collect()).map(({ kind, over, result, cleanups, destroyed }) => {
      return { kind, over, result, cleanups, destroyed };
    });
    const destroyed = variant === DEADLINES_CXX ? 1 : 0;
    expect(ends).toEqual(waits.map((kind) => ({ kind, over: 1, result: ECANCELED, cleanups: 1, destroyed })));
  });

  test("a stack trace above a wait leads to the start of its thread", async (context) => {
    need(context, variant);
    if (variant === DEADLINES_MUSL_STATIC) context.skip("musl has no tables to unwind by");
    await using victim = await startDeadlines(variant);
    // A call that must leave its registers alone is made by the payload, which has no tables either.
    const waits = absolute(victim, variant).filter((name) => !/goes on/.test(name));
    const traces = async () => {
      await victim.begin(waits, 2500);
      const found = await victim.backtraces();
      expect(await collected(victim)).toEqual([]);
      return found;
    };
    const before = await traces();
    expect(before.filter(({ reaches }) => !reaches)).toEqual([]);
    await inject(victim.pid, ...BOTH);
    expect(await traces()).toEqual(before);
  });

  test("a forked child waits right, and is recovered without its parent", async (context) => {
    need(context, variant);
    await using victim = await startDeadlines(variant);
    await inject(victim.pid, ...BOTH);
    const waits = absolute(victim, variant);
    const { child, parent } = await victim.fork();
    const both = async () => {
      await child.begin(waits, 700);
      expect(await collected(child)).toEqual([]);
      await parent.begin(waits, 700);
      expect(await collected(parent)).toEqual([]);
    };
    await both();
    await recover(child.pid, BACKWARD);
    expect(await status(child.pid)).toMatchObject({ state: "unskewed" });
    expect(await status(parent.pid)).toMatchObject({ state: "skewed" });
    await both();
  });

  test.for(["plain", "restart"] as const)(
    "a signal every 10 ms does not move a deadline: %s",
    async (flags, context) => {
      need(context, variant);
      await using victim = await startDeadlines(variant);
      await inject(victim.pid, ...BOTH);
      const waits = absolute(victim, variant);
      await victim.begin(waits, 1000);
      await victim.tick(10_000, flags);
      const outcomes = await victim.collect();
      await victim.tick(0);
      expect(outcomes.map((each) => complaint(each)).filter(Boolean)).toEqual([]);
      // Those that are not restarted by any means have been interrupted, and often.
      const often = outcomes.filter(({ interrupted }) => interrupted >= 10).map(({ kind }) => kind);
      expect(often).toEqual(expect.arrayContaining(["clock_nanosleep, absolute CLOCK_REALTIME"]));
    },
  );

  test(`${CYCLES} injections and recoveries of threads that wait all the time`, async (context) => {
    need(context, variant);
    await using victim = await startDeadlines(variant);
    const { pid } = victim;
    // What is left over of a period comes early the next time.
    const waits = absolute(victim, variant).filter((name) => !name.endsWith("periodic"));
    await victim.begin(waits, 20);
    expect(await collected(victim)).toEqual([]);
    const code = codeBytes(pid);
    // A deadline that was computed before a change, and is told after it, is wrong by the offset, as ever.
    const SLACK_MS = 50;
    await victim.churn(waits, 5, SLACK_MS);
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      const offset = `${cycle % 2 ? "-" : ""}${SLACK_MS}ms`;
      await library.inject({ pid, offset, clocks: ["CLOCK_REALTIME", "CLOCK_MONOTONIC"], ...PERMITTED });
      await library.recover({ pid, ...PERMITTED });
    }
    await victim.rest();
    const outcomes = await victim.collect();
    expect(outcomes.filter(({ over, waits, astray }) => !over || waits < CYCLES || astray > 0)).toEqual([]);
    await waitFor("the last pages to be unmapped", async () => {
      return (await library.recover({ pid, ...PERMITTED })).state === "unskewed";
    });
    expect(codeBytes(pid)).toEqual(code);
  });

  test("a handler above a wait can wait, too", async (context) => {
    need(context, variant);
    await using victim = await startDeadlines(variant);
    await inject(victim.pid, ...BOTH);
    await victim.begin(absolute(victim, variant), 1000);
    await victim.tick(50_000, "wait");
    const outcomes = await victim.collect();
    await victim.tick(0);
    expect(outcomes.map((each) => complaint(each)).filter(Boolean)).toEqual([]);
    expect(outcomes.filter(({ nested, astray }) => nested === 0 || astray > 0)).toEqual([]);
  });

  test("a stop and a continuation do not move a deadline", async (context) => {
    need(context, variant);
    await using victim = await startDeadlines(variant);
    await inject(victim.pid, ...BOTH);
    await victim.begin(absolute(victim, variant), 1500);
    process.kill(victim.pid, "SIGSTOP");
    await waitFor("the stop", () => state(victim.pid) === "T");
    await sleep(300);
    process.kill(victim.pid, "SIGCONT");
    expect(await collected(victim)).toEqual([]);
  });
});
