/** Settings of any kind, as fast-check makes them up; and what a target may have written instead. */
import fc from "fast-check";
import type { Settings } from "../../../src/patch/params.ts";
import type { AnchoredProfile } from "../../../src/patch/profile.ts";
import type { Frame, Noise, Track } from "../../../src/skew/profile.ts";

const u64 = fc.bigInt(0n, 2n ** 64n - 1n);
const i64 = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
const span = fc.oneof(fc.bigInt(1n, 2n ** 63n - 1n), fc.bigInt(1n, 10n ** 10n));
const offset = fc.bigInt(-(2n ** 62n) + 1n, 2n ** 62n - 1n);

/** In order, the first at 0; steps are among them. */
const frames: fc.Arbitrary<readonly Frame[]> = fc
  .array(fc.record({ wait: fc.bigInt(0n, 10n ** 12n), offset }), { minLength: 1, maxLength: 160 })
  .map((steps) => {
    let at = 0n;
    return steps.map(({ wait, offset: value }, i) => {
      at += i === 0 ? 0n : wait;
      return { at, offset: value };
    });
  });

const track: fc.Arbitrary<Track> = fc.record({
  clocks: u64,
  period: fc.oneof(fc.constant(0n), span),
  frames,
  tail: fc.record({ num: i64, den: span }),
});

const noise: fc.Arbitrary<Noise> = fc.record({
  amplitude: fc.bigInt(1n, 2n ** 62n - 1n),
  every: span,
  seed: u64,
  glides: fc.boolean(),
});

export const profile: fc.Arbitrary<AnchoredProfile> = fc.record({
  start: fc.record({ realtime: i64, monotonic: i64, raw: i64, boottime: i64, tai: i64 }),
  duration: fc.constantFrom(0n, 1n, 10n ** 9n),
  every: fc.constantFrom(0n, 10n ** 9n, 10n ** 11n),
  tracks: fc.array(track, { maxLength: 3 }),
  noise: fc.option(noise, { nil: undefined }),
  swing: i64,
  ceiling: i64,
  text: fc.string({ unit: "grapheme", maxLength: 40 }).map((text) => text.replaceAll("\0", "").slice(0, 40)),
});

const constant = fc.record({ generation: u64, mask: u64, offset: i64, skewId: u64, since: i64 });

export const settings: fc.Arbitrary<Settings> = fc
  .tuple(constant, fc.option(profile, { nil: undefined }))
  .map(([each, how]) => ({ ...each, ...(how && { profile: how }) }));
