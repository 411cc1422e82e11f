/**
 * One operation of the helper fails, or the tool dies right before or behind it: each operation in turn, of inject, of
 * the live change, of both with a profile, and of recover, on programs that hammer the clock, wait, or are in a storm of signals. Whatever the
 * operation, the target runs on and reads right, what the tool says of it is true, and `recover` cleans up.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { needPrograms, needTracing } from "../support/needs.ts";
import { FAULTS, type Staged, stage } from "../support/variant.ts";
import { Bench, type Tally } from "./bench.ts";
import type { How } from "./driver.ts";
import { extent, LONG, TIMEOUT_MS } from "./extent.ts";
import { HAMMERING, READING, STORMED, TARGETS } from "./targets.ts";
import { ACTIONS } from "./trial.ts";

let staged: Staged;
beforeAll(async () => {
  staged = await stage(FAULTS);
});
afterAll(async () => {
  await staged?.[Symbol.asyncDispose]();
});

/** Whom a profile is for is no matter, so the short run tries it on one target. */
const COMBINED = TARGETS.flatMap((kind) =>
  ACTIONS.filter((action) => LONG || kind === HAMMERING || (action !== "begin" && action !== "replace")).map(
    (action) => ({ kind, target: kind.name, action }),
  ),
);

function summary({ trials, said, status, heldOn }: Tally): string {
  const counts = (of: Record<string, number>) =>
    Object.entries(of)
      .map(([what, count]) => `${what} ${count}`)
      .join(", ");
  return `${trials} trials; the tool said: ${counts(said)}; status: ${counts(status)}; let go at its end: ${heldOn}`;
}

/** As many operations as there are behind the drain, and some before it. */
const LAST = 40;

describe.for(COMBINED)("$action on $target", ({ kind, action }) => {
  const most = kind === HAMMERING ? 12 : 6;

  function cover(title: string, how: How, trials: number): void {
    test(title, { timeout: TIMEOUT_MS }, async (context) => {
      needPrograms(context, "gcc");
      needTracing(context, { permitted: true });
      await using bench = new Bench(kind, staged);
      const tally = await bench.enumerate(action, how, extent(trials));
      console.log(`${title}, ${action} on ${kind.name}: ${summary(tally)}`);
      expect(tally.findings).toEqual([]);
    });
  }

  cover("an operation fails", "fail", most);
  cover("killed before an operation", "kill before", most / 2);
  cover("killed behind an operation", "kill after", most / 2);
  if (LONG) cover("an operation fails, and every later one of its kind", "fail kind", most);
});

/** Behind the point of no return: the pages are unmapped, and everybody is let go. */
test.for(LONG ? (["fail", "fail kind"] as const) : (["fail"] as const))(
  "each operation at the end of a recovery: %s",
  { timeout: TIMEOUT_MS },
  async (how, context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using bench = new Bench(STORMED, staged);
    const tally = await bench.enumerate("recover", how, { last: LAST });
    console.log(`${how}: ${summary(tally)}`);
    expect(tally.trials).toBeGreaterThan(LAST);
    expect(tally.findings).toEqual([]);
  },
);

/** What a remote call asks of ptrace, and what lets its thread go on to the next stop. */
const REQUESTS = {
  SYSCALL: 24,
  ...(LONG && { CONT: 7, GETREGS: 12, SETREGS: 13, SETOPTIONS: 0x4200, SETSIGMASK: 0x420b }),
};

/**
 * A remote call is made by a thread that stands in a system call of its own, if there is one. What that has answered it must
 * not make again, wherever ours is given up.
 */
describe.for(Object.entries(REQUESTS))("no call is made twice where PTRACE_%s fails", ([, only]) => {
  test.for(["inject", "recover"] as const)("%s", { timeout: TIMEOUT_MS }, async (action, context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using bench = new Bench(READING, staged);
    const tally = await bench.enumerate(action, "fail", { only, oneErrno: !LONG });
    console.log(`request ${only}, ${action}: ${summary(tally)}`);
    expect(tally.trials).toBeGreaterThan(4);
    expect(tally.findings).toEqual([]);
  });
});

const SEIZE = 0x4206;

/** An execve of another thread can make it look so for a moment: EPERM and ESRCH are asked again, and only EIO is the end. */
test("a thread that lives and cannot be seized is asked again", { timeout: TIMEOUT_MS }, async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using bench = new Bench(HAMMERING, staged);
  const { trials, said, findings } = await bench.enumerate("inject", "fail", { only: SEIZE });
  expect(findings).toEqual([]);
  expect(said.E_FAILED).toBeGreaterThan(0);
  expect(3 * said.E_FAILED!).toBeLessThanOrEqual(trials);
});
