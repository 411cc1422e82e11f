/**
 * Deadlines and durations: the payload's inverse of a profile (native/payload/when.c) against the model of what is shown.
 * The time that it finds is the first one: nothing on the lines before it gets there.
 */
import { expect, test } from "vitest";
import { MAX_OFFSET, pieceAt } from "../../src/skew/profile.ts";
import { Random } from "../fuzz/random.ts";
import { Host } from "./host.ts";
import { clockOf, roughness, shown, startOn, type World } from "./model.ts";
import { aWorld, timesOf } from "./profiles.ts";

const WORLDS = { x86_64: 500, i386: 200, aarch64: 100 };
const QUESTIONS = 12;
/** Those that deadlines can be set on. */
const CLOCKS = [0, 1, 7, 8, 9, 11] as const;
const INT64_MAX = 2n ** 63n - 1n;
/** What the payload takes for never: the kernel's last second. */
const FOREVER = 9_223_372_036_000_000_000n;
/** As many lines as the payload walks along, and as many as it is worth to walk along here. */
const WALKED = 4096;
const CHECKED = 100;

/** The time at which a line ends that `time` is on, by the model. */
function lineEnd({ slots, index }: World, clock: number, time: bigint): bigint {
  let end = INT64_MAX;
  for (const slot of [slots[index], slots[1 - index]!]) {
    if (((slot.mask >> BigInt(clock)) & 1n) === 0n || slot.profile === undefined) return end;
    const start = startOn(slot.profile.start, clock);
    if (time >= start) {
      const { until } = pieceAt(slot.offset, slot.profile, clockOf(clock), time - start);
      return until === undefined || start + until > end ? end : start + until;
    }
    if (start < end) end = start;
  }
  return end;
}

/** The lines from `from` on, as pairs of their first and last times; not all of them if there are very many. */
function* linesFrom(world: World, clock: number, from: bigint): Generator<[bigint, bigint]> {
  for (let time = from; time < INT64_MAX; ) {
    const end = lineEnd(world, clock, time);
    yield [time, end === INT64_MAX ? end : end - 1n];
    time = end;
  }
}

function roughnessOf({ slots }: World): bigint {
  return slots.reduce((most, { profile }) => {
    const rough = profile === undefined ? 0n : roughness(profile);
    return rough > most ? rough : most;
  }, 0n);
}

/** More lines than the payload looks at: then it has given up, and waits for the rest in true time. */
function isCrowded(world: World, clock: number, now: bigint, found: bigint): boolean {
  let lines = 0;
  for (const [, last] of linesFrom(world, clock, now)) if (last >= found || ++lines >= WALKED) break;
  return lines >= WALKED;
}

function hasSwing({ slots }: World): boolean {
  return slots.some(({ profile }) => profile !== undefined && profile.swing > 0n);
}

/** What is wrong with a time that was found for a goal which is not reached now. */
function flawOf(world: World, clock: number, now: bigint, goal: bigint, found: bigint): string | undefined {
  const limit = goal + roughnessOf(world);
  if (found <= now) return "is not in the future";
  let lines = 0;
  const isThere = shown(world, clock, found) >= goal;
  if (isThere && shown(world, clock, found - 1n) >= limit) return "is later than it need be, by a nanosecond";
  for (const [first, last] of linesFrom(world, clock, now)) {
    if ((isThere && first >= found) || ++lines > CHECKED) break;
    const end = isThere && last >= found ? found - 1n : last;
    if (shown(world, clock, first) >= limit || shown(world, clock, end) >= limit)
      return `is too late: the line from ${first} to ${end} gets there`;
    if (last === INT64_MAX && !isThere && !hasSwing(world)) {
      const rest = first + goal - shown(world, clock, first);
      return found === rest ? undefined : `is not ${rest}, when the rest has passed in true time`;
    }
  }
  return undefined;
}

test.for(["x86_64", "i386", "aarch64"] as const)(
  "deadlines: the first time that shows what was asked for, on %s",
  async (machine, context) => {
    await using host = await Host.start(context, machine);
    const seen = { found: 0, never: 0, passed: 0, crowded: 0 };
    for (let n = 0; n < WORLDS[machine]; n++) {
      const random = new Random(6, n);
      const world = aWorld(random);
      const clock = random.pick(CLOCKS);
      host.setWorld(world);
      const asked = timesOf(random, world.profile, clock, QUESTIONS).flatMap((time) => {
        const now = time % MAX_OFFSET;
        const ahead = random.oneIn(6) ? -BigInt(random.u32()) : random.u64() >> BigInt(random.between(2, 62));
        const goal = shown(world, clock, now) + ahead;
        return [now, BigInt(clock), goal < 0n ? 0n : goal >= FOREVER ? FOREVER - 1n : goal];
      });
      const answers = await host.ask("when", asked);
      answers.forEach((found, i) => {
        const [now, , goal] = asked.slice(3 * i) as [bigint, bigint, bigint];
        const present = shown(world, clock, now);
        if (present < 0n) return; // a constant that no planner lets through
        const where = `world ${n}, clock ${clock}, now ${now}, goal ${goal}: ${found}`;
        if (present >= goal) {
          seen.passed++;
          const late = present - goal;
          if (found !== (late < now ? now - late : 0n)) expect.fail(`${where} is not as late as it was`);
          return;
        }
        const flaw = flawOf(world, clock, now, goal, found);
        if (flaw !== undefined && !isCrowded(world, clock, now, found)) expect.fail(`${where} ${flaw}`);
        if (flaw !== undefined) seen.crowded++;
        else if (shown(world, clock, found) >= goal) seen.found++;
        else seen.never++;
      });
    }
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(WORLDS[machine] / 5);
  },
);
