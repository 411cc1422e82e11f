/** What a user says about a clock: points in time, files of key frames, verbs and their company. */
import { boundsOf, ceilingOf, swingOf } from "../../../src/skew/bounds.ts";
import { formatDuration } from "../../../src/skew/duration.ts";
import { formatInstant, parseInstant } from "../../../src/skew/instant.ts";
import { parseKeyframes } from "../../../src/skew/keyframes.ts";
import { stepsBack } from "../../../src/skew/monotone.ts";
import { type Frame, MAX_FRAMES, MAX_OFFSET, MAX_TRACKS, offsetAt } from "../../../src/skew/profile.ts";
import { MAX_TEXT, parseVerbs, type Shape, shapeOf, type VerbTexts } from "../../../src/skew/verbs.ts";
import { mutateText, oddNumber, oddText } from "../mutate.ts";
import { attempt, must, recipe, same } from "../parser.ts";
import type { Random } from "../random.ts";
import { coded } from "./skew.ts";

const INSTANTS = [
  "2038-01-19T03:14:00Z",
  "2026-10-25 02:30:00",
  "2016-12-31T23:59:60Z",
  "2262-04-11T23:47:16.854775807Z",
  "1970-01-01t00:00:00.5-00:30",
  "2000-02-29",
  "@2147483640.5",
];
const SPANS = ["0", "1s", "-600s", "1h30m", "999ns", "1us", "2s", "10s", "1m", "24h", "1500000h"];

function span(random: Random): string {
  return random.oneIn(6) ? mutateText(random, random.pick(SPANS)) : random.pick(SPANS);
}

export const instant = recipe("instant", () => ({
  make: (random) => (random.oneIn(16) ? oddText(random) : mutateText(random, random.pick(INSTANTS))),
  run: (text: string) =>
    attempt(
      () => parseInstant(text),
      coded("E_USAGE", "E_RANGE"),
      (ns) => {
        must(ns >= 0n && ns < 2n ** 63n, "what a clock can read");
        must(parseInstant(formatInstant(ns)) === ns, "what is written is read back");
      },
    ),
}));

function rows(random: Random): [string, string][] {
  let at = 0n;
  return random.times(0, 9, (index) => {
    if (index > 0) at += BigInt(random.below(5_000_000));
    return [random.oneIn(12) ? oddNumber(random) : formatDuration(at), span(random)];
  });
}

function keyframeFile(random: Random): string {
  const csv = () => rows(random).map((row) => row.join(random.pick([",", ", "])));
  const text = random.either(
    () => csv().join(random.pick(["\n", "\r\n", "\n\n"])),
    () => ["elapsed,offset", ...csv()].join("\n"),
    () => JSON.stringify(rows(random)),
    () => JSON.stringify(rows(random).map(([elapsed, offset]) => ({ elapsed, offset }))),
  );
  return random.oneIn(2) ? text : mutateText(random, text);
}

function mustBeFrames(frames: readonly Frame[]): void {
  must(frames.length >= 2 && frames.length <= MAX_FRAMES && frames[0]!.at === 0n, "frames from 0 on");
  for (const [index, { at, offset }] of frames.entries()) {
    must(at >= (frames[index - 1]?.at ?? 0n) && at < MAX_OFFSET, "in order");
    must(offset > -MAX_OFFSET && offset < MAX_OFFSET, "in range");
  }
}

export const keyframes = recipe("keyframes", () => ({
  make: keyframeFile,
  run: (text: string) =>
    attempt(
      () => parseKeyframes(text, "file"),
      coded("E_USAGE"),
      (frames) => {
        mustBeFrames(frames);
        const written = frames.map(({ at, offset }) => `${formatDuration(at)},${formatDuration(offset)}`);
        must(same(parseKeyframes(written.join("\n"), "file"), frames), "what is written is read back");
      },
    ),
}));

interface Said {
  readonly texts: VerbTexts;
  readonly realtime: bigint;
  readonly offset: bigint;
  readonly elapsed: bigint;
}

const FRAMES: readonly Frame[] = [
  { at: 0n, offset: 0n },
  { at: 1_000_000n, offset: -5n },
  { at: 1_000_000n, offset: 7n },
  { at: 9_000_000n, offset: 7n },
];

/** Some that belong together, and now and then one more. */
function said(random: Random): VerbTexts {
  const odd = (...texts: string[]) =>
    random.oneIn(8) ? mutateText(random, random.pick(texts)) : random.pick(texts);
  const groups: (() => VerbTexts)[] = [
    () => ({ offset: random.oneIn(3) ? BigInt.asIntN(65, random.odd64()) : span(random) }),
    () => ({ at: odd(...INSTANTS) }),
    () => ({ freeze: true }),
    () => ({ rate: random.oneIn(8) ? oddNumber(random) : odd("1.5", "0.001", "1000", "1", "0") }),
    () => ({ drift: odd("200ppm", "-50ppm", "0.1%", "20ppb", "10%", "20") }),
    () => ({ slew: span(random), over: span(random) }),
    () => ({ keyframes: FRAMES, repeat: random.oneIn(2) }),
    () => ({ strobe: span(random), period: span(random) }),
    () => ({
      jitter: span(random),
      jitterEvery: span(random),
      jitterGlide: random.oneIn(2),
      seed: odd("42", "0xff"),
    }),
    () => ({ leap: odd("insert", "delete"), ...(random.oneIn(2) && { leapAt: odd(...INSTANTS) }) }),
    () => ({ leap: "insert", smear: span(random) }),
    () => ({ duration: span(random), ...(random.oneIn(2) && { every: span(random) }) }),
    () => ({ startIn: span(random) }),
  ];
  const texts = random.times(1, random.pick([1, 2, 2, 5]), () => random.pick(groups)());
  return Object.assign({}, ...texts);
}

function mustFitASlot({ base, profile }: Shape): void {
  must(BigInt.asIntN(64, base) === base, "a base of 64 bits");
  if (profile === undefined) return;
  const { tracks, noise, duration, every, text } = profile;
  must(Buffer.byteLength(text) <= MAX_TEXT && text !== "", "a text with an end");
  must(tracks.length <= MAX_TRACKS, "few tracks");
  must(tracks.reduce((sum, { frames }) => sum + frames.length, 0) <= MAX_FRAMES, "few frames");
  must(duration >= 0n && (every === 0n || every > duration), "cycles");
  for (const { frames, period, tail } of tracks) {
    mustBeFrames(frames.length === 1 ? [...frames, ...frames] : frames);
    must(period >= 0n && period < MAX_OFFSET, "a period");
    must(
      BigInt.asIntN(64, tail.num) === tail.num && tail.den > 0n && tail.den < 2n ** 63n,
      "a slope of 64 bits",
    );
  }
  if (noise === undefined) return;
  must(noise.amplitude > 0n && noise.amplitude < MAX_OFFSET && noise.every > 0n, "a noise");
  must(noise.seed >= 0n && noise.seed < 2n ** 64n, "a seed of 64 bits");
}

function mustBeJudged(shape: Shape, elapsed: bigint): void {
  if (shape.profile === undefined) return;
  stepsBack(shape, 1);
  must(swingOf(shape.profile) >= 0n, "a swing");
  for (const clock of [0, 1, 11]) {
    const offset = offsetAt(shape.base, shape.profile, clock, elapsed);
    const { lowest, highest } = boundsOf(shape, elapsed, clock);
    must(lowest <= offset && offset <= highest && offset <= ceilingOf(shape), "within its bounds");
  }
}

/** The flags of a text, as they would be typed again. */
function retyped(text: string, startIn: bigint): VerbTexts {
  const pairs = [...text.matchAll(/--([a-z-]+)(?: ([^-]\S*|-[^-]\S*))?/g)].map(([, flag, value]) => [
    flag!.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    flag === "keyframes" ? FRAMES : (value ?? true),
  ]);
  return { ...Object.fromEntries(pairs), startIn };
}

export const verbs = recipe("verbs", () => ({
  make: (random): Said => ({
    texts: said(random),
    realtime: random.oneIn(2) ? 1_800_000_000_000_000_000n : random.odd64() >> 1n,
    offset: BigInt.asIntN(64, random.odd64()) >> BigInt(random.below(40)),
    elapsed: random.odd64() >> 1n,
  }),
  run: ({ texts, realtime, offset, elapsed }: Said) =>
    attempt(
      () => {
        const parsed = parseVerbs(texts);
        return { parsed, shape: shapeOf(parsed, { realtime, offset }) };
      },
      coded("E_USAGE", "E_RANGE", "E_DURATION"),
      ({ parsed, shape }) => {
        mustFitASlot(shape);
        mustBeJudged(shape, elapsed);
        if (parsed.text.endsWith("…")) return;
        must(
          same(parseVerbs(retyped(parsed.text, parsed.startIn)), parsed),
          () => `read back: ${parsed.text}`,
        );
      },
    ),
}));
