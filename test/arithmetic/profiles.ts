/** Worlds that a seed decides: settings of every kind, at every scale, with the extremes among them. */

import type { Settings } from "../../src/patch/params.ts";
import { type AnchoredProfile, NO_CEILING } from "../../src/patch/profile.ts";
import {
  ALL_TRACKED,
  type Frame,
  HOLD,
  MAX_FRAMES,
  MAX_OFFSET,
  type Noise,
  type Profile,
  type Slope,
  type Start,
  type Track,
} from "../../src/skew/profile.ts";
import type { Random } from "../fuzz/random.ts";
import { NAMES, startOn, type World } from "./model.ts";

const SECOND = 1_000_000_000n;
const DAY = 86_400n * SECOND;
const YEAR = 365n * DAY;
const INT64_MAX = 2n ** 63n - 1n;
const EVERYTHING = NAMES.reduce((mask, name) => mask | (1n << BigInt(name)), 0n);

/** ns: what a profile's times and offsets are of the order of. */
const SCALES: readonly bigint[] = [1n, 10n, 1000n, 1_000_000n, SECOND, 3600n * SECOND, DAY, YEAR / 2n];

/** As bigints, 0 … limit - 1. */
function below(random: Random, limit: bigint): bigint {
  return random.u64() % limit;
}

/** -limit … limit, often one of these or 0. */
function around(random: Random, limit: bigint): bigint {
  return random.either(
    () => 0n,
    () => limit,
    () => -limit,
    () => below(random, 2n * limit + 1n) - limit,
    () => below(random, 2n * limit + 1n) - limit,
    () => below(random, 2n * limit + 1n) - limit,
  );
}

function anOffset(random: Random): bigint {
  const offset = around(random, random.oneIn(8) ? MAX_OFFSET - 1n : random.pick(SCALES) * 100n);
  return offset >= MAX_OFFSET ? MAX_OFFSET - 1n : offset <= -MAX_OFFSET ? 1n - MAX_OFFSET : offset;
}

function aSpan(random: Random): bigint {
  return 1n + below(random, random.pick(SCALES) * 100n);
}

/** Rates of 0.001 … 1000, parts per million, and numbers that nobody types. */
function aSlope(random: Random): Slope {
  return random.either(
    () => HOLD,
    () => ({ num: -1n, den: 1n }),
    () => ({ num: BigInt(random.between(-999, 999_000)), den: 1000n }),
    () => ({ num: BigInt(random.between(-500_000, 500_000)), den: 1_000_000n }),
    () => ({ num: BigInt(random.between(-1000, 1000)), den: 1_000_000_000n }),
    () => ({ num: BigInt.asIntN(64, random.odd64()), den: 1n + below(random, INT64_MAX) }),
  );
}

function frames(random: Random, count: number): Frame[] {
  const scale = random.pick(SCALES);
  const height = random.oneIn(10) ? MAX_OFFSET - 1n : random.pick(SCALES);
  let at = 0n;
  return Array.from({ length: count }, (_, i) => {
    if (i > 0 && !random.oneIn(6)) at += random.oneIn(4) ? 1n : 1n + below(random, scale);
    if (at >= MAX_OFFSET) at = MAX_OFFSET - 1n;
    return { at, offset: around(random, height) };
  });
}

function aTrack(random: Random, most: number): Track {
  const line = frames(
    random,
    random.either(
      () => 1,
      () => random.between(1, 4),
      () => random.between(1, most),
    ),
  );
  const last = line.at(-1)!.at;
  const period = random.either(
    () => 0n,
    () => last,
    () => (last > 1n ? 1n + below(random, last) : 1n),
    () => last + aSpan(random),
  );
  const clocks = random.oneIn(3) ? BigInt(random.below(0x1000)) : ALL_TRACKED;
  return { clocks, period, frames: line, tail: aSlope(random) };
}

function aNoise(random: Random): Noise {
  return {
    amplitude: random.oneIn(8) ? MAX_OFFSET - 1n : aSpan(random),
    every: random.oneIn(6) ? 1n : aSpan(random),
    seed: random.u64(),
    glides: random.oneIn(2),
  };
}

/** Readings of a machine, or of any that may be. */
function aStart(random: Random): Start {
  const realtime = random.oneIn(3)
    ? below(random, MAX_OFFSET)
    : 1_790_000_000n * SECOND + below(random, YEAR);
  const boot = random.oneIn(3) ? below(random, MAX_OFFSET) : below(random, 30n * DAY);
  const soon = () => below(random, SECOND);
  return {
    realtime,
    monotonic: boot,
    raw: random.oneIn(9) ? 0n : boot + soon(),
    boottime: boot + soon(),
    tai: realtime + 37n * SECOND,
  };
}

function aProfile(random: Random): AnchoredProfile {
  const count = random.below(4);
  const duration = random.oneIn(2) ? 0n : aSpan(random);
  return {
    start: aStart(random),
    duration,
    every: random.oneIn(2) ? 0n : duration + aSpan(random),
    tracks: Array.from({ length: count }, () => aTrack(random, Math.floor(MAX_FRAMES / count))),
    noise: random.oneIn(2) ? aNoise(random) : undefined,
    text: "generated",
    swing: 0n,
    ceiling: NO_CEILING,
  };
}

function someSettings(random: Random, profile: AnchoredProfile | undefined): Settings {
  const offset = anOffset(random);
  return {
    generation: 1n + random.u64() / 4n,
    mask: random.oneIn(4) ? random.u64() & EVERYTHING : EVERYTHING,
    offset,
    skewId: random.u64(),
    since: 0n,
    ...(profile === undefined ? {} : { profile: { ...profile, ...boundsOf(offset, profile) } }),
  };
}

/** As a planner gives them, and no tighter. */
function boundsOf(base: bigint, { tracks, noise, every }: Profile): { swing: bigint; ceiling: bigint } {
  const highest = ({ frames: line, tail }: Track, until: bigint): bigint => {
    const last = line.at(-1)!;
    const end = last.offset + ((until > last.at ? until - last.at : 0n) * tail.num) / tail.den + 1n;
    return line.reduce((most, { offset }) => (offset > most ? offset : most), end > 0n ? end : 0n);
  };
  const amplitude = noise?.amplitude ?? 0n;
  const periodic = tracks.filter(({ period }) => period !== 0n);
  const swing = periodic.reduce((sum, track) => sum + highest(track, track.period), amplitude);
  const ceiling = tracks.reduce(
    (sum, track) => sum + highest(track, track.period || every),
    base + amplitude,
  );
  const cut = (bound: bigint) => (bound > NO_CEILING ? NO_CEILING : bound);
  return { swing: cut(swing), ceiling: every === 0n ? NO_CEILING : cut(ceiling) };
}

/** A profile, and another, or a constant, that it leaves the time before its start to. */
export function aWorld(random: Random): World & { profile: AnchoredProfile } {
  const profile = aProfile(random);
  const other = random.either(
    () => undefined,
    () => aProfile(random),
    // Begins shortly before the one in force.
    () => ({ ...aProfile(random), start: shifted(profile.start, -aSpan(random)) }),
  );
  const active = someSettings(random, profile);
  const idle = someSettings(random, other);
  const index = random.oneIn(2) ? 1 : 0;
  return { slots: index === 0 ? [active, idle] : [idle, active], index, profile };
}

function shifted(start: Start, by: bigint): Start {
  const { realtime, monotonic, raw, boottime, tai } = start;
  const to = (time: bigint) => (time + by < 0n ? 0n : time + by);
  return {
    realtime: to(realtime),
    monotonic: to(monotonic),
    raw: to(raw),
    boottime: to(boottime),
    tai: to(tai),
  };
}

/** True times of a clock at which something may go wrong by one: beginnings, ends, and anywhere. */
export function timesOf(random: Random, profile: AnchoredProfile, name: number, count: number): bigint[] {
  const start = startOn(profile.start, name);
  return Array.from({ length: count }, () => {
    const time = start + elapsedOf(random, profile) + BigInt(random.between(-1, 1));
    return time < 0n ? 0n : time > INT64_MAX ? INT64_MAX : time;
  });
}

function elapsedOf(random: Random, profile: AnchoredProfile): bigint {
  const { every, duration, noise, tracks } = profile;
  const cycle = every * turn(random);
  const track = tracks.length === 0 ? undefined : random.pick(tracks);
  return random.either(
    () => 0n,
    () => -aSpan(random),
    () => cycle,
    () => cycle + duration,
    () => cycle + (noise?.every ?? 1n) * turn(random),
    () =>
      cycle +
      (track === undefined ? aSpan(random) : track.period * turn(random) + random.pick(track.frames).at),
    () => cycle + (track === undefined ? 0n : below(random, track.frames.at(-1)!.at + 2n)),
    () => cycle + aSpan(random),
    () => aSpan(random),
    () => YEAR + aSpan(random),
    () => below(random, INT64_MAX),
  );
}

/** How many times something has come before: few, or very many. */
function turn(random: Random): bigint {
  return random.either(
    () => 0n,
    () => 1n,
    () => BigInt(random.below(1000)),
    () => BigInt(random.u32()),
  );
}
