/** What verbs do to a clock, in one sentence: for whoever has not learnt the flags. */
import { formatDuration } from "../../skew/duration.ts";
import { formatInstant } from "../../skew/instant.ts";
import { formatRate } from "../../skew/ratio.ts";
import type { Shape, Verbs } from "../../skew/verbs.ts";
import { skewWords } from "./skew.ts";

const DAY = 86_400_000_000_000;

/** "The clock is 1s behind and jumps 200ms ahead and back, 1s each, for 10s in every 1m." */
export function doingSentence(verbs: Verbs, shape: Shape): string {
  const doings = [...startDoings(verbs), ...courseDoings(verbs), ...leapDoings(verbs, shape)];
  const last = doings.pop() ?? "is on the true time";
  const first = doings.length === 0 ? "" : `${doings.join(", ")} and `;
  return `The clock ${first}${last}${whenWords(verbs)}.`;
}

/** Where it is when it begins; nothing, where that is its old place. */
function startDoings({ at, offset }: Verbs): string[] {
  if (at !== undefined) return [`reads ${formatInstant(at)} when it begins`];
  return offset === undefined ? [] : [`is ${skewWords(offset)}`];
}

function courseDoings({ freeze, rate, drift, slew, keyframes, strobe, noise }: Verbs): string[] {
  const doings: string[] = [];
  if (freeze) doings.push("stands still");
  if (rate !== undefined) doings.push(`runs at ${formatRate(rate)} times the true rate`);
  if (drift !== undefined && drift.num !== 0n) doings.push(driftDoing(Number(drift.num) / Number(drift.den)));
  if (slew !== undefined) doings.push(`glides to ${placeWords(slew.to)} within ${formatDuration(slew.over)}`);
  if (keyframes !== undefined) {
    const { frames, period } = keyframes;
    const length = `${frames.length} key frames in ${formatDuration(frames.at(-1)!.at)}`;
    doings.push(`follows ${length}${period === 0n ? "" : ", again and again"}`);
  }
  if (strobe !== undefined) {
    doings.push(`jumps ${skewWords(strobe.by)} and back, ${formatDuration(strobe.period)} each`);
  }
  if (noise !== undefined) {
    const moves = noise.glides ? "glides" : "jumps";
    doings.push(
      `${moves} to another offset of up to ${formatDuration(noise.amplitude)} either way every ${formatDuration(noise.every)}`,
    );
  }
  return doings;
}

/** @param slope offset ns per ns */
function driftDoing(slope: number): string {
  // To four figures: it is what one imagines a drift by.
  const perDay = formatDuration(BigInt(Number(Math.abs(slope * DAY).toPrecision(4))));
  return `${slope < 0 ? "loses" : "gains"} ${perDay} a day`;
}

function placeWords(offset: bigint): string {
  return offset === 0n ? "the true time" : skewWords(offset);
}

function leapDoings({ leap }: Verbs, { profile }: Shape): string[] {
  if (leap === undefined) return [];
  const after = formatDuration(profile!.tracks.at(-1)!.frames.at(-2)!.at);
  const isInserted = leap.kind === "insert";
  if (leap.smear === 0n) return [`${isInserted ? "repeats" : "skips"} a second after ${after}`];
  return [
    `spreads ${isInserted ? "an inserted" : "a deleted"} leap second over ${formatDuration(leap.smear)}, after ${after}`,
  ];
}

function whenWords({ startIn, duration, every }: Verbs): string {
  const begins = startIn === 0n ? "" : `, beginning in ${formatDuration(startIn)}`;
  if (duration === 0n) return begins;
  return `${begins}, for ${formatDuration(duration)}${every === 0n ? "" : ` in every ${formatDuration(every)}`}`;
}
