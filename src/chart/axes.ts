/** The two axes of a chart, for as much room as there is. */
import type { View } from "./curve.ts";
import type { Range } from "./range.ts";
import { offsetLabel, STEPS, stepFor, type Tick, ticksBetween, timeLabel } from "./ticks.ts";

/** Offsets: `low` and `high` are ticks, and every offset lies between them. */
export interface OffsetAxis extends Range {
  /** What the labels count from. */
  readonly origin: bigint;
  /** Ascending; `at` are offsets, not distances from the origin. */
  readonly ticks: readonly Tick[];
}

/** So many times as far from zero as it moves: then the movement is what is to be seen. */
const FAR = 20n;

const SECOND = 1_000_000_000n;

/** Whether zero is so far away that nothing would be seen of the changes if it were in the chart. */
export function isFarFromZero({ low, high }: Range): boolean {
  const distance = low > 0n ? low : high < 0n ? -high : 0n;
  return high > low && distance > FAR * (high - low);
}

/**
 * @param origin what labels count from, ns; it is on the axis
 * @param most how many parts the axis may have; it can become one more
 */
export function offsetAxis(range: Range, origin: bigint, most: number): OffsetAxis {
  const [bottom, top] = [least(range.low - origin, 0n), greatest(range.high - origin, 0n)];
  const step = stepFor(greatest(top - bottom, 1n), most);
  const isFlat = top === bottom;
  const low = isFlat ? -SECOND : -ceiling(-bottom, step);
  const high = isFlat ? SECOND : ceiling(top, step);
  const ticks = ticksBetween(low, high, isFlat ? SECOND : step, offsetLabel);
  return {
    origin,
    low: low + origin,
    high: high + origin,
    ticks: ticks.map(({ at, label }) => ({ at: at + origin, label })),
  };
}

/** Ticks from now on (what lies before is only a run-up), as close together as `fits` lets them be. */
export function timeTicks({ from, until }: View, fits: (ticks: readonly Tick[]) => boolean): Tick[] {
  const first = from < 0n ? 0n : from;
  let ticks: Tick[] = [];
  for (const step of STEPS.slice(STEPS.indexOf(stepFor(until - first, 24)))) {
    ticks = ticksBetween(first, until, step, timeLabel);
    if (fits(ticks)) break;
  }
  return ticks;
}

/** To the next multiple of `step`, for a value not below 0. */
function ceiling(value: bigint, step: bigint): bigint {
  return ((value + step - 1n) / step) * step;
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function greatest(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
