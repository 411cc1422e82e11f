/** Charts of all verbs, drawn as the command does it, at one moment. */
import { horizonOf } from "../../../src/chart/horizon.ts";
import { type Picture, pictureOf } from "../../../src/chart/picture.ts";
import { parseDuration } from "../../../src/skew/duration.ts";
import { parseVerbs, shapeOf, type VerbTexts } from "../../../src/skew/verbs.ts";

/** 2026-11-20 14:49:02.123456789 UTC. */
const NOW = 1_795_186_142_123_456_789n;

const minutes = (count: number) => BigInt(count) * 60_000_000_000n;

export const SPECIMENS: Readonly<Record<string, VerbTexts & { for?: string }>> = {
  offset: { offset: "-10m" },
  "at-freeze": { at: "2038-01-19T03:14:00Z", freeze: true },
  rate: { rate: "1.5" },
  drift: { drift: "-50ppm" },
  slew: { slew: "5s", over: "10m" },
  "offset-slew": { offset: "-5s", slew: "0s", over: "1m" },
  jitter: { jitter: "20ms", seed: "42" },
  "jitter-glide": { jitter: "20ms", jitterGlide: true, seed: "42", drift: "0.1%" },
  strobe: { strobe: "200ms", period: "5s" },
  "strobe-dense": { strobe: "200ms", period: "1ms", duration: "10s", every: "1m" },
  "jitter-dense": { jitter: "20ms", jitterEvery: "1ms", seed: "42", slew: "100ms", over: "1m" },
  "strobe-far": { offset: "-2d", strobe: "200ms", period: "1s" },
  leap: { leap: "insert", leapAt: "2027-01-01T00:00:00Z", at: "2026-12-31T23:59:50Z" },
  "leap-wall": { leap: "delete" },
  smear: { leap: "insert", smear: "24h", at: "2026-12-31T06:00:00Z", drift: "1ppm" },
  schedule: { offset: "30s", duration: "10s", every: "1m", startIn: "20s" },
  "schedule-busy": { offset: "30s", duration: "10s", every: "1m", for: "2h" },
  spikes: { offset: "30s", duration: "1ms", every: "1m", for: "5m" },
  keyframes: {
    keyframes: [
      { at: 0n, offset: 0n },
      { at: minutes(10), offset: minutes(-2) },
      { at: minutes(10), offset: minutes(1) },
      { at: minutes(25), offset: minutes(2) },
      { at: minutes(30), offset: 0n },
    ],
    repeat: true,
  },
  nanoseconds: { strobe: "40ns", period: "1us", for: "10us" },
  years: { rate: "1.001", for: "36500d" },
};

export function specimen(name: string): Picture {
  const { for: length, ...texts } = SPECIMENS[name]!;
  const verbs = parseVerbs(texts);
  const shape = shapeOf(verbs, { realtime: NOW + verbs.startIn, offset: 0n });
  const subject = { ...shape, clock: 0, begin: verbs.startIn };
  const until = length === undefined ? horizonOf(subject) : verbs.startIn + parseDuration(length);
  const title = shape.profile?.text ?? verbs.text;
  return pictureOf(subject, until, { title, words: `What ${title} does.` });
}
