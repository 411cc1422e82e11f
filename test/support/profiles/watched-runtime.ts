/** Programs of other languages whose clocks are compared with the settings of a profile, from outside. */
import type { TestContext } from "vitest";
import { difference, type Span } from "../clock.ts";
import { assemble } from "../own.ts";
import { type Runtime, readRuntime, startRuntime } from "../runtimes.ts";
import { complaintOf, MONOTONIC, REALTIME } from "./model.ts";
import type { Watched } from "./watched.ts";

/** A program of another language: its two clocks, as far as a bracket of this process's own clocks tells. */
export function watchRuntime(runtime: Runtime, context: TestContext): Promise<Watched> {
  return assemble(async (own) => {
    const { title, unit } = runtime;
    const dialog = own(await startRuntime(runtime, context));
    const untouched = await readRuntime(dialog);
    const zero = originOf(difference(untouched.value.monotonic, 1n, untouched.monotonic));
    return {
      title,
      pid: dialog.pid,
      complaints: async (settings) => {
        const { value, wall, monotonic } = await readRuntime(dialog);
        const least = value.monotonic + zero.from;
        return [
          complaintOf(settings, `${title}'s wall clock`, REALTIME, wall, value.wall, unit),
          complaintOf(
            settings,
            `${title}'s monotonic clock`,
            MONOTONIC,
            monotonic,
            least,
            zero.to - zero.from + 1n,
          ),
        ].filter((each) => each !== undefined);
      },
      wallClock: async () => (await readRuntime(dialog)).value.wall,
    };
  });
}

/** By how much a program's monotonic clock is behind the true one: nothing, if that is possible. */
function originOf({ from, to }: Span): Span {
  return from <= 0n && to >= 0n ? { from: 0n, to: 0n } : { from: -to, to: -from };
}
