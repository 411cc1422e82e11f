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
const VERSION = 4;
export const HEADER_SIZE = 84;

const TRAMPOLINE_SIZE = 64;
const PAGE = 4096;
/** No payload has more code. */
export const MAX_CODE = 16 * PAGE;

export interface Payload extends PayloadHeader {
  /** The whole code, without the padding up to `codeSize`. */
  readonly bytes: Uint8Array;
}

/** Whether bytes read from a target begin with a payload's header, of this or another version. */
export function isPayload(bytes: Uint8Array): boolean {
  return bytes.length >= 8 && view(bytes).getBigUint64(0, true) === PAYLOAD_MAGIC;
}

/** What a header says. Read from a target it may say anything. */
export interface PayloadHeader {
  /** Bytes mapped for code, and for parameters right behind it. */
  readonly codeSize: number;
  readonly paramsSize: number;
  readonly trampolineSize: number;
  /** Offsets in the code: of the probe, of the replacement functions, and of the room for the trampolines. */
  readonly probeEntry: number;
  readonly entries: Readonly<Record<FunctionName, number>>;
  readonly trampolines: Readonly<Record<FunctionName, number>>;
  /** Offset in the code: where the thunks of the call sites call. */
  readonly enter: number;
  /** Offset in the code: makes the starts of slot 1's profile absolute. */
  readonly beginEntry: number;
  /** Offset in the code: where the dynamic linker jumps to, and what is behind the system call that is made there. */
  readonly gate: number;
  readonly gateCalled: number;
}

/** @returns the reason why this version cannot work with such a payload, as a sentence's end, or the header */
export function parseHeader(bytes: Uint8Array): PayloadHeader | string {
  if (bytes.length < HEADER_SIZE || !isPayload(bytes)) return "has no header";
  const header = view(bytes);
  const word = (index: number) => header.getUint32(8 + 4 * index, true);
  // The words in the order of struct ts_payload_header.
  const found = [word(0), word(2), word(3), word(4), word(5), word(6), word(7)];
  const expected = [
    VERSION,
    PARAMS.size,
    PARAMS.index,
    PARAMS.slots,
    PARAMS.slotSize,
    PARAMS.probe,
    TRAMPOLINE_SIZE,
  ];
  if (expected.some((value, i) => value !== found[i]))
    return `has the layout ${found} instead of ${expected}`;
  const offsets = (first: number) =>
    Object.fromEntries(FUNCTIONS.map((name, i) => [name, word(first + i)])) as Record<FunctionName, number>;
  const codeSize = word(1);
  const probeEntry = word(8);
  const entries = offsets(9);
  const trampolines = offsets(9 + FUNCTIONS.length);
  const enter = word(9 + 2 * FUNCTIONS.length);
  const beginEntry = word(10 + 2 * FUNCTIONS.length);
  const gate = word(11 + 2 * FUNCTIONS.length);
  const gateCalled = word(12 + 2 * FUNCTIONS.length);
  const trampolineSize = TRAMPOLINE_SIZE;
  const inside = { probeEntry, entries, trampolines, trampolineSize, enter, beginEntry, gate, gateCalled };
  if (codeSize % PAGE !== 0 || codeSize > MAX_CODE || endsOf(inside).some((end) => end > codeSize))
    return "has offsets outside";
  return { codeSize, paramsSize: PARAMS.size, ...inside };
}

/** @throws TimeskewError E_INTERNAL for a payload that was built for another version of this program */
export function parsePayload(bytes: Uint8Array): Payload {
  const header = parseHeader(bytes);
  if (typeof header === "string") throw mismatch(header);
  const inside = endsOf(header);
  if (bytes.length > header.codeSize || inside.some((end) => end > bytes.length))
    throw mismatch("has offsets outside");
  return { ...header, bytes };
}

/** Where what the header points to ends, at the least: code is one byte or more. */
function endsOf({
  probeEntry,
  entries,
  trampolines,
  enter,
  beginEntry,
  gate,
  gateCalled,
  trampolineSize,
}: Omit<PayloadHeader, "codeSize" | "paramsSize">): number[] {
  const starts = [probeEntry, enter, beginEntry, gate, gateCalled, ...Object.values(entries)];
  const code = starts.map((at) => at + 1);
  return [...code, ...Object.values(trampolines).map((at) => at + trampolineSize)];
}

function mismatch(why: string): TimeskewError {
  return new TimeskewError("E_INTERNAL", `the payload ${why}: it is not of this version of timeskew`, {
    hint: "build it again: npm run build",
  });
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
