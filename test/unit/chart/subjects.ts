/** Random skews, and what is known of them without the code under test. */
import fc from "fast-check";
import type { Subject } from "../../../src/chart/subject.ts";
import { ALL_TRACKED, type Frame, offsetAt, type Profile, type Track } from "../../../src/skew/profile.ts";

/** Spread evenly over the magnitudes. */
function magnitude(most: number): fc.Arbitrary<bigint> {
  return fc
    .tuple(fc.integer({ min: 0, max: most }), fc.bigInt({ min: 1n, max: 99n }))
    .map(([power, digits]) => {
      return digits * 10n ** BigInt(power);
    });
}

const offset = fc.tuple(fc.constantFrom(-1n, 0n, 1n), magnitude(12)).map(([sign, size]) => sign * size);
const time = magnitude(12);

const frames: fc.Arbitrary<Frame[]> = fc
  .tuple(offset, fc.array(fc.tuple(fc.oneof(time, fc.constant(0n)), offset), { maxLength: 8 }))
  .map(([first, rest]) => {
    const all = [{ at: 0n, offset: first }];
    for (const [later, to] of rest) all.push({ at: all.at(-1)!.at + later, offset: to });
    return all;
  });

const track: fc.Arbitrary<Track> = fc
  .record({ frames, repeats: fc.boolean(), num: offset, den: time })
  .map((t) => {
    const last = t.frames.at(-1)!.at;
    const period = t.repeats && last > 0n ? last : 0n;
    // Slopes from -10 to 10.
    const tail = { num: (t.num % (10n * t.den)) as bigint, den: t.den };
    return { clocks: ALL_TRACKED, period, frames: t.frames, tail };
  });

const noise = fc.record({
  amplitude: magnitude(9),
  every: time,
  seed: fc.bigInt(0n, 2n ** 64n - 1n),
  glides: fc.boolean(),
});

const profile: fc.Arbitrary<Profile> = fc
  .record({
    tracks: fc.array(track, { maxLength: 3 }),
    noise: fc.option(noise, { nil: undefined }),
    duration: fc.oneof(fc.constant(0n), time),
    pause: fc.oneof(fc.constant(0n), time),
  })
  .map(({ pause, ...rest }) => ({ ...rest, every: pause === 0n ? 0n : rest.duration + pause, text: "" }));

export const subject: fc.Arbitrary<Subject> = fc.record({
  base: offset,
  profile: fc.option(profile, { nil: undefined, freq: 20 }),
  clock: fc.constantFrom(0, 1),
  begin: fc.oneof(fc.constant(0n), time),
});

/** A subject, and how long a chart of it is. */
export const charted = fc.tuple(subject, magnitude(14)).map(([one, length]) => {
  return { subject: one, until: one.begin + (length < 1_000n ? 1_000n : length) };
});

/** The model's own word. */
export function truth({ base, profile, clock, begin }: Subject, at: bigint): bigint {
  if (at < begin) return 0n;
  return profile === undefined ? base : offsetAt(base, profile, clock, at - begin);
}

/** Each of up to four parts of a skew is rounded by itself, so between its ends a line can bend by so many ns. */
export const ROUNDING = 4n;

/** A time within [from, until), for a fraction of 0 … 999,999. */
export function timeWithin({ from, until }: { from: bigint; until: bigint }, fraction: number): bigint {
  return from + ((until - from) * BigInt(fraction)) / 1_000_000n;
}
