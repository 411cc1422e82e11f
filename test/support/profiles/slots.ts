/**
 * The settings in force in a target, read from its memory by the layout alone (native/payload/params.h): none of
 * timeskew's own readers has a part in it. Only src/skew/profile.ts is used, which says what the settings mean.
 */
import { closeSync, openSync, readSync } from "node:fs";
import type { Frame, Noise, Profile, Start, Track } from "../../../src/skew/profile.ts";
import { MILLISECOND, SECOND } from "../clock.ts";
import { maps } from "../proc.ts";
import { waitFor } from "../wait.ts";

const MAGIC = "TIMESKEW";
const VERSION = 5;
const ARMED = 1;

const PARAMS = { size: 0x5000, index: 0xfc0, flags: 0xfc8, slots: 0x1000, slotSize: 0x2000 };
const SLOT = { start: 56, tracks: 160, trackSize: 40, maxTracks: 3, text: 280, frames: 512, frameSize: 16 };
const TEXT_BYTES = SLOT.frames - SLOT.text;
const DURATIONS = 2n;
/** By how much a coarse clock may be behind. The ticks of an emulated processor come when that gets a turn. */
const TICK = BigInt(process.env.TIMESKEW_TICK_MS ?? 10) * MILLISECOND;

/** One of the two sets of settings. */
export interface Slot {
  readonly generation: bigint;
  /** Bit N for clock id N, 62 for gettimeofday(), 63 for time(). */
  readonly selected: bigint;
  /** ns. */
  readonly base: bigint;
  /** Undefined: constant. */
  readonly profile: Profile | undefined;
  readonly start: Start;
}

export interface Settings {
  readonly inForce: Slot;
  /** What governs until `inForce` begins. */
  readonly other: Slot;
  /** Whether relative waits are translated. */
  readonly durations: boolean;
}

/** Undefined: no jump leads to any settings. */
export function settingsOf(pid: number): Settings | undefined {
  const memory = openSync(`/proc/${pid}/mem`, "r");
  try {
    for (const line of maps(pid)) {
      if (!/ rw-p 0+ 00:00 0\s*$/.test(line)) continue;
      const view = viewOf(memory, Number.parseInt(line, 16));
      if (view && isMark(view)) return decode(view);
    }
    return undefined;
  } finally {
    closeSync(memory);
  }
}

/** The settings of a process that must have some. */
export function needSettings(pid: number): Settings {
  const found = settingsOf(pid);
  if (!found) throw new Error(`process ${pid} has no settings`);
  return found;
}

/** The same, once they have begun, on the coarse clocks as well. */
export async function begun(pid: number): Promise<Settings> {
  return waitFor(`the begin in process ${pid}`, () => {
    const settings = needSettings(pid);
    return BigInt(Date.now()) * MILLISECOND > settings.inForce.start.realtime + TICK && settings;
  });
}

/** Undefined where less can be read than the parameter pages have. */
function viewOf(memory: number, at: number): DataView | undefined {
  const bytes = Buffer.alloc(PARAMS.size);
  try {
    if (readSync(memory, bytes, 0, bytes.length, at) !== bytes.length) return undefined;
  } catch {
    return undefined; // it ends before
  }
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function isMark(view: DataView): boolean {
  const magic = String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset, MAGIC.length));
  if (magic !== MAGIC || view.getUint32(12, true) !== ARMED) return false;
  const version = view.getUint32(8, true);
  if (version !== VERSION) throw new Error(`parameter pages of version ${version}, not ${VERSION}`);
  return true;
}

function decode(view: DataView): Settings {
  const index = view.getUint8(PARAMS.index) & 1;
  const slot = (n: number) =>
    decodeSlot(
      new DataView(view.buffer, view.byteOffset + PARAMS.slots + n * PARAMS.slotSize, PARAMS.slotSize),
    );
  return {
    inForce: slot(index),
    other: slot(1 - index),
    durations: (view.getBigUint64(PARAMS.flags, true) & DURATIONS) !== 0n,
  };
}

function decodeSlot(view: DataView): Slot {
  const unsigned = (at: number) => view.getBigUint64(at, true);
  const signed = (at: number) => view.getBigInt64(at, true);
  const start = (n: number) => signed(SLOT.start + 8 * n);
  return {
    generation: unsigned(0),
    selected: unsigned(8),
    base: signed(16) * SECOND + unsigned(24),
    profile: view.getUint32(48, true) === 1 ? decodeProfile(view) : undefined,
    start: {
      realtime: start(0),
      monotonic: start(1),
      raw: start(2),
      boottime: start(3),
      tai: start(4),
    },
  };
}

function decodeProfile(view: DataView): Profile {
  const count = view.getUint32(52, true);
  if (count > SLOT.maxTracks) throw new Error(`${count} tracks`);
  const text = new Uint8Array(view.buffer, view.byteOffset + SLOT.text, TEXT_BYTES);
  return {
    duration: view.getBigUint64(96, true),
    every: view.getBigUint64(104, true),
    tracks: Array.from({ length: count }, (_, n) => decodeTrack(view, SLOT.tracks + n * SLOT.trackSize)),
    noise: decodeNoise(view),
    text: new TextDecoder().decode(text).replace(/\0+$/, ""),
  };
}

function decodeNoise(view: DataView): Noise | undefined {
  const amplitude = view.getBigUint64(112, true);
  if (amplitude === 0n) return undefined;
  return {
    amplitude,
    every: view.getBigUint64(120, true),
    seed: view.getBigUint64(128, true),
    glides: view.getBigUint64(136, true) !== 0n,
  };
}

function decodeTrack(view: DataView, at: number): Track {
  const first = view.getUint32(at + 32, true);
  const count = view.getUint32(at + 36, true);
  const frame = (index: number): Frame => {
    const place = SLOT.frames + (first + index) * SLOT.frameSize;
    return { at: view.getBigInt64(place, true), offset: view.getBigInt64(place + 8, true) };
  };
  return {
    clocks: view.getBigUint64(at, true),
    period: view.getBigUint64(at + 8, true),
    tail: { num: view.getBigInt64(at + 16, true), den: view.getBigUint64(at + 24, true) },
    frames: Array.from({ length: count }, (_, index) => frame(index)),
  };
}
