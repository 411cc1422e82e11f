/** How much of a skew a chart shows, where nobody says it: until what it does has been seen. */
import type { Noise, Profile, Track } from "../skew/profile.ts";
import { STEADY, type Subject } from "./subject.ts";
import { stepFor } from "./ticks.ts";

const SECOND = 1_000_000_000n;
const MINUTE = 60n * SECOND;
const HOUR = 60n * MINUTE;
const DAY = 24n * HOUR;

/** What a clock should gain or lose within the chart, if that does not take days; ns. */
const VISIBLE = 100_000_000;

const CYCLES = 3n;
const TURNS = 4n;
const DRAWS = 30n;

/** The chart's time of its right edge, ns, a number that people count in. */
export function horizonOf({ profile = STEADY, begin }: Subject): bigint {
  const length = lengthOf(profile);
  // Rounded up to a tick of an axis with many of them.
  const step = stepFor(length, 20);
  return begin + ((length + step - 1n) / step) * step;
}

function lengthOf({ duration, every, tracks, noise }: Profile): bigint {
  if (every !== 0n) return CYCLES * every;
  // A quarter more, to show that it is over.
  if (duration !== 0n) return duration + (duration + 3n) / 4n;
  const ends = longest([...tracks.map(trackLength), noiseLength(noise)]);
  return ends || longest(tracks.map(tailLength)) || MINUTE;
}

function longest(lengths: readonly bigint[]): bigint {
  return lengths.reduce((most, each) => (each > most ? each : most), 0n);
}

/** Until its frames have been seen; 0n if they are soon over. */
function trackLength({ period, frames }: Track): bigint {
  if (period !== 0n) return TURNS * period;
  const last = frames.at(-1)!.at;
  return last + (last + 1n) / 2n;
}

/** Until what runs evenly has come to something; 0n if nothing does. */
function tailLength({ tail }: Track): bigint {
  if (tail.num === 0n) return 0n;
  const slope = Math.abs(Number(tail.num) / Number(tail.den));
  return [MINUTE, HOUR].find((length) => slope * Number(length) >= VISIBLE) ?? DAY;
}

function noiseLength(noise: Noise | undefined): bigint {
  return noise === undefined ? 0n : DRAWS * noise.every;
}
