/**
 * A profile as it stands in a slot, behind what a constant skew has there, too: where it begins on each clock, and its
 * tracks, whose key frames lie one behind the other. `struct ts_slot` of native/payload/params.h from `start` on.
 */
import { TimeskewError } from "../errors.ts";
import {
  type Frame,
  MAX_FRAMES,
  MAX_OFFSET,
  MAX_TRACKS,
  type Noise,
  type Profile,
  type Start,
  type Track,
} from "../skew/profile.ts";

/** A profile that has been given a beginning, and what the payload is told so that it need not search. ns. */
export interface AnchoredProfile extends Profile {
  readonly start: Start;
  /** An upper bound, not negative, of the sum of what comes again and again: periodic tracks and noise. */
  readonly swing: bigint;
  /** With `every`, an upper bound of the whole offset within one cycle. Otherwise NO_CEILING. */
  readonly ceiling: bigint;
}

export const NO_CEILING = 2n ** 63n - 1n;

/** Offsets from the start of the slot, less what is before `start`. */
const SLOT = { start: 56, duration: 96, noise: 112, swing: 144, tracks: 160, text: 280, frames: 512 };
const TRACK_BYTES = 40;
const FRAME_BYTES = 16;
const PROFILE_BYTES = SLOT.frames - SLOT.start;
const TEXT_BYTES = SLOT.frames - SLOT.text;
/** In the order of `struct ts_slot`. */
const FAMILIES = ["realtime", "monotonic", "raw", "boottime", "tai"] as const;

const at = (member: keyof typeof SLOT): number => SLOT[member] - SLOT.start;

/**
 * @returns the bytes of a slot from `start` on, up to the last key frame
 * @throws TimeskewError E_INTERNAL for more tracks or key frames than there is room for
 */
export function encodeProfile(profile: AnchoredProfile): Uint8Array {
  const { tracks, noise } = profile;
  const frames = tracks.flatMap((track) => track.frames);
  if (tracks.length > MAX_TRACKS || frames.length > MAX_FRAMES) {
    const size = `${tracks.length} tracks and ${frames.length} key frames`;
    throw new TimeskewError("E_INTERNAL", `a slot has no room for ${size}`);
  }
  const bytes = new Uint8Array(PROFILE_BYTES + FRAME_BYTES * frames.length);
  const view = new DataView(bytes.buffer);
  FAMILIES.forEach((family, i) => {
    view.setBigInt64(at("start") + 8 * i, profile.start[family], true);
  });
  view.setBigUint64(at("duration"), profile.duration, true);
  view.setBigUint64(at("duration") + 8, profile.every, true);
  if (noise !== undefined) encodeNoise(view, noise);
  view.setBigInt64(at("swing"), profile.swing, true);
  view.setBigInt64(at("swing") + 8, profile.ceiling, true);
  encodeTracks(view, tracks);
  // Whole characters only.
  new TextEncoder().encodeInto(profile.text, bytes.subarray(at("text"), at("text") + TEXT_BYTES));
  frames.forEach((frame, i) => {
    view.setBigInt64(at("frames") + FRAME_BYTES * i, frame.at, true);
    view.setBigInt64(at("frames") + FRAME_BYTES * i + 8, frame.offset, true);
  });
  return bytes;
}

function encodeNoise(view: DataView, { amplitude, every, seed, glides }: Noise): void {
  [amplitude, every, seed, glides ? 1n : 0n].forEach((value, i) => {
    view.setBigUint64(at("noise") + 8 * i, value, true);
  });
}

function encodeTracks(view: DataView, tracks: readonly Track[]): void {
  let first = 0;
  tracks.forEach(({ clocks, period, tail, frames }, i) => {
    const track = at("tracks") + TRACK_BYTES * i;
    view.setBigUint64(track, clocks, true);
    view.setBigUint64(track + 8, period, true);
    view.setBigInt64(track + 16, tail.num, true);
    view.setBigUint64(track + 24, tail.den, true);
    view.setUint32(track + 32, first, true);
    view.setUint32(track + 36, frames.length, true);
    first += frames.length;
  });
}

/**
 * Believes nothing: a profile that it returns is one that the model can evaluate at any time.
 *
 * @param bytes of a slot from `start` on, to its end
 * @returns why this is no profile that timeskew writes, as a sentence's end, or the profile
 */
export function decodeProfile(bytes: Uint8Array, trackCount: number): AnchoredProfile | string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const signed = (offset: number) => view.getBigInt64(offset, true);
  const unsigned = (offset: number) => view.getBigUint64(offset, true);
  if (trackCount > MAX_TRACKS) return `counts ${trackCount} tracks`;
  const duration = unsigned(at("duration"));
  const every = unsigned(at("duration") + 8);
  if (!isTime(duration) || !isTime(every) || (every !== 0n && every < duration))
    return "has no possible duration";
  const noise = decodeNoise(view);
  if (typeof noise === "string") return noise;
  const tracks: Track[] = [];
  for (let i = 0; i < trackCount; i++) {
    const track = decodeTrack(view, at("tracks") + TRACK_BYTES * i);
    if (typeof track === "string") return track;
    tracks.push(track);
  }
  const start = FAMILIES.map((family, i) => [family, signed(at("start") + 8 * i)]);
  return {
    start: Object.fromEntries(start) as Record<keyof Start, bigint>,
    duration,
    every,
    tracks,
    noise,
    swing: signed(at("swing")),
    ceiling: signed(at("swing") + 8),
    text: decodeText(bytes.subarray(at("text"), at("text") + TEXT_BYTES)),
  };
}

function decodeNoise(view: DataView): Noise | undefined | string {
  const [amplitude, every, seed, glides] = [0, 1, 2, 3].map((i) =>
    view.getBigUint64(at("noise") + 8 * i, true),
  ) as [bigint, bigint, bigint, bigint];
  if (amplitude === 0n) return undefined;
  if (amplitude >= MAX_OFFSET || every === 0n || !isTime(every) || glides > 1n)
    return "has no possible jitter";
  return { amplitude, every, seed, glides: glides === 1n };
}

function decodeTrack(view: DataView, track: number): Track | string {
  const period = view.getBigUint64(track + 8, true);
  const den = view.getBigUint64(track + 24, true);
  const first = view.getUint32(track + 32, true);
  const count = view.getUint32(track + 36, true);
  if (!isTime(period) || den === 0n || !isTime(den)) return "has a track of no possible period or slope";
  if (count === 0 || first + count > MAX_FRAMES) return "has a track whose key frames lie elsewhere";
  const frames = Array.from({ length: count }, (_, i): Frame => {
    const frame = at("frames") + FRAME_BYTES * (first + i);
    return { at: view.getBigInt64(frame, true), offset: view.getBigInt64(frame + 8, true) };
  });
  if (!areInOrder(frames)) return "has key frames out of order";
  return {
    clocks: view.getBigUint64(track, true),
    period,
    frames,
    tail: { num: view.getBigInt64(track + 16, true), den },
  };
}

function areInOrder(frames: readonly Frame[]): boolean {
  return frames.every(
    ({ at: time, offset }, i) =>
      (i === 0 ? time === 0n : time >= frames[i - 1]!.at) && offset < MAX_OFFSET && -offset < MAX_OFFSET,
  );
}

/** Whether ns from a u64 are a time that an int64 holds. */
function isTime(ns: bigint): boolean {
  return ns <= NO_CEILING;
}

function decodeText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}
