/**
 * Who is inside when our pages are to be unmapped: threads in system calls whose time to wait until lies in our table,
 * or that were made from our code. Who is said to be out is put to the test: the pages are unmapped, and the call must
 * end as if they were there. Who is said to be inside would miss them.
 */
import { describe, expect, type TestContext, test } from "vitest";
import { TimeskewError } from "../../src/errors.ts";
import type { Range } from "../../src/patch/plan.ts";
import { readMemory } from "../../src/tracer/native.ts";
import { type Borrower, drain, RESTART_SYSCALL, startBorrower } from "../support/borrower.ts";
import { carryOut } from "../support/by-hand.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { maps } from "../support/proc.ts";

const EINTR = -4;
const EFAULT = -14;
const ETIMEDOUT = -110;

/** [lingering, of those waiting, whether the pages were unmapped] */
const OUT = [0, 0, true];
const WAITING = [1, 1, false];
const INSIDE = [1, 0, false];

interface Kind {
  readonly name: string;
  readonly call: number;
  /** Whether it is made again from its start after an interruption without a handler. */
  readonly again: boolean;
  /** After which handlers it is made again. */
  readonly after?: "any" | "restart";
  /** What it returns when it is woken; where that is missing, nobody can. */
  readonly woken?: number;
}

const KINDS: readonly Kind[] = [
  { name: "futex wait", call: 202, again: false, woken: 0 },
  { name: "futex wait, absolute", call: 202, again: false, woken: 0 },
  { name: "futex wait, absolute wall clock", call: 202, again: false, woken: 0 },
  { name: "futex lock", call: 202, again: true, after: "any", woken: 0 },
  { name: "futex lock, monotonic", call: 202, again: true, after: "any", woken: 0 },
  { name: "futex requeue", call: 202, again: true, after: "any" },
  { name: "futex_waitv", call: 449, again: true, after: "restart", woken: 0 },
  { name: "nanosleep", call: 35, again: false },
  { name: "clock_nanosleep", call: 230, again: false },
  { name: "clock_nanosleep, absolute", call: 230, again: true },
  { name: "mq_timedreceive", call: 243, again: true, after: "restart", woken: 8 },
  { name: "mq_timedsend", call: 242, again: true, after: "restart", woken: 0 },
];

function need(context: TestContext): void {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
}

/** Every caller is interrupted, and sleeps again. */
async function disturb(borrower: Borrower, { call, again }: Kind): Promise<void> {
  await borrower.stop();
  borrower.continue();
  await borrower.asleepIn(again ? call : RESTART_SYSCALL);
}

/** What the calls return when the program itself ends them. */
async function end({ dialog, results, tids, asleepIn }: Borrower, { call, woken }: Kind): Promise<number[]> {
  if (woken === undefined) {
    await dialog.ask(`interrupt ${tids.length}`);
    await dialog.ask("leave 0");
  } else {
    // Whom the drain has woken is on its way back, and would miss it.
    await asleepIn(call, RESTART_SYSCALL);
    await dialog.ask("wake");
  }
  return results();
}

describe.for(KINDS)("$name", (kind) => {
  const { name, call, again, after, woken } = kind;
  const expected = again ? WAITING : OUT;
  const ended = [woken ?? EINTR];

  test("asleep, and woken by us", async (context) => {
    need(context);
    await using borrower = await startBorrower(name, "table");
    await borrower.asleepIn(call);
    expect(drain(borrower)).toEqual(expected);
    if (again) return;
    await disturb(borrower, kind);
    expect(await end(borrower, kind)).toEqual(ended);
  });

  test("asleep, and left asleep", async (context) => {
    need(context);
    await using borrower = await startBorrower(name, "table", { threads: 3 });
    await borrower.asleepIn(call);
    expect(drain(borrower)).toEqual(again ? [3, 3, false] : OUT);
  });

  test("stopped as by Ctrl-Z", async (context) => {
    need(context);
    await using borrower = await startBorrower(name, "table");
    await borrower.asleepIn(call);
    await borrower.stop();
    expect(drain(borrower)).toEqual(expected);
    borrower.continue();
    if (again) return;
    await borrower.asleepIn(RESTART_SYSCALL);
    expect(await end(borrower, kind)).toEqual(ended);
  });

  test("asleep again after that", async (context) => {
    need(context);
    await using borrower = await startBorrower(name, "table", { threads: 3 });
    await borrower.asleepIn(call);
    await disturb(borrower, kind);
    expect(drain(borrower)).toEqual(again ? [3, 3, false] : OUT);
    if (!again) expect(await end(borrower, kind)).toEqual([...ended, ...ended, ...ended]);
  });

  test.for(["interrupt", "restart"] as const)("below a handler: %s", async (how, context) => {
    need(context);
    const returns = after === "any" || after === how;
    await using borrower = await startBorrower(name, "table");
    await borrower.asleepIn(call);
    await borrower.dialog.ask(`${how} 1`);
    expect(drain(borrower)).toEqual(returns ? INSIDE : OUT);
    await borrower.dialog.ask("unmap");
    await borrower.dialog.ask("leave 0");
    expect(await borrower.results()).toEqual([returns ? EFAULT : EINTR]);
  });

  test("about to be made", async (context) => {
    need(context);
    await using borrower = await startBorrower(name, "table", { threads: 0 });
    expect(drain(borrower)).toEqual(INSIDE);
    expect(drain(borrower, { waits: false })).toEqual(OUT);
    borrower.continue();
    expect(await borrower.results()).toEqual([EFAULT]);
  });

  test("with a time that lies elsewhere", async (context) => {
    need(context);
    await using borrower = await startBorrower(name, "elsewhere");
    await borrower.asleepIn(call);
    expect(drain(borrower)).toEqual(OUT);
    await disturb(borrower, kind);
    if (name !== "futex requeue") expect(await end(borrower, kind)).toEqual(ended);
  });

  test("made from our code", async (context) => {
    need(context);
    await using borrower = await startBorrower(name, "code", { threads: 3 });
    await borrower.asleepIn(call);
    expect(drain(borrower)).toEqual([3, 3, false]);
    await borrower.stop();
    expect(drain(borrower)).toEqual([3, 3, false]);
    borrower.continue();
    await borrower.dialog.ask("interrupt 1");
    expect(drain(borrower)).toEqual([3, 2, false]);
  });
});

test.for(KINDS.filter(({ again }) => again))("$name misses its time", async ({ name, call }, context) => {
  need(context);
  await using borrower = await startBorrower(name, "table");
  await borrower.asleepIn(call);
  await borrower.dialog.ask("unmap");
  await borrower.stop();
  borrower.continue();
  expect(await borrower.results()).toEqual([EFAULT]);
});

test.for(KINDS.filter(({ again }) => !again))("$name keeps its time", async ({ name, call }, context) => {
  need(context);
  await using borrower = await startBorrower(name, "table", { ms: 3000 });
  await borrower.asleepIn(call);
  expect(drain(borrower)).toEqual(OUT);
  for (let i = 0; i < 5; i++) {
    await borrower.stop();
    borrower.continue();
  }
  expect(await borrower.results()).toEqual([call === 202 ? ETIMEDOUT : 0]);
});

/** Of the time that a drain is given: it takes less if it does not wait for those who wait. */
const LONG_NS = 20_000_000_000n;
const SHORT_MS = 10_000;

function drainPatiently(borrower: Borrower): readonly [...ReturnType<typeof drain>, soon: boolean] {
  const start = performance.now();
  const result = drain(borrower, { timeoutNs: LONG_NS });
  return [...result, performance.now() - start < SHORT_MS];
}

describe("a drain waits", () => {
  test("for nobody who merely waits", async (context) => {
    need(context);
    await using borrower = await startBorrower("clock_nanosleep, absolute", "table", { threads: 64 });
    await borrower.asleepIn(230);
    expect(drainPatiently(borrower)).toEqual([64, 64, false, true]);
  });

  test("for who leaves, among them", async (context) => {
    need(context);
    await using borrower = await startBorrower("mq_timedreceive", "table", { threads: 4 });
    await borrower.asleepIn(243);
    await borrower.dialog.ask("restart 1");
    expect(drain(borrower)).toEqual([4, 3, false]);
    await borrower.dialog.ask("leave 300"); // and makes the call again
    expect(drainPatiently(borrower)).toEqual([4, 4, false, true]);
  });

  test("until the last has left", async (context) => {
    need(context);
    await using borrower = await startBorrower("futex wait", "code", { threads: 4 });
    await borrower.asleepIn(202);
    await borrower.dialog.ask("interrupt 4");
    expect(drain(borrower)).toEqual([4, 0, false]);
    await borrower.dialog.ask("leave 300");
    expect(drainPatiently(borrower)).toEqual([0, 0, true, true]);
    expect(await borrower.results()).toEqual([EINTR, EINTR, EINTR, EINTR]);
  });
});

test("who is in one of several ranges is in all of them", async (context) => {
  need(context);
  await using borrower = await startBorrower("futex wait", "code");
  await borrower.asleepIn(202);
  const { pid, code, table } = borrower;
  for (const ranges of [[code], [table, code], [code, table], [table, table, table, code]]) {
    const { lingering, step } = carryOut(pid, ({ start: calls }) => [
      { op: "drain", code: ranges, timeoutNs: 0n, calls, what: "nobody is inside" },
      { op: "unmap", ...table, what: "the table" },
    ]);
    expect([lingering, step]).toEqual([1, 0]);
  }
});

test("sleepers are looked at for a drain behind a move, too", async (context) => {
  need(context);
  await using borrower = await startBorrower("clock_nanosleep, absolute", "table", { threads: 3 });
  await borrower.asleepIn(230);
  const { pid, code, table } = borrower;
  const report = carryOut(pid, ({ start: calls }) => [
    { op: "move", moves: [], what: "nobody" },
    { op: "drain", code: [code], waits: table, timeoutNs: 0n, calls, what: "nobody is inside" },
  ]);
  expect(report).toMatchObject({ lingering: 3, waiting: 3 });
});

test("who has made a call for us, and gets a turn to leave, goes on with its own call", async (context) => {
  need(context);
  await using borrower = await startBorrower("futex wait", "code");
  await borrower.asleepIn(202);
  await borrower.dialog.ask("interrupt 1");
  const { pid, code, table } = borrower;
  for (let i = 0; i < 5; i++) {
    const report = carryOut(pid, ({ start: calls }) => [
      { op: "unmap", ...table, what: "the table" },
      { op: "map", ...table, protection: "rw-", calls, what: "another one" },
      { op: "drain", code: [code], timeoutNs: 0n, calls, what: "nobody is inside" },
    ]);
    expect(report).toMatchObject({ lingering: 1, waiting: 0 });
  }
  await borrower.dialog.ask("leave 0");
  expect(await borrower.results(), "its handler has seen nothing strange").toEqual([EINTR]);
});

describe("pages that a failed plan has mapped", () => {
  /** Maps what the program has lost, and fails behind the first patch. Whether that could be undone. */
  function failToMap({ pid, code, table }: Borrower, bytes: Uint8Array): boolean {
    try {
      carryOut(pid, ({ start, bytes: image }) => [
        { op: "map", ...code, protection: "r-x", calls: start, what: "code" },
        { op: "write", address: code.address, bytes, what: "what is executed there" },
        { op: "map", ...table, protection: "rw-", what: "a table" },
        { op: "patch", address: start, old: image.slice(0, 8), new: image.slice(0, 8), what: "nothing" },
        { op: "check", address: start, bytes: new Uint8Array(8), what: "this cannot be" },
      ]);
    } catch (error) {
      if (!(error instanceof TimeskewError)) throw error;
      expect(["E_BUSY", "E_CHANGED"]).toContain(error.code);
      return error.code === "E_BUSY";
    }
    throw new Error("did not fail");
  }

  test.for([
    ["go, if nobody is inside", "futex wait", "table", 202, true],
    ["stay for a call that may read from them", "clock_nanosleep, absolute", "table", 230, false],
    ["stay for a call that was made from them", "futex wait", "code", 202, false],
    ["go, if only others wait", "clock_nanosleep, absolute", "elsewhere", 230, true],
  ] as const)("%s", async ([, name, where, call, undone], context) => {
    need(context);
    await using borrower = await startBorrower(name, where, { threads: 3 });
    await borrower.asleepIn(call);
    const { pid, code, table } = borrower;
    const mapped = ({ address }: Range) =>
      maps(pid).filter((line) => line.startsWith(`${address.toString(16)}-`)).length;
    const before = [code, table].map(mapped);
    const bytes = readMemory(-1, pid, code.address, code.length)!;
    await borrower.dialog.ask("unmap");
    expect([code, table].map(mapped)).toEqual([0, 0]);
    expect(failToMap(borrower, bytes)).toBe(undone);
    expect([code, table].map(mapped)).toEqual(undone ? [0, 0] : before);
    expect(await borrower.dialog.ask("unmap"), "it lives").toBe("{}");
  });
});
