/** From verbs to the function of time that is written into a target. */
import { ALL_TRACKED, floorDiv, HOLD, MAX_OFFSET, type Profile, type Track } from "../profile.ts";
import { isConstant, type Verbs } from "../verbs.ts";
import { leapTrack, resolveLeap } from "./leap.ts";
import { textOf } from "./text.ts";
import { outOfRange } from "./values.ts";

export interface Shape {
  /** ns. */
  readonly base: bigint;
  /** Undefined: the base alone, for ever. */
  readonly profile: Profile | undefined;
}

/**
 * What the verbs mean if they begin at a certain moment.
 *
 * @param at.realtime what CLOCK_REALTIME truly reads then, ns; matters for --at and --leap only (`anchor`)
 * @param at.offset by how much the target is off then, ns, 0n if it is not skewed: what goes on if `jumps` says no
 * @throws TimeskewError E_RANGE if a value cannot be held, E_USAGE for a leap second that does not come
 */
export function shapeOf(verbs: Verbs, at: { realtime: bigint; offset: bigint }): Shape {
  const base = verbs.at === undefined ? (verbs.offset ?? at.offset) : verbs.at - at.realtime;
  if (isConstant(verbs)) return { base, profile: undefined };

  const course = courseOf(verbs, base);
  const tracks = [...course, ...keyframeTracks(verbs), ...strobeTracks(verbs)];
  const { noise, duration, every } = verbs;
  if (verbs.leap === undefined) {
    return { base, profile: { duration, every, tracks, noise, text: verbs.text } };
  }
  const begin = { realtime: at.realtime, base, tracks: course };
  const leap = resolveLeap(verbs.leap, begin);
  tracks.push(leapTrack(leap, begin, duration));
  return { base, profile: { duration, every, tracks, noise, text: textOf({ ...verbs, leap }) } };
}

/** All that comes once and runs evenly, in one track: none if there is nothing of the kind. */
function courseOf({ freeze, slope, slew }: Verbs, base: bigint): Track[] {
  const track = { clocks: ALL_TRACKED, period: 0n };
  const begin = { at: 0n, offset: 0n };
  if (freeze) return [{ ...track, frames: [begin], tail: { num: -1n, den: 1n } }];
  if (slew === undefined) return slope.num === 0n ? [] : [{ ...track, frames: [begin], tail: slope }];
  const offset = slew.to - base + floorDiv(slew.over * slope.num, slope.den);
  if (offset <= -MAX_OFFSET || offset >= MAX_OFFSET) {
    throw outOfRange("--slew goes too far from where the clock is", "the way is limited to 146 years");
  }
  return [{ ...track, frames: [begin, { at: slew.over, offset }], tail: slope }];
}

function keyframeTracks({ keyframes }: Verbs): Track[] {
  return keyframes === undefined ? [] : [{ clocks: ALL_TRACKED, ...keyframes, tail: HOLD }];
}

/** As Jepsen's: there for one period, back for the next. */
function strobeTracks({ strobe }: Verbs): Track[] {
  if (strobe === undefined) return [];
  const { by, period } = strobe;
  const frames = [
    { at: 0n, offset: by },
    { at: period, offset: by },
    { at: period, offset: 0n },
  ];
  return [{ clocks: ALL_TRACKED, period: 2n * period, frames, tail: HOLD }];
}
