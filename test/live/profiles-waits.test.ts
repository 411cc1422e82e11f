/**
 * Waits under a profile last until the program's own clock has got there: as long as the model says, which is less or more
 * than was asked for. Nobody waits for ever on a clock that stands, and the clocks that are not skewed have no part in it.
 */
import { describe, expect, test } from "vitest";
import { inject } from "../support/cli.ts";
import { MILLISECOND, SECOND } from "../support/clock.ts";
import { complaint, type Kind, type Outcome, startDeadlines } from "../support/deadlines.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { MONOTONIC, REALTIME, reaches, type Subject, shown } from "../support/profiles/model.ts";
import { needSettings, type Settings } from "../support/profiles/slots.ts";
import { DEADLINES_GLIBC } from "../support/recipes.ts";
import { startWaiter, WAITING_RUNTIMES } from "../support/waiting-runtimes.ts";

interface Row {
  title: string;
  flags: string[];
  /** ms. */
  asked: number;
}

const ON_REALTIME: readonly Row[] = [
  { title: "drift", flags: ["--drift", "90000ppm"], asked: 2000 },
  { title: "rate", flags: ["--rate", "4"], asked: 2000 },
  { title: "slew forward", flags: ["--slew", "1s", "--over", "1200ms"], asked: 2500 },
  { title: "slew back", flags: ["--slew", "-900ms", "--over", "1s"], asked: 500 },
  { title: "freeze", flags: ["--freeze"], asked: 800 },
  { title: "almost frozen, then not", flags: ["--rate", "0.001", "--duration", "700ms"], asked: 900 },
  { title: "strobe", flags: ["--strobe", "10s", "--period", "700ms"], asked: 1000 },
  { title: "strobe back, of a millisecond", flags: ["--strobe", "-10s", "--period", "1ms"], asked: 1000 },
  { title: "jitter", flags: ["--jitter", "300ms", "--jitter-every", "400ms", "--seed", "8"], asked: 1000 },
  { title: "ahead, until it ends", flags: ["--offset", "400ms", "--duration", "900ms"], asked: 1200 },
  { title: "behind, until it ends", flags: ["--offset", "-600ms", "--duration", "900ms"], asked: 1200 },
  {
    title: "again and again",
    flags: ["--offset", "-400ms", "--duration", "300ms", "--every", "700ms"],
    asked: 1000,
  },
  { title: "before it begins", flags: ["--offset", "1s", "--start-in", "1s"], asked: 1500 },
];

const ON_MONOTONIC: readonly Row[] = [
  { title: "slew", flags: ["--slew", "1s", "--over", "1s"], asked: 1600 },
  { title: "freeze", flags: ["--freeze"], asked: 800 },
  { title: "slow, until it ends", flags: ["--rate", "0.25", "--duration", "800ms"], asked: 1200 },
  {
    title: "jitter that glides",
    flags: ["--jitter", "90ms", "--jitter-every", "200ms", "--jitter-glide"],
    asked: 700,
  },
  { title: "before it begins", flags: ["--rate", "3", "--start-in", "1s"], asked: 1900 },
];

/** Where a clock jumps, a deadline that was computed a moment after the wait was said to begin may be another one. */
const MOMENTS = [0n, MILLISECOND, 30n * MILLISECOND];
/** Who waits longer than was asked for, and that, is given up by deadlines.c. */
const LIMIT = 10n * SECOND;
const ROUNDS = 3;

/** How long a wait has to last that began at a true time of this clock. */
function dueOf(settings: Settings, what: Subject, began: bigint, asked: bigint): bigint {
  const deadline = shown(settings, what, began) + asked;
  const end = reaches(settings, what, began, deadline, began + LIMIT);
  return end === undefined ? asked : end - began;
}

/** By how much the wall clock is ahead of CLOCK_MONOTONIC, which the victim tells its times by. */
function wallAhead(): bigint {
  return BigInt(Date.now()) * MILLISECOND - process.hrtime.bigint();
}

function complaintUnder(settings: Settings, clock: string, told: Kind["told"], outcome: Outcome): string {
  const asked = BigInt(outcome.asked);
  const isReal = clock === "CLOCK_REALTIME";
  const isSkewed = isReal ? told === clock : told !== "CLOCK_REALTIME";
  if (!isSkewed) return complaint(outcome);
  const began = BigInt(outcome.began) + (isReal ? wallAhead() : 0n);
  const words = MOMENTS.map((later) =>
    complaint(outcome, dueOf(settings, isReal ? REALTIME : MONOTONIC, began + later, asked)),
  );
  return words.includes("") ? "" : words[0]!;
}

/** They know whole seconds only; and a periodic timer has both, a deadline and durations. */
const UNSUITED = new Set(["sleep", "alarm"]);

const CELLS = [
  ...ON_REALTIME.map((row) => ({ ...row, clock: "CLOCK_REALTIME" })),
  ...ON_MONOTONIC.map((row) => ({ ...row, clock: "CLOCK_MONOTONIC" })),
];

describe("every kind of wait", { concurrent: true }, () => {
  test.for(CELLS)("$clock, $title", async ({ clock, flags, asked }, context) => {
    const { expect } = context;
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using victim = await startDeadlines(DEADLINES_GLIBC);
    const kinds = victim.kinds.filter(({ name }) => !UNSUITED.has(name) && !name.includes("periodic"));
    const told = new Map(kinds.map((kind) => [kind.name, kind.told]));
    let wrong: string[] = [];
    let left = [...told.keys()];
    // A busy machine makes waits late.
    for (let round = 0; round < ROUNDS && left.length > 0; round++) {
      await inject(
        victim.pid,
        "--clock",
        clock,
        "--allow-backward-monotonic",
        ...(round ? ["--offset", "0s"] : []),
        ...flags,
      );
      const settings = needSettings(victim.pid);
      await victim.begin(left, asked);
      const outcomes = await victim.collect();
      const words = outcomes.map((each) => complaintUnder(settings, clock, told.get(each.kind)!, each));
      wrong = words.filter(Boolean);
      left = left.filter((_, index) => words[index] !== "");
    }
    expect(wrong).toEqual([]);
  });
});

test("what is waited for on a clock that is about to step forward is there when it has", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using victim = await startDeadlines(DEADLINES_GLIBC);
  await inject(victim.pid, "--offset", "1h", "--start-in", "1500ms");
  const settings = needSettings(victim.pid);
  const kind = "pthread_cond_timedwait";
  // For half an hour, which is over in a second and a half.
  await victim.begin([kind], 1_800_000);
  const [outcome] = await victim.collect();
  expect(complaintUnder(settings, "CLOCK_REALTIME", "CLOCK_REALTIME", outcome!)).toBe("");
});

const { jvm, python, rust, go, node } = WAITING_RUNTIMES;
const BOTH = ["--clock", "CLOCK_REALTIME,CLOCK_MONOTONIC"];
const RATES = [
  ...[jvm, python, rust, go, node].map((runtime) => ({ title: runtime.title, runtime, rate: 2 })),
  ...[go, node].map((runtime) => ({ title: runtime.title, runtime, rate: 0.5 })),
];

test.for(RATES)(
  "$title at a rate of $rate: a second by its own clock",
  async ({ runtime, rate }, context) => {
    needTracing(context);
    await using waiter = await startWaiter(runtime, context);
    await inject(waiter.pid, "--rate", `${rate}`, ...BOTH);
    expect(await waiter.complaints(undefined, rate)).toEqual({});
  },
);
