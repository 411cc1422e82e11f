/**
 * The true time, as this process reads it: it is never a target itself. Good to a millisecond, which is
 * enough to watch a program from outside; readings exact to the nanosecond come from clocks.c, which knows
 * the truth in its own process.
 */

export const MICROSECOND = 1_000n;
export const MILLISECOND = 1_000_000n;
export const SECOND = 1_000_000_000n;
export const MINUTE = 60n * SECOND;
export const DAY = 1440n * MINUTE;

/** What lies between two times, or two differences, in ns. */
export interface Span {
  from: bigint;
  to: bigint;
}

export interface Bracketed<T> {
  value: T;
  /** The wall clock and CLOCK_MONOTONIC while the value was read. */
  wall: Span;
  monotonic: Span;
}

/** Does something and says between which times it happened. */
export async function bracket<T>(read: () => Promise<T>): Promise<Bracketed<T>> {
  const wallFrom = BigInt(Date.now()) * MILLISECOND;
  const monotonicFrom = process.hrtime.bigint();
  const value = await read();
  const wallTo = BigInt(Date.now() + 1) * MILLISECOND;
  return {
    value,
    wall: { from: wallFrom, to: wallTo },
    monotonic: { from: monotonicFrom, to: process.hrtime.bigint() },
  };
}

/** By how much a reading that was cut to `unit` differs from the truth. */
export function difference(reading: bigint, unit: bigint, truth: Span): Span {
  return { from: reading - truth.to, to: reading + unit - truth.from };
}

/** How far a difference (or the change from one to another) is from what it should be: 0n is right. */
export function distance(found: Span, expected: bigint): bigint {
  if (expected < found.from) return found.from - expected;
  if (expected > found.to) return found.to - expected;
  return 0n;
}

/** The change from one difference to another. */
export function change(before: Span, after: Span): Span {
  return { from: after.from - before.to, to: after.to - before.from };
}
