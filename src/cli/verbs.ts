/**
 * The verbs: what a clock is to do, in flags. inject and preview share them, and what else gives a process a clock
 * will. src/skew/verbs.ts knows what they mean and which go together.
 */
import type { Command } from "commander";
import { TimeskewError } from "../errors.ts";
import { boundsOf } from "../skew/bounds.ts";
import { type ClockFamily, type ClockName, type ClockSelection, clockOf } from "../skew/clock.ts";
import { parseKeyframes } from "../skew/keyframes.ts";
import { parseVerbs, shapeOf, type Verbs, type VerbTexts } from "../skew/verbs.ts";
import { addFlags, durations, type FlagSpec, texts, type Word, words } from "./flag.ts";
import type { Flags } from "./flags.ts";
import { usageError } from "./settings.ts";
import type { World } from "./world.ts";

const LEAPS: readonly Word[] = [
  ["insert", "23:59:59 comes twice"],
  ["delete", "23:59:59 does not come"],
];

const SKEW: readonly FlagSpec[] = [
  [
    "-o, --offset <DURATION>",
    "move the clock by this: -10m, 1h30m, -10m100ns (units: ns us ms s m h d)",
    durations("-10m", "1h30m", "500ms"),
  ],
  [
    "--at <TIME>",
    "begin at a date: 2038-01-19T03:14:00Z, @2147483640, or '2038-01-19 03:14:00' (local time)",
    texts(["2038-01-19T03:14:00Z", "@2147483640"]),
  ],
  ["--freeze", "make the clock stand still"],
  ["--rate <FACTOR>", "let it run faster or slower: 2, 0.5, 1.001", texts(["2", "0.5", "1.001"])],
  [
    "--drift <RATE>",
    "let it gain or lose: 200ppm, -50ppm, 20ppb, 0.1%",
    texts(["200ppm", "-50ppm", "0.1%"], ["ppm", "ppb", "%"]),
  ],
  ["--slew <DURATION>", "glide to this offset, and hold it: -5s (--over 1h)", durations("-5s", "5s")],
  ["--over <DURATION>", "how long --slew takes: 10m", durations("10m", "1h")],
  ["--jitter <DURATION>", "add a random offset of at most this: 20ms", durations("20ms", "1s")],
  ["--jitter-every <DURATION>", "draw another one after: 100ms (default 1s)", durations("100ms", "1s")],
  ["--jitter-glide", "glide from one to the next, instead of jumping"],
  [
    "--seed <NUMBER>",
    "draw the same again: 42 (default: a random seed, which the report names)",
    texts(["42", "7"]),
  ],
  ["--strobe <DURATION>", "forth by this, and back: 200ms (--period 1s)", durations("200ms", "-1s")],
  ["--period <DURATION>", "how long --strobe stays on either side: 1s", durations("1s", "500ms")],
  [
    "--leap <KIND>",
    "a leap second: insert (23:59:59 comes twice) or delete (it does not come)",
    words(...LEAPS),
  ],
  [
    "--leap-at <TIME>",
    "the midnight after it, by the target's clock: 2027-01-01T00:00:00Z (default: the next)",
    texts(["2027-01-01T00:00:00Z", "2027-07-01T00:00:00Z"]),
  ],
  ["--smear <DURATION>", "spread the leap second over this: 24h", durations("24h", "1m")],
  ["--keyframes <FILE>", "follow times and offsets, CSV or JSON: drift.csv", { kind: "file" }],
  ["--repeat", "begin anew when the last key frame is reached"],
];

const SCHEDULE: readonly FlagSpec[] = [
  ["--start-in <DURATION>", "begin later: 30s", durations("30s", "5m")],
  ["--duration <DURATION>", "end by itself, in the target: 10s", durations("10s", "1m")],
  [
    "--every <DURATION>",
    "begin again after: 1m (--duration 10s: ten seconds of each minute)",
    durations("1m", "1h"),
  ],
];

/** More text than this holds far more key frames than a target has room for. */
const MAX_FILE = 1_000_000;

/** Adds the flags of all verbs, in two groups; `short`: -o is --offset. */
export function verbOptions(command: Command, { short = true } = {}): Command {
  const skew = short ? SKEW : SKEW.map(withoutShort);
  return addFlags(addFlags(command, "Skew:", skew), "Schedule:", SCHEDULE);
}

function withoutShort([flags, ...rest]: FlagSpec): FlagSpec {
  return [flags.replace(/^-\w, /, ""), ...rest];
}

export interface GivenVerbs {
  /** As the engine takes them: values as typed, key frames read. */
  readonly texts: VerbTexts;
  readonly verbs: Verbs;
}

/**
 * Reads the verbs, and the file of key frames, and refuses what does not go together.
 *
 * @param command is named in hints
 * @throws TimeskewError E_USAGE, E_DURATION, E_RANGE
 */
export function givenVerbs(flags: Flags, command: string, world: Pick<World, "readFile">): GivenVerbs {
  const texts = verbTexts(flags, world);
  if (Object.keys(texts).length > 0) {
    const verbs = parseVerbs(texts);
    // One seed for all targets of a command, so that one number is enough to repeat it.
    const seed = verbs.noise && { seed: verbs.noise.seed };
    return { texts: { ...texts, ...seed }, verbs };
  }
  throw usageError(
    "--offset is missing: how far is the clock to be moved?",
    "--offset -10m moves it ten minutes into the past, --offset 1h30m into the future; " +
      `\`timeskew ${command} --help\` shows what else can be done to it`,
  );
}

/** Clocks that never go back. */
const MONOTONIC: ReadonlySet<ClockFamily> = new Set(["monotonic", "boottime", "raw"]);

/**
 * The first of the clocks that these verbs may have set ahead at some moment, and that would go back when the skew is
 * taken from it then.
 *
 * @param offset in force until now, ns
 * @throws TimeskewError as shapeOf
 */
export function getsAhead(
  verbs: Verbs,
  { clocks }: Pick<ClockSelection, "clocks">,
  offset: bigint,
  now: bigint,
): ClockName | undefined {
  const monotonic = clocks.map(clockOf).filter(({ family }) => MONOTONIC.has(family));
  if (monotonic.length === 0) return undefined;
  const shape = shapeOf(verbs, { realtime: now, offset });
  return monotonic.find(({ id }) => boundsOf(shape, undefined, id).highest > 0n)?.name;
}

/** The verbs among the flags, and nothing else. */
export function verbTexts(flags: Flags, world: Pick<World, "readFile">): VerbTexts {
  const { offset, at, freeze, rate, drift, slew, over, jitter, jitterEvery, jitterGlide, seed } = flags;
  const { strobe, period, leap, leapAt, smear, repeat, startIn, duration, every } = flags;
  const keyframes = flags.keyframes === undefined ? undefined : readKeyframes(flags.keyframes, world);
  const all = {
    ...{
      offset,
      at,
      freeze,
      rate,
      drift,
      slew,
      over,
      jitter,
      jitterEvery,
      jitterGlide,
      seed,
      strobe,
      period,
    },
    ...{ leap, leapAt, smear, keyframes, repeat, startIn, duration, every },
  };
  return Object.fromEntries(Object.entries(all).filter(([, given]) => given !== undefined));
}

function readKeyframes(path: string, world: Pick<World, "readFile">): VerbTexts["keyframes"] {
  return parseKeyframes(readText(path, world), path);
}

function readText(path: string, { readFile }: Pick<World, "readFile">): string {
  const bytes = readBytes(path, readFile);
  if (bytes.length > MAX_FILE) {
    throw usageError(
      `--keyframes ${path}: the file has more than ${MAX_FILE / 1_000_000} MB`,
      "name a file with one key frame in each line, such as: 10s, -5m",
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw usageError(`--keyframes ${path}: not a text file in UTF-8`, "name a CSV or a JSON file");
  }
}

const READ_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EISDIR: "that is a directory",
  EACCES: "not permitted to read it",
};

function readBytes(path: string, readFile: World["readFile"]): Uint8Array {
  try {
    return readFile(path, MAX_FILE + 1);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = READ_ERRORS[code ?? ""] ?? message;
    throw new TimeskewError("E_USAGE", `--keyframes ${path}: ${reason}`, {
      hint: "name a CSV file (or a JSON one) with lines such as: 10s, -5m",
      cause: error,
    });
  }
}
