/**
 * CLOCK_MONOTONIC and its kin never step back in a correct kernel, and real programs stop or abort when they do.
 */
import { TimeskewError } from "../errors.ts";
import { CLOCKS } from "../skew/clock.ts";
import { formatDuration } from "../skew/duration.ts";

/** An offset, and the clocks it is on (as `ClockSelection.mask`). */
export interface Applied {
  readonly mask: bigint;
  readonly offset: bigint;
}

/** @throws TimeskewError E_BACKWARD_MONOTONIC if a change from one skew to the other takes such a clock back */
export function refuseBackward(pid: number, from: Applied, to: Applied): void {
  for (const { id, name, family } of CLOCKS) {
    if (family !== "monotonic" && family !== "boottime" && family !== "raw") continue;
    const on = ({ mask, offset }: Applied) => ((mask >> BigInt(id)) & 1n ? offset : 0n);
    const step = on(to) - on(from);
    if (step >= 0n) continue;
    throw new TimeskewError(
      "E_BACKWARD_MONOTONIC",
      `this would take ${name} of pid ${pid} back by ${formatDuration(-step)}, which no kernel does; programs abort or hang on it`,
      {
        pid,
        targetState: from.mask === 0n ? "untouched" : "skewed",
        hint: "add --allow-backward-monotonic if that is what you want to test",
      },
    );
  }
}
