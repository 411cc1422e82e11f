/**
 * Reads the clocks of the host, and makes what the probe brought from a target comparable with them.
 */

import type { ProbeReading } from "../patch/params.ts";
import { CLOCKS, type ClockFamily, type ClockSelection, type TrueReadings } from "../skew/clock.ts";
import { type ClockShift, NO_SHIFT } from "../target/timens.ts";
import { hostClock } from "../tracer/native.ts";
import type { ClockReading } from "../types.ts";
import { type InForce, offsetWithin, SOURCES, type Source, shownBy, shownWithin } from "./model.ts";

/** Every clock and function that a probe can read, as a mask. */
export const ALL_CLOCKS = SOURCES.reduce((mask, { bit }) => mask | bit, 0n);

/** One value for each clock id, in ns; undefined where the kernel has no such clock. */
export type HostClocks = ReadonlyMap<number, bigint | undefined>;

/** One clock of each family, by which `TrueReadings` are told. */
const LEADING = CLOCKS.filter(({ id }) => [0, 1, 4, 7, 11].includes(id));

/**
 * The host's clocks as a process sees them that nobody has skewed.
 *
 * @param shift by the process's time namespace; a clock is undefined where that is unknown
 */
export function readHostClocks(shift: ClockShift | "unknown" = NO_SHIFT, clocks = CLOCKS): HostClocks {
  return new Map(
    clocks.map(({ id, family }) => {
      const now = hostClock(id);
      const ahead = aheadBy(shift, family);
      return [id, now === undefined || ahead === undefined ? undefined : now + ahead];
    }),
  );
}

function aheadBy(shift: ClockShift | "unknown", family: ClockFamily): bigint | undefined {
  if (family !== "monotonic" && family !== "raw" && family !== "boottime") return 0n;
  if (shift === "unknown") return undefined;
  return family === "boottime" ? shift.boottime : shift.monotonic;
}

/** Of one clock of each family only: they are read at one moment, as far as that is possible. */
export function readLeadingClocks(shift: ClockShift): TrueReadings {
  return trueReadings(readHostClocks(shift, LEADING));
}

export function trueReadings(host: HostClocks = readHostClocks()): TrueReadings {
  const of = (id: number) => host.get(id) ?? 0n;
  return { realtime: of(0), monotonic: of(1), raw: of(4), boottime: of(7), tai: of(11) };
}

/**
 * @param before the host's clocks, read before the probe ran, and after
 * @param inForce the settings by which the target read
 */
export function compare(
  probe: readonly ProbeReading[],
  wanted: bigint,
  before: HostClocks,
  after: HostClocks,
  inForce: InForce,
): ClockReading[] {
  return SOURCES.filter(({ bit }) => wanted & bit).map((source) => {
    const { result, value, ...original } = probe[source.reading]!;
    const target = result === 0n ? value : undefined;
    const host = hostBracket(source, original, before.get(source.clock), after.get(source.clock));
    const middle = host && host.low + (host.high - host.low) / 2n;
    return {
      name: source.name,
      target,
      host: middle,
      difference: target === undefined || middle === undefined ? undefined : target - middle,
      uncertainty: host === undefined ? 0n : uncertaintyOf(source, host, inForce),
      selected: (inForce.settings.mask & source.bit) !== 0n,
    };
  });
}

interface Bracket {
  readonly low: bigint;
  readonly high: bigint;
}

/** That of the true time, and what the skew itself may have changed meanwhile: a step may lie in between. */
function uncertaintyOf(source: Source, { low, high }: Bracket, inForce: InForce): bigint {
  const own = (high - low + 1n) / 2n + (source.unit - 1n);
  const offset = offsetWithin(inForce, source, low, high);
  return offset === undefined ? own : own + offset.high - offset.low;
}

/**
 * What speaks against the settings that stand in a target, of what it has read by them; undefined: nothing. A second
 * opinion: the payload has judged by its own arithmetic.
 */
export function contradiction(
  probe: readonly ProbeReading[],
  wanted: bigint,
  inForce: InForce,
): string | undefined {
  for (const source of SOURCES) {
    const { result, value, before, after } = probe[source.reading]!;
    if (!(wanted & source.bit) || result !== 0n) continue;
    const shown = shownWithin(inForce, source, before, after);
    const cut = (time: bigint) => time - (time % source.unit);
    if (shown === undefined || (cut(shown.low) <= value && value <= cut(shown.high))) continue;
    return `${source.name} reads ${value} ns, and should read ${shown.low} … ${shown.high}`;
  }
  return undefined;
}

/**
 * Between which two values the host's clock was when the target read its own. The original function, called in the
 * target right before and after, tells it within some ten nanoseconds, provided that it agrees with the host at all:
 * in a time namespace, or under somebody else's patch, it does not.
 */
function hostBracket(
  { perProcess, unit }: Source,
  original: { before: bigint; after: bigint },
  low: bigint | undefined,
  high: bigint | undefined,
): Bracket | undefined {
  if (perProcess || low === undefined || high === undefined) return undefined;
  const agrees = low <= original.before && original.before <= original.after && original.after <= high;
  const bracket = agrees ? { low: original.before, high: original.after } : { low, high };
  // A function that cuts its result is compared with a clock that is cut as well.
  return { low: bracket.low - (bracket.low % unit), high: bracket.high - (bracket.high % unit) };
}

/** What a running target reads by settings that were read back from it. */
export function predict(
  selection: ClockSelection,
  inForce: InForce,
  shift: ClockShift | "unknown" = NO_SHIFT,
): ClockReading[] {
  const host = readHostClocks(shift);
  return SOURCES.filter(({ bit, clock }) => selection.mask & bit && host.get(clock) !== undefined).flatMap(
    (source) => {
      if (source.perProcess) return [];
      const now = host.get(source.clock)!;
      const cut = (value: bigint) => value - (value % source.unit);
      const target = cut(shownBy(inForce, source, now));
      return [
        {
          name: source.name,
          target,
          host: cut(now),
          difference: target - cut(now),
          uncertainty: source.unit - 1n,
          selected: true,
        },
      ];
    },
  );
}
