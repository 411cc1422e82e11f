/**
 * The payload: the flat code that runs inside the target, as native/build.mjs made it. Its header says where its
 * entries and trampolines are, and which layout of the parameter pages it was compiled for.
 */
import { TimeskewError } from "../errors.ts";
import { PARAMS } from "./params.ts";

/** The patched functions, in the order in which payload, mark and probe count them. */
export const FUNCTIONS = ["clock_gettime", "gettimeofday", "time"] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

/** "TIMEPYLD" */
export const PAYLOAD_MAGIC = 0x444c5950454d4954n;
const VERSION = 1;
export const HEADER_SIZE = 68;

export interface Payload {
  /** The whole code, without the padding up to `codeSize`. */
  readonly bytes: Uint8Array;
  /** Bytes mapped for code, and for parameters right behind it. */
  readonly codeSize: number;
  readonly paramsSize: number;
  /** Offsets of the replacement functions in the code. */
  readonly entries: Readonly<Record<FunctionName, number>>;
  /** Offsets of the room for the trampolines. */
  readonly trampolines: Readonly<Record<FunctionName, number>>;
  readonly trampolineSize: number;
  readonly probeEntry: number;
}

/** Whether bytes read from a target begin with a payload's header, of this or another version. */
export function isPayload(bytes: Uint8Array): boolean {
  return bytes.length >= 12 && view(bytes).getBigUint64(0, true) === PAYLOAD_MAGIC;
}

/** The sizes in a payload's header: what may be read before anything else is trusted. */
export function payloadSizes(bytes: Uint8Array): { version: number; codeSize: number; paramsSize: number } {
  const header = view(bytes);
  return {
    version: header.getUint32(8, true),
    codeSize: header.getUint32(12, true),
    paramsSize: header.getUint32(16, true),
  };
}

/** @throws TimeskewError E_INTERNAL for a payload that was built for another version of this program */
export function parsePayload(bytes: Uint8Array): Payload {
  if (bytes.length < HEADER_SIZE || !isPayload(bytes)) throw mismatch("it has no header");
  const header = view(bytes);
  const word = (index: number) => header.getUint32(8 + 4 * index, true);
  const [version, codeSize, paramsSize, index, slots, slotSize, probe, trampolineSize, probeEntry] =
    Array.from({ length: 9 }, (_, i) => word(i)) as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
  const expected = [VERSION, PARAMS.size, PARAMS.index, PARAMS.slots, PARAMS.slotSize, PARAMS.probe];
  const found = [version, paramsSize, index, slots, slotSize, probe];
  if (expected.some((value, i) => value !== found[i]))
    throw mismatch(`layout ${found} instead of ${expected}`);
  const offsets = (first: number) =>
    Object.fromEntries(FUNCTIONS.map((name, i) => [name, word(first + i)])) as Record<FunctionName, number>;
  const entries = offsets(9);
  const trampolines = offsets(9 + FUNCTIONS.length);
  const inside = [probeEntry, ...Object.values(entries), ...Object.values(trampolines)];
  if (bytes.length > codeSize || inside.some((offset) => offset >= bytes.length))
    throw mismatch("offsets outside");
  return { bytes, codeSize, paramsSize, entries, trampolines, trampolineSize, probeEntry };
}

function mismatch(why: string): TimeskewError {
  return new TimeskewError("E_INTERNAL", `the payload does not belong to this version of timeskew: ${why}`, {
    hint: "build it again: npm run build",
  });
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
