/**
 * The payload: the flat code that runs inside the target, as native/build.mjs made it. Its header says where its
 * entries and trampolines are, and which layout of the parameter pages it was compiled for.
 */
import { TimeskewError } from "../errors.ts";
import { PARAMS } from "./params.ts";

/**
 * The patched functions, in the order in which payload, mark and probe count them. The last two are a 32-bit program's:
 * a clock read with 64 bits of seconds, and where it makes its system calls (`__kernel_vsyscall`). arm64 has no time().
 */
export const FUNCTIONS = ["clock_gettime", "gettimeofday", "time", "clock_gettime64", "vsyscall"] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

/** The machines that a payload can be for, by what ELF files call them (e_machine). */
const ELF_MACHINES = { x86_64: 62, i386: 3, aarch64: 183 } as const;
export type PayloadMachine = keyof typeof ELF_MACHINES;

/** "TIMEPYLD" */
export const PAYLOAD_MAGIC = 0x444c5950454d4954n;
const VERSION = 5;
export const HEADER_SIZE = 104;

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
  readonly machine: PayloadMachine;
  /** Bytes mapped for code, and for parameters right behind it. */
  readonly codeSize: number;
  readonly paramsSize: number;
  readonly trampolineSize: number;
  /**
   * Offsets in the code: of the probe, of the replacement functions, and of the room for the trampolines; 0 for a
   * function that the machine does not have.
   */
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

/**
 * @param machine of whoever the payload is for
 * @returns the reason why this version cannot work with such a payload, as a sentence's end, or the header
 */
export function parseHeader(bytes: Uint8Array, machine: PayloadMachine): PayloadHeader | string {
  if (bytes.length < HEADER_SIZE || !isPayload(bytes)) return "has no header";
  const header = view(bytes);
  const word = (index: number) => header.getUint32(8 + 4 * index, true);
  // The words in the order of struct ts_payload_header.
  const found = [word(0), word(3), word(4), word(5), word(6), word(7), word(8)];
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
  if (word(1) !== ELF_MACHINES[machine])
    return `is for machine ${word(1)} instead of ${ELF_MACHINES[machine]}`;
  const offsets = (first: number) =>
    Object.fromEntries(FUNCTIONS.map((name, i) => [name, word(first + i)])) as Record<FunctionName, number>;
  const codeSize = word(2);
  const probeEntry = word(9);
  const entries = offsets(10);
  const trampolines = offsets(10 + FUNCTIONS.length);
  const enter = word(10 + 2 * FUNCTIONS.length);
  const beginEntry = word(11 + 2 * FUNCTIONS.length);
  const gate = word(12 + 2 * FUNCTIONS.length);
  const gateCalled = word(13 + 2 * FUNCTIONS.length);
  const trampolineSize = TRAMPOLINE_SIZE;
  const inside = { probeEntry, entries, trampolines, trampolineSize, enter, beginEntry, gate, gateCalled };
  if (codeSize % PAGE !== 0 || codeSize > MAX_CODE || endsOf(inside).some((end) => end > codeSize))
    return "has offsets outside";
  return { machine, codeSize, paramsSize: PARAMS.size, ...inside };
}

/** @throws TimeskewError E_INTERNAL for a payload that was built for another version of this program, or machine */
export function parsePayload(bytes: Uint8Array, machine: PayloadMachine): Payload {
  const header = parseHeader(bytes, machine);
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
}: Omit<PayloadHeader, "machine" | "codeSize" | "paramsSize">): number[] {
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
