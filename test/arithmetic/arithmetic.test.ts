/**
 * The payload's arithmetic, compiled into a program of its own (host.c), against the definition in src/skew/profile.ts:
 * the same points of the same profiles, equal to the nanosecond.
 */
import { expect, test } from "vitest";
import { floorDiv } from "../../src/skew/profile.ts";
import { Random } from "../fuzz/random.ts";
import type { PayloadMachine } from "../support/recipes.ts";
import { Host } from "./host.ts";
import { NAMES, reading } from "./model.ts";
import { aWorld, timesOf } from "./profiles.ts";

const SECOND = 1_000_000_000n;
/** arm64's vDSO has no time(). */
const WITHOUT_TIME = NAMES.filter((name) => name !== 63);
const WORLDS = { x86_64: 5000, i386: 2000, aarch64: 500 };
const POINTS = 400;

/** What a function shows of a time: on i386, gettimeofday and time have 32 bits for seconds. */
function cutFor(machine: PayloadMachine, name: number, time: bigint): bigint {
  if (machine !== "i386" || name < 32) return time;
  const second = floorDiv(time, SECOND);
  return BigInt.asIntN(32, second) * SECOND + time - second * SECOND;
}

test.for(["x86_64", "i386", "aarch64"] as const)(
  "readings are what the model says, by every function, on %s",
  async (machine, context) => {
    await using host = await Host.start(context, machine);
    let skewed = 0;
    for (let n = 0; n < WORLDS[machine]; n++) {
      const random = new Random(5, n);
      const world = aWorld(random);
      host.setWorld(world);
      const names = Array.from({ length: 4 }, () =>
        random.pick(machine === "aarch64" ? WITHOUT_TIME : NAMES),
      );
      const asked = names.flatMap((name) =>
        timesOf(random, world.profile, name, POINTS / names.length).flatMap((time) => [time, BigInt(name)]),
      );
      const answers = await host.ask("read", asked);
      answers.forEach((answer, i) => {
        const [time, name] = [asked[2 * i]!, Number(asked[2 * i + 1])];
        const expected = cutFor(machine, name, reading(world, name, time));
        // Not by expect(), which takes microseconds each.
        if (answer !== expected)
          expect.fail(`world ${n}, name ${name}, true time ${time}: ${answer}, not ${expected}`);
        if (answer !== time) skewed++;
      });
    }
    expect(skewed).toBeGreaterThan((WORLDS[machine] * POINTS) / 2);
  },
);

test("a nanosecond is found out", async (context) => {
  await using host = await Host.start(context);
  const random = new Random(7, 0);
  const world = aWorld(random);
  const [active, idle] = [world.slots[world.index], world.slots[1 - world.index]!];
  const other = { ...active, offset: active.offset + 1n };
  host.setWorld({ ...world, slots: world.index === 0 ? [other, idle] : [idle, other] });
  const times = timesOf(random, world.profile, 0, POINTS);
  const answers = await host.ask(
    "read",
    times.flatMap((time) => [time, 0n]),
  );
  const wrong = times.filter((time, i) => answers[i] !== reading(world, 0, time));
  expect(wrong.length).toBeGreaterThan(POINTS / 4);
});
