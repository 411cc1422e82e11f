/** Verbs as they can be typed again: for people, who see them in `status`. */
import { formatDuration } from "../duration.ts";
import { formatInstant } from "../instant.ts";
import { formatDrift, formatRate } from "../ratio.ts";
import type { Verbs } from "../verbs.ts";

/** Bytes of UTF-8 that a slot has room for. */
export const MAX_TEXT = 232;

/** In one order, without what a text of MAX_TEXT bytes has no room for ("…" tells so), and without --start-in. */
export function textOf(verbs: Omit<Verbs, "text">): string {
  let text = "";
  for (const part of parts(verbs)) {
    const longer = text === "" ? part : `${text} ${part}`;
    if (Buffer.byteLength(longer) > MAX_TEXT - Buffer.byteLength(" …")) return `${text} …`;
    text = longer;
  }
  return text;
}

function parts(verbs: Omit<Verbs, "text">): string[] {
  const { offset, at, freeze, rate, drift, slew, keyframes, strobe, duration, every } = verbs;
  return [
    ...(offset === undefined ? [] : [`--offset ${formatDuration(offset)}`]),
    ...(at === undefined ? [] : [`--at ${formatInstant(at)}`]),
    ...(freeze ? ["--freeze"] : []),
    ...(rate === undefined ? [] : [`--rate ${formatRate(rate)}`]),
    ...(drift === undefined ? [] : [`--drift ${formatDrift(drift)}`]),
    ...(slew === undefined ? [] : [`--slew ${formatDuration(slew.to)} --over ${formatDuration(slew.over)}`]),
    ...(keyframes === undefined ? [] : [`--keyframes (${keyframes.frames.length} frames)`]),
    ...(keyframes === undefined || keyframes.period === 0n ? [] : ["--repeat"]),
    ...(strobe === undefined
      ? []
      : [`--strobe ${formatDuration(strobe.by)} --period ${formatDuration(strobe.period)}`]),
    ...noiseParts(verbs),
    ...leapParts(verbs),
    ...(duration === 0n ? [] : [`--duration ${formatDuration(duration)}`]),
    ...(every === 0n ? [] : [`--every ${formatDuration(every)}`]),
  ];
}

function noiseParts({ noise }: Omit<Verbs, "text">): string[] {
  if (noise === undefined) return [];
  const { amplitude, every, glides, seed } = noise;
  return [
    `--jitter ${formatDuration(amplitude)} --jitter-every ${formatDuration(every)}`,
    ...(glides ? ["--jitter-glide"] : []),
    `--seed ${seed}`,
  ];
}

function leapParts({ leap }: Omit<Verbs, "text">): string[] {
  if (leap === undefined) return [];
  return [
    `--leap ${leap.kind}`,
    ...(leap.at === undefined ? [] : [`--leap-at ${formatInstant(leap.at)}`]),
    ...(leap.smear === 0n ? [] : [`--smear ${formatDuration(leap.smear)}`]),
  ];
}
