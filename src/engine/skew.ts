/**
 * From what the user asked for to the settings in a target, and back.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { TimeskewError } from "../errors.ts";
import type { Found } from "../patch/find.ts";
import { RATE_ONE, type Settings } from "../patch/params.ts";
import {
  type ClockSelection,
  checkRange,
  expandClocks,
  parseClocks,
  selectionFromMask,
} from "../skew/clock.ts";
import { parseDuration } from "../skew/duration.ts";
import { type ClockShift, NO_SHIFT } from "../target/timens.ts";
import { hostClock } from "../tracer/native.ts";
import type { Skew, SkewSettings } from "../types.ts";
import { ALL_CLOCKS, readHostClocks, trueReadings } from "./readings.ts";

const REALTIME = 0;

export interface Request {
  readonly offset: bigint;
  readonly selection: ClockSelection;
  /** As Settings.rate. */
  readonly rate: bigint;
}

/**
 * What profiles will be made of. So far it is for waits alone: relative ones take as long as by a CLOCK_MONOTONIC that
 * runs at this rate.
 */
export interface RateSetting {
  /** Skewed seconds per true second, 0.001 to 1000; default 1. */
  waitRate?: number;
}

/**
 * Reads the flags' texts.
 *
 * @param shift of the target's time namespace: what its clocks read decides how far they can be moved
 * @throws TimeskewError E_DURATION, E_CLOCK, E_RANGE
 */
export function parseRequest(
  { offset, clocks = [], exact = false, waitRate = 1 }: SkewSettings & RateSetting,
  shift: ClockShift | "unknown" = NO_SHIFT,
): Request {
  const selection = expandClocks(parseClocks(clocks), { exact });
  const ns = typeof offset === "bigint" ? offset : parseDuration(offset);
  checkRange(ns, selection, trueReadings(readHostClocks(shift === "unknown" ? NO_SHIFT : shift)));
  if (!(waitRate >= 0.001 && waitRate <= 1000))
    throw new TimeskewError("E_RANGE", `no clock runs at ${waitRate}`);
  return { offset: ns, selection, rate: BigInt(Math.round(waitRate * Number(RATE_ONE))) };
}

/** Settings that begin now, under a new skew id. */
export function settingsOf({ offset, selection, rate }: Request): Omit<Settings, "generation"> {
  return {
    mask: selection.mask,
    offset,
    skewId: randomId(),
    since: hostClock(REALTIME) ?? 0n,
    rate,
  };
}

/** 64 random bits. Loading node:crypto would cost a command 2 ms. */
function randomId(): bigint {
  const bytes = Buffer.alloc(8);
  const source = openSync("/dev/urandom", "r");
  readSync(source, bytes);
  closeSync(source);
  return bytes.readBigUInt64LE();
}

/**
 * The skew that settings describe; undefined for settings that skew nothing. They are read from the target, which may
 * have written anything there: clocks that we do not know are left out.
 */
export function skewOf(settings: Omit<Settings, "generation">): Skew | undefined {
  if (settings.mask === 0n) return undefined;
  const { clocks, gettimeofday, time } = selectionFromMask(settings.mask & ALL_CLOCKS);
  return {
    id: settings.skewId.toString(16).padStart(16, "0"),
    offset: settings.offset,
    clocks,
    gettimeofday,
    time,
    since: settings.since,
  };
}

/** The skew that is in force in a target. */
export function skewIn(found: Found): Skew | undefined {
  return found.state === "skewed" ? skewOf(found.settings) : undefined;
}

/** What a target's clocks are off by now, for comparison. */
export function appliedIn(found: Found): { mask: bigint; offset: bigint } {
  return found.state === "skewed" ? found.settings : { mask: 0n, offset: 0n };
}
