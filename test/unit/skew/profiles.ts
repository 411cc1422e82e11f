/** Profiles so small that all their moments can be looked at. */
import fc from "fast-check";
import { ALL_TRACKED, type Frame, type Noise, type Profile, type Track } from "../../../src/skew/profile.ts";
import type { Shape } from "../../../src/skew/verbs.ts";

/** Longer than a few cycles of any of them. */
export const HORIZON = 260;

const small = (min: number, max: number) => fc.integer({ min, max }).map(BigInt);

const frames: fc.Arbitrary<Frame[]> = fc
  .array(fc.record({ gap: small(0, 8), offset: small(-12, 12) }), { minLength: 1, maxLength: 5 })
  .map((steps) => {
    let at = 0n;
    return steps.map(({ gap, offset }, index) => {
      if (index > 0) at += gap;
      return { at, offset };
    });
  });

/** Which clocks: all, or all but clock 11. */
const clocks = fc.constantFrom(ALL_TRACKED, ALL_TRACKED & ~(1n << 11n));

export const track: fc.Arbitrary<Track> = fc.record({
  clocks,
  period: fc.oneof(fc.constant(0n), small(1, 30)),
  frames,
  tail: fc.record({ num: small(-4, 4), den: small(1, 4) }),
});

const noise: fc.Arbitrary<Noise> = fc.record({
  amplitude: small(1, 6),
  every: small(1, 16),
  seed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  glides: fc.boolean(),
});

const window = fc.oneof(
  fc.constant({ duration: 0n, every: 0n }),
  small(1, 40).map((duration) => ({ duration, every: 0n })),
  fc.tuple(small(1, 30), small(1, 30)).map(([duration, rest]) => ({ duration, every: duration + rest })),
  small(1, 40).map((every) => ({ duration: 0n, every })),
);

export const shape: fc.Arbitrary<Shape & { profile: Profile }> = shapeWith(
  fc.array(track, { maxLength: 3 }),
  fc.option(noise, { nil: undefined }),
);

/** With one track and nothing else. */
export const plainShape = shapeWith(
  track.map((only) => [only]),
  fc.constant(undefined),
);

function shapeWith(tracks: fc.Arbitrary<Track[]>, noises: fc.Arbitrary<Noise | undefined>) {
  return fc
    .record({ base: small(-15, 15), window, tracks, noise: noises })
    .map(({ base, window, ...rest }) => ({ base, profile: { ...window, ...rest, text: "" } }));
}
