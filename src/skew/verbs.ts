/**
 * The vocabulary of skews: what can be said about a clock, what goes together, and what it means in numbers.
 * One line each is in README.md; `shapeOf` (shape.ts) makes the function of time (profile.ts) of it.
 */
import { TimeskewError } from "../errors.ts";
import { type ClockSelection, clockOf } from "./clock.ts";
import type { Frame, Noise, Slope } from "./profile.ts";

export { parseVerbs } from "./verbs/parse.ts";
export { type Shape, shapeOf } from "./verbs/shape.ts";
export { MAX_TEXT } from "./verbs/text.ts";

/** A duration: as `parseDuration` reads it, or ns. */
type Span = string | bigint | undefined;

/** As typed, or as a program passes it to the library; each named like its flag. */
export interface VerbTexts {
  /** How far the clock is moved. Without it and `at`: as far as it is already (a fresh target: not at all). */
  readonly offset?: Span;
  /** What the wall clock reads when it begins; as `parseInstant` reads it. */
  readonly at?: string | undefined;
  /** It stands still. */
  readonly freeze?: boolean | undefined;
  /** As `parseRate` reads it. */
  readonly rate?: string | undefined;
  /** As `parseDrift` reads it; added to the rate. */
  readonly drift?: string | undefined;
  /** From where it begins to this offset, evenly in `over`; from there on it is held. */
  readonly slew?: Span;
  readonly over?: Span;
  /** Added to where it begins. */
  readonly keyframes?: readonly Frame[] | undefined;
  /** From the last key frame to the first, again and again. */
  readonly repeat?: boolean | undefined;
  /** Forth by this for one `period`, back for one, and so on. */
  readonly strobe?: Span;
  readonly period?: Span;
  /** A new random offset of at the most this, in both directions, in each `jitterEvery` (1s). */
  readonly jitter?: Span;
  readonly jitterEvery?: Span;
  /** From one random offset to the next along a line. */
  readonly jitterGlide?: boolean | undefined;
  /** 0 … 2^64 − 1, decimal or 0x…; the same one gives the same jitter. */
  readonly seed?: string | bigint | undefined;
  /** "insert": 23:59:59 comes twice; "delete": it does not come. As Linux does it. */
  readonly leap?: string | undefined;
  /** The instant after the leap second, by the target's clock; its next midnight in UTC. */
  readonly leapAt?: string | undefined;
  /** Instead of a step: spread over this time of the target's clock, its middle at `leapAt`. */
  readonly smear?: Span;
  /** Then the true time. */
  readonly duration?: Span;
  /** How often it begins anew. */
  readonly every?: Span;
  /** How much later it begins. */
  readonly startIn?: Span;
}

/** Checked, in numbers; ns. */
export interface Verbs {
  readonly offset: bigint | undefined;
  /** Since 1970. */
  readonly at: bigint | undefined;
  readonly freeze: boolean;
  readonly rate: Slope | undefined;
  readonly drift: Slope | undefined;
  /** Of both together: offset ns per true ns. */
  readonly slope: Slope;
  readonly slew: { readonly to: bigint; readonly over: bigint } | undefined;
  /** `period` 0n: they come once. */
  readonly keyframes: { readonly frames: readonly Frame[]; readonly period: bigint } | undefined;
  readonly strobe: { readonly by: bigint; readonly period: bigint } | undefined;
  readonly noise: Noise | undefined;
  readonly leap: Leap | undefined;
  /** 0n: for ever. */
  readonly duration: bigint;
  /** 0n: never. */
  readonly every: bigint;
  readonly startIn: bigint;
  /** What makes it up, as it can be typed again; at the most MAX_TEXT bytes. */
  readonly text: string;
}

export interface Leap {
  readonly kind: "insert" | "delete";
  /** ns since 1970 by the target's clock; undefined: its next midnight. */
  readonly at: bigint | undefined;
  /** 0n: a step. */
  readonly smear: bigint;
}

/** Whether the offset never changes by itself: then there is no profile, and the fast path of the payload is taken. */
export function isConstant(verbs: Verbs): boolean {
  const { freeze, slope, slew, keyframes, strobe, noise, leap, duration, startIn } = verbs;
  const moves = [slew, keyframes, strobe, noise, leap].some((each) => each !== undefined);
  return !freeze && slope.num === 0n && !moves && duration === 0n && startIn === 0n;
}

/** Whether it was said where the clock begins. If not, it goes on from where it is. */
export function jumps({ offset, at }: Verbs): boolean {
  return offset !== undefined || at !== undefined;
}

/** Whether what the clocks read at the beginning must be known before ("known"), or just happens ("flip"). */
export function anchor({ at, leap }: Verbs): "flip" | "known" {
  return at !== undefined || leap !== undefined ? "known" : "flip";
}

/** ns. */
export function startIn(verbs: Verbs): bigint {
  return verbs.startIn;
}

/**
 * Refuses clocks that the verbs have no meaning for.
 *
 * @throws TimeskewError E_CLOCK
 */
export function checkClocks(verbs: Verbs, selection: ClockSelection): void {
  const clocks = selection.clocks.map(clockOf);
  const dated = verbs.at !== undefined ? "--at" : verbs.leap !== undefined ? "--leap" : undefined;
  const undated = clocks.find(({ since1970 }) => !since1970);
  if (dated !== undefined && undated !== undefined) {
    throw wrongClock(
      `${dated} needs wall clocks: ${undated.name} knows no dates, it counts from ${undated.perProcess ? "0" : "boot"}`,
      dated === "--at"
        ? "give that clock an --offset, in a call of its own, or leave it out of --clock"
        : "leave it out of --clock",
    );
  }
  const cpu = clocks.find(({ perProcess }) => perProcess);
  if (cpu !== undefined && !isConstant(verbs)) {
    throw wrongClock(
      `${cpu.name} counts time spent computing, from 0 in each process or thread: no moment is the same for all of them`,
      "of these clocks only a constant --offset is possible; leave it out of --clock",
    );
  }
  if (verbs.leap?.smear === 0n && clocks.every(({ family }) => family === "tai")) {
    throw wrongClock(
      "--leap does nothing to CLOCK_TAI, which has no leap seconds",
      "add CLOCK_REALTIME to --clock, or spread it with --smear, which CLOCK_TAI follows",
    );
  }
}

function wrongClock(message: string, hint: string): TimeskewError {
  return new TimeskewError("E_CLOCK", message, { hint });
}
