/** Programs of other languages, watched from outside: −600 s, and back. */
import { expect, test } from "vitest";
import { inject, recover } from "../support/cli.ts";
import { change, difference, distance, MINUTE } from "../support/clock.ts";
import { needTracing } from "../support/needs.ts";
import { RUNTIMES, readRuntime, startRuntime } from "../support/runtimes.ts";

test.for(RUNTIMES)("$title: the wall clock, and only that", async (runtime, context) => {
  needTracing(context);
  await using program = await startRuntime(runtime, context);
  const read = async () => {
    const { value, wall, monotonic } = await readRuntime(program);
    return {
      wall: difference(value.wall, runtime.unit, wall),
      // Its zero may be anywhere, but must stay where it is.
      monotonic: difference(value.monotonic, 1n, monotonic),
    };
  };

  const before = await read();
  expect(distance(before.wall, 0n)).toBe(0n);

  await inject(program.pid, "--offset", "-600s", "--clock", "CLOCK_REALTIME");
  const during = await read();
  expect(distance(during.wall, -10n * MINUTE)).toBe(0n);
  expect(distance(change(before.monotonic, during.monotonic), 0n)).toBe(0n);

  await recover(program.pid);
  const after = await read();
  expect(distance(after.wall, 0n)).toBe(0n);
  expect(distance(change(before.monotonic, after.monotonic), 0n)).toBe(0n);
});
