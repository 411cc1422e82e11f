/**
 * The parameter pages as the payload reads them (native/payload/params.h holds the same layout): two slots of
 * settings, the index that names the one in use, the probe's results, and the deadlines of calls that are under way.
 */

import type { AnchoredProfile } from "./profile.ts";
import { decodeProfile, encodeProfile } from "./profile.ts";

/** Offsets and sizes in bytes. */
export const PARAMS = {
  size: 0xa000,
  index: 0xfc0,
  /** 64 bits: FILTERED, DURATIONS, LEFT_ALONE. */
  flags: 0xfc8,
  /** struct ts_gate: gate.ts. */
  gate: 0xfd0,
  slots: 0x1000,
  slotSize: 0x2000,
  probe: 0x5000,
  probeMismatches: 0x5000 + 48,
  /** Where the stack of a remote call begins: it grows down to the probe's results. */
  stackTop: 0x6000,
  /** Translated timespecs that the kernel reads, or may read again, as long as their calls last. */
  waits: 0x6000,
  waitSize: 32,
  waitCount: 512,
} as const;

/** In PARAMS.flags: the target has a seccomp filter, so the payload makes no system call that it did not make. */
export const FILTERED = 1n;
/** In PARAMS.flags: the places of relative waits are rewritten, so CLOCK_MONOTONIC may run at another rate. */
export const DURATIONS = 2n;

/** In PARAMS.flags: its system calls were left alone because the user said so, and so are those of what it starts. */
export const LEFT_ALONE = 4n;

/** What one slot holds. */
export interface Settings {
  /** Tells the settings of one target apart: never used twice, and rising. */
  generation: bigint;
  /** Which clocks and functions are skewed; 0n: none. As `ClockSelection.mask`. */
  mask: bigint;
  /** Nanoseconds; of a profile the base. */
  offset: bigint;
  /** 64 bits. */
  skewId: bigint;
  /** True time of this setting, ns since 1970. */
  since: bigint;
  /** How the offset changes with time. None: it is constant, and is in force at once. */
  profile?: AnchoredProfile;
}

/** Settings as they stand in a target, which may have written anything there. */
export interface FoundSettings extends Settings {
  /** Why its profile cannot be told, as a sentence's end; then `profile` is missing, and `offset` is the base. */
  flaw?: string;
}

const SECOND = 1_000_000_000n;
/** Where the settings end that a constant has, too; the last of them says which kind it is. */
const HEAD_BYTES = 56;
const KIND = 48;
const CONSTANT = 0;
const PROFILE = 1;

/** Reads the true time on every clock. */
export function neutral(generation: bigint): Settings {
  return { generation, mask: 0n, offset: 0n, skewId: 0n, since: 0n };
}

/**
 * @returns the bytes of a slot that are in use: what stands behind them does not matter
 * @throws TimeskewError E_INTERNAL for more tracks or key frames than a slot has room for
 */
export function encodeSlot(settings: Settings): Uint8Array {
  const { profile } = settings;
  const rest = profile === undefined ? new Uint8Array() : encodeProfile(profile);
  const bytes = new Uint8Array(HEAD_BYTES + rest.length);
  bytes.set(rest, HEAD_BYTES);
  const view = new DataView(bytes.buffer);
  // Rounded down, so that the payload adds nanoseconds of 0 … 999,999,999 only.
  const nsec = ((settings.offset % SECOND) + SECOND) % SECOND;
  view.setBigUint64(0, settings.generation, true);
  view.setBigUint64(8, settings.mask, true);
  view.setBigInt64(16, (settings.offset - nsec) / SECOND, true);
  view.setBigUint64(24, nsec, true);
  view.setBigUint64(32, settings.skewId, true);
  view.setBigInt64(40, settings.since, true);
  view.setUint32(KIND, profile === undefined ? CONSTANT : PROFILE, true);
  view.setUint32(KIND + 4, profile?.tracks.length ?? 0, true);
  return bytes;
}

/** @param bytes from the start of a slot, up to PARAMS.slotSize; what is missing counts as zeros */
export function decodeSlot(bytes: Uint8Array): FoundSettings {
  const slot = new Uint8Array(PARAMS.slotSize);
  slot.set(bytes.subarray(0, slot.length));
  const view = new DataView(slot.buffer);
  const settings = {
    generation: view.getBigUint64(0, true),
    mask: view.getBigUint64(8, true),
    offset: view.getBigInt64(16, true) * SECOND + view.getBigUint64(24, true),
    skewId: view.getBigUint64(32, true),
    since: view.getBigInt64(40, true),
  };
  const kind = view.getUint32(KIND, true);
  if (kind === CONSTANT) return settings;
  if (kind !== PROFILE) return { ...settings, flaw: `is of kind ${kind}` };
  const profile = decodeProfile(slot.subarray(HEAD_BYTES), view.getUint32(KIND + 4, true));
  return typeof profile === "string" ? { ...settings, flaw: profile } : { ...settings, profile };
}

/** Where slot 0 or 1 begins. */
export function slotOffset(index: number): number {
  return PARAMS.slots + (index & 1) * PARAMS.slotSize;
}

/* ---- the probe ---- */

const READING_BYTES = 56;
const READINGS = 15;
export const PROBE_HEAD_BYTES = 56;
const WANTED = 40;
export const PROBE_BYTES = PROBE_HEAD_BYTES + READINGS * READING_BYTES;

/**
 * The probe reads clock id N into reading N, the two functions into these, and into the last one CLOCK_REALTIME by a
 * 32-bit program's clock_gettime64.
 */
export const GETTIMEOFDAY_READING = 12;
export const TIME_READING = 13;
export const CLOCK64_READING = 14;

/** One clock read through the vDSO's entry, between two reads of the original; all in ns. */
export interface ProbeReading {
  /** What the function returned: 0, or a negative errno. */
  result: bigint;
  /** Of a function that has 32 bits for seconds: the time nearest to what it should be that has them. */
  value: bigint;
  before: bigint;
  after: bigint;
}

/** @param entries addresses of the vDSO's functions in the order of FUNCTIONS, 0n where there is none */
export function encodeProbeHead(entries: readonly bigint[], wanted: bigint): Uint8Array {
  const bytes = new Uint8Array(PROBE_HEAD_BYTES);
  const view = new DataView(bytes.buffer);
  entries.forEach((entry, i) => {
    view.setBigUint64(8 * i, entry, true);
  });
  view.setBigUint64(WANTED, wanted, true);
  return bytes;
}

/** @param bytes PROBE_BYTES from the start of the probe */
export function decodeProbe(bytes: Uint8Array): ProbeReading[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: READINGS }, (_, i) => {
    const at = PROBE_HEAD_BYTES + i * READING_BYTES;
    const ns = (offset: number) =>
      view.getBigInt64(at + offset, true) * SECOND + view.getBigInt64(at + offset + 8, true);
    return { result: view.getBigInt64(at, true), value: ns(8), before: ns(24), after: ns(40) };
  });
}
