/** From what was typed to numbers; each complaint names its flag. */
import { nearest } from "../../nearest.ts";
import { checkFrames } from "../keyframes.ts";
import { MAX_OFFSET, type Noise } from "../profile.ts";
import { addSlopes, compare, LEAST_RATE, parseDrift, parseRate, STILL, TRUE_RATE } from "../ratio.ts";
import type { Leap, Verbs, VerbTexts } from "../verbs.ts";
import { checkCompany } from "./company.ts";
import { textOf } from "./text.ts";
import {
  bounded,
  instant,
  lasting,
  notUsable,
  optional,
  outOfRange,
  SECOND,
  SHORTEST,
  span,
} from "./values.ts";

const UINT64_END = 2n ** 64n;

/**
 * Reads what was typed, and checks that it goes together.
 *
 * @throws TimeskewError E_USAGE, E_DURATION or E_RANGE; the message names the flags, the hint what to use instead
 */
export function parseVerbs(texts: VerbTexts): Verbs {
  checkCompany(texts);
  const verbs = {
    offset: optional(texts.offset, (text) => span("--offset", text)),
    at: optional(texts.at, (text) => instant("--at", text)),
    freeze: texts.freeze === true,
    ...speed(texts),
    slew: slew(texts),
    keyframes: keyframes(texts),
    strobe: strobe(texts),
    noise: noise(texts),
    leap: leap(
      texts,
      optional(texts.leapAt, (text) => instant("--leap-at", text)),
    ),
    ...schedule(texts),
  };
  return { ...verbs, text: textOf(verbs) };
}

function speed(texts: VerbTexts): Pick<Verbs, "rate" | "drift" | "slope"> {
  const rate = optional(texts.rate, parseRate);
  const drift = optional(texts.drift, parseDrift);
  const slope = addSlopes(addSlopes(rate ?? TRUE_RATE, { num: -1n, den: 1n }), drift ?? STILL);
  if (compare(addSlopes(slope, TRUE_RATE), LEAST_RATE) < 0) {
    throw outOfRange(
      "--rate and --drift add up to less than a rate of 0.001",
      "leave --drift out; --freeze makes the clock stand still",
    );
  }
  return { rate, drift, slope };
}

function slew({ slew: to, over }: VerbTexts): Verbs["slew"] {
  if (to === undefined || over === undefined) return undefined;
  return { to: bounded("--slew", to), over: lasting("--over", over, 1n) };
}

function keyframes({ keyframes: frames, repeat }: VerbTexts): Verbs["keyframes"] {
  if (frames === undefined) return undefined;
  checkFrames(frames, "--keyframes");
  if (!repeat) return { frames, period: 0n };
  const period = frames.at(-1)!.at;
  if (period < SHORTEST) {
    throw outOfRange(
      "--repeat: the last key frame says when they begin anew, and it is less than 1us",
      "let the last key frame be later",
    );
  }
  return { frames, period };
}

function strobe({ strobe: by, period }: VerbTexts): Verbs["strobe"] {
  if (by === undefined || period === undefined) return undefined;
  const checked = bounded("--strobe", by);
  if (checked === 0n) {
    throw outOfRange("--strobe 0s moves nothing", "for example --strobe 200ms --period 1s");
  }
  return { by: checked, period: lasting("--period", period, SHORTEST, MAX_OFFSET / 2n) };
}

function noise({ jitter, jitterEvery, jitterGlide, seed }: VerbTexts): Noise | undefined {
  if (jitter === undefined) return undefined;
  return {
    amplitude: lasting("--jitter", jitter, 1n),
    every: jitterEvery === undefined ? SECOND : lasting("--jitter-every", jitterEvery, SHORTEST),
    // Short, so that it is easily typed again.
    seed: seed === undefined ? BigInt(Math.floor(Math.random() * 2 ** 32)) : parseSeed(seed),
    glides: jitterGlide === true,
  };
}

function parseSeed(seed: string | bigint): bigint {
  const text = String(seed).trim();
  if (/^(?:\d{1,20}|0[xX][0-9a-fA-F]{1,16})$/.test(text)) {
    const value = BigInt(text);
    if (value < UINT64_END) return value;
  }
  throw notUsable(
    `--seed ${JSON.stringify(text.slice(0, 40))}: not a whole number of 64 bits`,
    `it goes from 0 to ${UINT64_END - 1n}`,
  );
}

function leap({ leap: kind, smear }: VerbTexts, at: bigint | undefined): Leap | undefined {
  if (kind === undefined) return undefined;
  if (kind !== "insert" && kind !== "delete") {
    const meant = nearest(kind, ["insert", "delete"]);
    throw notUsable(
      `--leap ${JSON.stringify(kind.slice(0, 40))}: not a kind of leap second`,
      meant === undefined
        ? "--leap insert repeats 23:59:59, --leap delete leaves it out"
        : `did you mean --leap ${meant}?`,
    );
  }
  // A deleted second is made up for in a time that is a second shorter: there must be one.
  return { kind, at, smear: smear === undefined ? 0n : lasting("--smear", smear, 2n * SECOND) };
}

function schedule(texts: VerbTexts): Pick<Verbs, "duration" | "every" | "startIn"> {
  const duration = texts.duration === undefined ? 0n : lasting("--duration", texts.duration, 1n);
  const every = texts.every === undefined ? 0n : lasting("--every", texts.every, SHORTEST);
  if (every !== 0n && every <= duration) {
    throw outOfRange(
      "--every must be longer than --duration: in between comes the true time",
      "for example --duration 10s --every 1m; what has no pause can be drawn by --keyframes with --repeat",
    );
  }
  const later = texts.startIn === undefined ? 0n : lasting("--start-in", texts.startIn, 0n);
  return { duration, every, startIn: later };
}
