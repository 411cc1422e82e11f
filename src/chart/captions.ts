/** What the axes are, in words. */
import type { OffsetAxis } from "./axes.ts";
import type { Subject } from "./subject.ts";
import { offsetLabel } from "./ticks.ts";

export function offsetCaption({ origin }: OffsetAxis): string {
  const whole = "offset from the true time";
  return origin === 0n
    ? whole
    : `${whole}, counted from ${offsetLabel(origin, origin < 0n ? -origin : origin)}`;
}

export function timeCaption({ begin }: Subject): string {
  return begin === 0n ? "true time since it began" : "true time from now";
}
