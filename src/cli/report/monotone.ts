/** What clocks that never go back would say to a skew. */
import { type Clock, type ClockSelection, clockOf } from "../../skew/clock.ts";
import { formatDuration } from "../../skew/duration.ts";
import { stepsBack } from "../../skew/monotone.ts";
import { offsetAt } from "../../skew/profile.ts";
import type { Shape, Verbs } from "../../skew/verbs.ts";

/** Of the first clock selected that refuses it; of CLOCK_MONOTONIC, if no such clock is selected, but could be. */
export function backwardNotes(
  verbs: Verbs,
  shape: Shape,
  { clocks }: Pick<ClockSelection, "clocks">,
): string[] {
  const selected = clocks.map(clockOf).filter(({ since1970, perProcess }) => !since1970 && !perProcess);
  if (selected.length > 0) {
    return selected.flatMap((clock) => refusal(shape, clock, "inject refuses this for")).slice(0, 1);
  }
  const needsDates = verbs.at !== undefined || verbs.leap !== undefined;
  return needsDates
    ? []
    : refusal(shape, clockOf("CLOCK_MONOTONIC"), "for wall clocks only: inject refuses it for");
}

function refusal(shape: Shape, { id, name }: Clock, words: string): string[] {
  const backward = stepsBack(shape, id) ?? stepAtBegin(shape, id);
  return backward === undefined ? [] : [`${words} ${name}: ${backward.why}; ${backward.instead}`];
}

/** On a clock that has been right until then. */
function stepAtBegin({ base, profile }: Shape, clock: number): ReturnType<typeof stepsBack> {
  const offset = profile === undefined ? base : offsetAt(base, profile, clock, 0n);
  if (offset >= 0n) return undefined;
  return {
    why: `it begins with a step back by ${formatDuration(-offset)}`,
    instead: "glide there, by --slew",
  };
}
