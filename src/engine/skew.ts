/**
 * From what the user asked for to the settings in a target, and back.
 */
import { readFileSync } from "node:fs";
import type { Found } from "../patch/find.ts";
import type { Settings } from "../patch/params.ts";
import type { AnchoredProfile } from "../patch/profile.ts";
import { ceilingOf, swingOf } from "../skew/bounds.ts";
import {
  type ClockSelection,
  expandClocks,
  parseClocks,
  selectionFromMask,
  type TrueReadings,
} from "../skew/clock.ts";
import { type Profile, pieceAt, type Start } from "../skew/profile.ts";
import { checkClocks, parseVerbs, type Shape, type Verbs } from "../skew/verbs.ts";
import { type ClockShift, NO_SHIFT } from "../target/timens.ts";
import { hostClock } from "../tracer/native.ts";
import type { RunningProfile, Skew, SkewSettings, SkewState } from "../types.ts";
import { courseAt, type InForce, leadingSource, type Source, TRUE_TIME, timeOf } from "./model.ts";
import type { Applied } from "./monotonic.ts";
import { ALL_CLOCKS, readLeadingClocks } from "./readings.ts";

const REALTIME = 0;

export interface Request {
  readonly verbs: Verbs;
  readonly selection: ClockSelection;
}

/**
 * Reads the flags' texts.
 *
 * @throws TimeskewError E_USAGE, E_DURATION, E_CLOCK, E_RANGE
 */
export function parseRequest({ clocks = [], exact = false, ...texts }: SkewSettings): Request {
  const verbs = parseVerbs(texts);
  const selection = expandClocks(parseClocks(clocks), { exact });
  checkClocks(verbs, selection);
  return { verbs, selection };
}

export type NewSettings = Omit<Settings, "generation">;

/** What tells one skew from the next: 64 bits, and when it was made, ns since 1970. */
export type Identity = Pick<Settings, "skewId" | "since">;

export function newIdentity(): Identity {
  return { skewId: randomId(), since: hostClock(REALTIME) ?? 0n };
}

/** Settings of a skew, of a new one if nothing else is said. */
export function settingsOf(
  mask: bigint,
  { base, profile }: Shape,
  start: Start,
  identity = newIdentity(),
): NewSettings {
  return {
    mask,
    offset: base,
    ...identity,
    ...(profile && { profile: anchored(base, profile, start) }),
  };
}

/** As people see it: 16 hexadecimal digits. */
export function formatId(skewId: bigint): string {
  return skewId.toString(16).padStart(16, "0");
}

export function anchored(base: bigint, profile: Profile, start: Start): AnchoredProfile {
  return { ...profile, start, swing: swingOf(profile), ceiling: ceilingOf({ base, profile }) };
}

/**
 * 64 random bits, of the 122 in the kernel's UUID: to load Node's crypto costs a command 2 ms. A root folder may have no
 * /dev/urandom, and a /proc with `subset=pid` no UUID.
 */
function randomId(): bigint {
  try {
    const uuid = readFileSync("/proc/sys/kernel/random/uuid", "latin1").trim();
    return BigInt(`0x${uuid.slice(0, 8)}${uuid.slice(-8)}`);
  } catch {
    return crypto.getRandomValues(new BigUint64Array(1))[0]!;
  }
}

/** The settings of a target; the true time of one that is not skewed. */
export function inForceIn(found: Found): InForce {
  return found.state === "skewed" ? { settings: found.settings, before: found.idle.settings } : TRUE_TIME;
}

/**
 * What the clocks truly read in a target now. Where its time namespace does not tell by how much they are shifted, a
 * profile does: all its starts are of one instant.
 */
export function nowIn(
  shift: ClockShift | "unknown",
  { settings: { profile } }: InForce = TRUE_TIME,
): TrueReadings {
  const now = readLeadingClocks(shift === "unknown" ? NO_SHIFT : shift);
  if (shift !== "unknown" || profile === undefined) return now;
  const { start } = profile;
  const elapsed = now.realtime - start.realtime;
  return {
    ...now,
    monotonic: start.monotonic + elapsed,
    raw: start.raw + elapsed,
    boottime: start.boottime + elapsed,
  };
}

/**
 * The skew that settings describe; undefined for settings that skew nothing. They are read from the target, which may
 * have written anything there: clocks that we do not know are left out.
 */
export function skewOf(inForce: InForce, now: TrueReadings): Skew | undefined {
  const { settings } = inForce;
  if (settings.mask === 0n) return undefined;
  const { clocks, gettimeofday, time } = selectionFromMask(settings.mask & ALL_CLOCKS);
  const source = leadingSource(settings.mask);
  const offset = source && courseAt(inForce, source, timeOf(source, now)).offset;
  return {
    id: formatId(settings.skewId),
    offset: offset ?? settings.offset,
    profile: source && profileOf(inForce, source, timeOf(source, now)),
    clocks,
    gettimeofday,
    time,
    since: settings.since,
  };
}

function profileOf(inForce: InForce, source: Source, time: bigint): RunningProfile | undefined {
  const { profile } = inForce.settings;
  if (profile === undefined || source.family === "cpu") return undefined;
  const course = courseAt(inForce, source, time);
  const start = profile.start[source.family];
  const phase = phaseOf(course, time < start);
  if (phase === "running" && isSteady(profile)) return undefined;
  return {
    text: profile.text,
    phase,
    rate: 1 + course.slope,
    next: nextOf(profile, phase, start, source, time),
    seed: profile.noise?.seed.toString(),
  };
}

function phaseOf({ isOver, until }: { isOver: boolean; until: bigint | undefined }, isEarly: boolean) {
  if (isEarly) return "waiting";
  if (!isOver) return "running";
  return until === undefined ? "ended" : "paused";
}

/** Whether it is a constant, once it has begun. */
export function isSteady({ tracks, noise, duration }: Profile): boolean {
  return tracks.length === 0 && noise === undefined && duration === 0n;
}

/** The next number of a jitter is no news: only what else happens. */
function nextOf(
  profile: AnchoredProfile,
  phase: RunningProfile["phase"],
  start: bigint,
  { clock }: Source,
  time: bigint,
): RunningProfile["next"] {
  if (phase === "waiting") return { in: start - time, what: "starts" };
  const elapsed = time - start;
  const { until } = pieceAt(0n, { ...profile, noise: undefined }, clock, elapsed);
  if (until === undefined) return undefined;
  const { duration, every } = profile;
  const stops = duration !== 0n && (every === 0n ? until : until % every) === duration;
  const what = phase === "paused" ? "starts" : stops ? (every === 0n ? "ends" : "stops") : "changes";
  return { in: until - elapsed, what };
}

/** The skew that is in force in a target. */
export function skewIn(found: Found, shift: ClockShift | "unknown"): Skew | undefined {
  const inForce = inForceIn(found);
  return skewOf(inForce, nowIn(shift, inForce));
}

/** What is told about a target: the same as what was found, or that it is over. */
export function stateOf({ state }: Found, skew: Skew | undefined): SkewState {
  return skew?.profile?.phase === "ended" ? "ended" : state;
}

/** What each clock of a target is off by, for comparison. */
export function appliedIn(inForce: InForce, now: TrueReadings): Applied {
  return {
    isSkewed: inForce.settings.mask !== 0n,
    offsetOf: (source) => courseAt(inForce, source, timeOf(source, now)).offset,
  };
}
