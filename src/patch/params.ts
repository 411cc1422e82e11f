/**
 * The parameter pages as the payload reads them (native/payload/params.h holds the same layout): two slots of
 * settings, the index that names the one in use, the probe's results, and the deadlines of calls that are under way.
 */

/** Offsets and sizes in bytes. */
export const PARAMS = {
  size: 0x7000,
  index: 0xfc0,
  /** 64 bits: FILTERED or 0. */
  flags: 0xfc8,
  slots: 0x1000,
  slotSize: 0x800,
  probe: 0x2000,
  probeMismatches: 0x2000 + 32,
  /** Where the stack of a remote call begins: it grows down to the probe's results. */
  stackTop: 0x3000,
  /** Translated timespecs that the kernel reads, or may read again, as long as their calls last. */
  waits: 0x3000,
  waitSize: 32,
  waitCount: 512,
} as const;

/** In PARAMS.flags: the target has a seccomp filter, so the payload makes no system call that it did not make. */
export const FILTERED = 1n;

/** Bytes of a slot that are in use; the rest is room for profiles. */
export const SLOT_BYTES = 56;

/** The rate 1, as a slot has it: 32 bits before the point and 32 behind it. */
export const RATE_ONE = 1n << 32n;

/** What one slot holds. */
export interface Settings {
  /** Tells the settings of one target apart: never used twice, and rising. */
  generation: bigint;
  /** Which clocks and functions are skewed; 0n: none. As `ClockSelection.mask`. */
  mask: bigint;
  /** Nanoseconds. */
  offset: bigint;
  /** 64 bits. */
  skewId: bigint;
  /** True time of this setting, ns since 1970. */
  since: bigint;
  /** Fake ns per true ns of CLOCK_MONOTONIC, times RATE_ONE; 0n, too, means 1. It decides how long waits take. */
  rate: bigint;
}

const SECOND = 1_000_000_000n;

/** Reads the true time on every clock. */
export function neutral(generation: bigint): Settings {
  return { generation, mask: 0n, offset: 0n, skewId: 0n, since: 0n, rate: 0n };
}

export function encodeSlot(settings: Settings): Uint8Array {
  const bytes = new Uint8Array(SLOT_BYTES);
  const view = new DataView(bytes.buffer);
  // Rounded down, so that the payload adds nanoseconds of 0 … 999,999,999 only.
  const nsec = ((settings.offset % SECOND) + SECOND) % SECOND;
  view.setBigUint64(0, settings.generation, true);
  view.setBigUint64(8, settings.mask, true);
  view.setBigInt64(16, (settings.offset - nsec) / SECOND, true);
  view.setBigUint64(24, nsec, true);
  view.setBigUint64(32, settings.skewId, true);
  view.setBigInt64(40, settings.since, true);
  view.setBigUint64(48, settings.rate, true);
  return bytes;
}

export function decodeSlot(bytes: Uint8Array): Settings {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    generation: view.getBigUint64(0, true),
    mask: view.getBigUint64(8, true),
    offset: view.getBigInt64(16, true) * SECOND + view.getBigUint64(24, true),
    skewId: view.getBigUint64(32, true),
    since: view.getBigInt64(40, true),
    rate: view.getBigUint64(48, true),
  };
}

/** Where slot 0 or 1 begins. */
export function slotOffset(index: number): number {
  return PARAMS.slots + (index & 1) * PARAMS.slotSize;
}

/* ---- the probe ---- */

const READING_BYTES = 56;
const READINGS = 14;
export const PROBE_HEAD_BYTES = 40;
export const PROBE_BYTES = PROBE_HEAD_BYTES + READINGS * READING_BYTES;

/** The probe reads clock id N into reading N, and the two functions into these. */
export const GETTIMEOFDAY_READING = 12;
export const TIME_READING = 13;

/** One clock read through the vDSO's entry, between two reads of the original; all in ns. */
export interface ProbeReading {
  /** What the function returned: 0, or a negative errno. */
  result: bigint;
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
  view.setBigUint64(24, wanted, true);
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
