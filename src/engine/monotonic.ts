/**
 * CLOCK_MONOTONIC and its kin never step back in a correct kernel, and real programs stop or abort when they do.
 */
import { TimeskewError } from "../errors.ts";
import { formatDuration } from "../skew/duration.ts";
import { stepsBack } from "../skew/monotone.ts";
import { offsetAt } from "../skew/profile.ts";
import type { Shape } from "../skew/verbs.ts";
import { SOURCES, type Source } from "./model.ts";

/** What each clock is off by at some moment, ns. */
export interface Applied {
  /** Whether there is a skew at all. */
  readonly isSkewed: boolean;
  readonly offsetOf: (source: Source) => bigint;
}

export const NONE: Applied = { isSkewed: false, offsetOf: () => 0n };

/** Clocks that programs trust never to go back. */
const MONOTONE = SOURCES.filter(({ family }) => ["monotonic", "boottime", "raw"].includes(family));
const ANYWAY = "--allow-backward-monotonic if that is what you want to test";

/** Those of a mask that never go back. */
export function monotoneIn(mask: bigint): Source[] {
  return MONOTONE.filter(({ bit }) => mask & bit);
}

/**
 * @param pid undefined: of a program that is yet to be started
 * @param instead what to do to get there without a step, if there is something
 * @throws TimeskewError E_BACKWARD_MONOTONIC if a change from one skew to the other takes such a clock back
 */
export function refuseBackward(pid: number | undefined, from: Applied, to: Applied, instead?: string): void {
  for (const source of MONOTONE) {
    const step = to.offsetOf(source) - from.offsetOf(source);
    if (step >= 0n) continue;
    throw new TimeskewError(
      "E_BACKWARD_MONOTONIC",
      `this would take ${source.name}${ofPid(pid)} back by ${formatDuration(-step)}, which no kernel does; programs abort or hang on it`,
      {
        ...(pid !== undefined && { pid }),
        targetState: from.isSkewed ? "skewed" : "untouched",
        hint: instead === undefined ? `add ${ANYWAY}` : `${instead}, or add ${ANYWAY}`,
      },
    );
  }
}

/**
 * The profile first, as what is to be done about that may change where it begins.
 *
 * @throws TimeskewError E_BACKWARD_MONOTONIC if such a clock would go back, at the beginning of a shape or later
 */
export function refuseBackwardShape(
  pid: number | undefined,
  from: Applied,
  mask: bigint,
  shape: Shape,
): void {
  refuseBackwardProfile(pid, from, mask, shape);
  refuseBackward(pid, from, beginningOf(mask, shape));
}

/** What the clocks are off by when a shape begins. */
function beginningOf(mask: bigint, { base, profile }: Shape): Applied {
  return {
    isSkewed: true,
    offsetOf: ({ bit, clock }) => {
      if (!(mask & bit)) return 0n;
      return profile === undefined ? base : offsetAt(base, profile, clock, 0n);
    },
  };
}

/** Only what the profile itself does: a program that is yet to be started has read no clock that could step back. */
export function refuseBackwardProfile(
  pid: number | undefined,
  from: Applied,
  mask: bigint,
  shape: Shape,
): void {
  for (const { name, clock } of monotoneIn(mask)) {
    const backward = stepsBack(shape, clock);
    if (backward === undefined) continue;
    throw new TimeskewError(
      "E_BACKWARD_MONOTONIC",
      `${name}${ofPid(pid)} would go back, which no kernel does; programs abort or hang on it: ${backward.why}`,
      {
        ...(pid !== undefined && { pid }),
        targetState: from.isSkewed ? "skewed" : "untouched",
        hint: `${backward.instead}; or add ${ANYWAY}`,
      },
    );
  }
}

function ofPid(pid: number | undefined): string {
  return pid === undefined ? "" : ` of pid ${pid}`;
}
