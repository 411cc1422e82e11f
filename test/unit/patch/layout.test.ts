/**
 * The parameter pages and the mark as TypeScript packs them, read by the layout that the C compiler makes of
 * native/payload/params.h.
 */
import { expect, it } from "vitest";
import { address } from "../../../src/machine/address.ts";
import {
  ADDED_OFFSET,
  encodeMark,
  MARK_BYTES,
  MARK_MAGIC,
  MARK_STATE_OFFSET,
  MARK_VERSION,
  MAX_ADDED,
} from "../../../src/patch/mark.ts";
import {
  CLOCK64_READING,
  DURATIONS,
  decodeProbe,
  encodeProbeHead,
  encodeSlot,
  FILTERED,
  GETTIMEOFDAY_READING,
  LEFT_ALONE,
  PARAMS,
  PROBE_BYTES,
  PROBE_HEAD_BYTES,
  slotOffset,
  TIME_READING,
} from "../../../src/patch/params.ts";
import { FUNCTIONS, HEADER_SIZE, PAYLOAD_MAGIC } from "../../../src/patch/payload.ts";
import { MAX_FRAMES, MAX_TRACKS } from "../../../src/skew/profile.ts";
import { MAX_TEXT } from "../../../src/skew/verbs.ts";
import { loadPayload } from "../../../src/tracer/native.ts";
import { complaintFor32Bit, evaluate, layoutOf } from "./c-layout.ts";

const HEADER = "payload/params.h";

/** The members' values, from bytes. */
function readMembers(bytes: Uint8Array, layout: Map<string, { offset: number; size: number }>): object {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Object.fromEntries(
    [...layout].map(([name, { offset, size }]) => [
      name,
      size === 4 ? BigInt(view.getUint32(offset, true)) : view.getBigUint64(offset, true),
    ]),
  );
}

const CONSTANTS: readonly [string, number | bigint][] = [
  ["TS_PAYLOAD_MAGIC", PAYLOAD_MAGIC],
  ["TS_MARK_MAGIC", MARK_MAGIC],
  ["TS_PAYLOAD_VERSION", MARK_VERSION],
  ["TS_FUNCTIONS", FUNCTIONS.length],
  ["offsetof(struct ts_mark, added)", ADDED_OFFSET],
  ["TS_MAX_ADDED", MAX_ADDED],
  ["TS_MARK_ARMED", 1],
  ["TS_MARK_RESTORED", 2],
  ["TS_SELECT_GETTIMEOFDAY", 1n << 62n],
  ["TS_SELECT_TIME", 1n << 63n],
  ["TS_PROBE_READINGS", CLOCK64_READING + 1],
  ["TS_PROBE_READINGS - 2", TIME_READING],
  ["TS_PROBE_READINGS - 3", GETTIMEOFDAY_READING],
  ["offsetof(struct ts_payload_header, gate_called) + 4", HEADER_SIZE],
  ["TS_PARAMS_SIZE", PARAMS.size],
  ["sizeof(struct ts_params)", PARAMS.size],
  ["sizeof(struct ts_slot)", PARAMS.slotSize],
  ["sizeof(struct ts_probe)", PROBE_BYTES],
  ["sizeof(struct ts_mark)", MARK_BYTES],
  ["offsetof(struct ts_mark, state)", MARK_STATE_OFFSET],
  ["offsetof(struct ts_params, mark)", 0],
  ["offsetof(struct ts_params, index)", PARAMS.index],
  ["offsetof(struct ts_params, flags)", PARAMS.flags],
  ["offsetof(struct ts_params, gate)", PARAMS.gate],
  ["TS_FILTERED", FILTERED],
  ["TS_DURATIONS", DURATIONS],
  ["TS_LEFT_ALONE", LEFT_ALONE],
  ["TS_TRACKS", MAX_TRACKS],
  ["TS_FRAMES", MAX_FRAMES],
  ["offsetof(struct ts_params, slot)", PARAMS.slots],
  ["offsetof(struct ts_params, slot[0])", slotOffset(0)],
  ["offsetof(struct ts_params, slot[1])", slotOffset(1)],
  ["offsetof(struct ts_params, probe)", PARAMS.probe],
  ["offsetof(struct ts_params, probe.mismatches)", PARAMS.probeMismatches],
  ["offsetof(struct ts_params, probe.readings) - offsetof(struct ts_params, probe)", PROBE_HEAD_BYTES],
  ["offsetof(struct ts_params, stack[sizeof(((struct ts_params *)0)->stack)])", PARAMS.stackTop],
  ["offsetof(struct ts_params, waits)", PARAMS.waits],
  ["sizeof(struct ts_wait)", PARAMS.waitSize],
  ["TS_WAITS", PARAMS.waitCount],
];

it("constants", (context) => {
  const values = evaluate(
    context,
    HEADER,
    CONSTANTS.map(([expression]) => expression),
  );
  expect(CONSTANTS.map(([name], i) => [name, values[i]])).toEqual(
    CONSTANTS.map(([name, value]) => [name, BigInt(value)]),
  );
});

it("constants for 32-bit programs", (context) => {
  const expected = CONSTANTS.map(([name, value]) => [name, BigInt(value)] as const);
  expect(complaintFor32Bit(context, HEADER, expected)).toBe("");
  expect(complaintFor32Bit(context, HEADER, [["sizeof(struct ts_wait)", 31n]])).toContain("ts_wait");
});

it("struct ts_payload_header, as it was built", (context) => {
  const sizes = ["code_size", "params_size", "index", "slots", "slot_size", "probe", "trampoline_size"];
  const offsets = [
    "probe_entry",
    ...["entries", "trampolines"].flatMap((m) => FUNCTIONS.map((_, i) => `${m}[${i}]`)),
    "enter",
    "begin_entry",
    "gate",
    "gate_called",
  ];
  const layout = layoutOf(context, HEADER, "ts_payload_header", ["version", "machine", ...sizes, ...offsets]);
  const expected = evaluate(context, HEADER, ["4 * TS_PAGE", "TS_PARAMS_SIZE", "TS_TRAMPOLINE_SIZE"]);
  const { bytes, entries, trampolines, probeEntry, enter, beginEntry, gate, gateCalled } = loadPayload();
  expect(readMembers(bytes, layout)).toEqual({
    version: 5n,
    machine: 62n,
    code_size: expected[0],
    params_size: expected[1],
    trampoline_size: expected[2],
    index: BigInt(PARAMS.index),
    slots: BigInt(PARAMS.slots),
    slot_size: BigInt(PARAMS.slotSize),
    probe: BigInt(PARAMS.probe),
    probe_entry: BigInt(probeEntry),
    enter: BigInt(enter),
    begin_entry: BigInt(beginEntry),
    gate: BigInt(gate),
    gate_called: BigInt(gateCalled),
    ...Object.fromEntries(FUNCTIONS.map((name, i) => [`entries[${i}]`, BigInt(entries[name])])),
    ...Object.fromEntries(FUNCTIONS.map((name, i) => [`trampolines[${i}]`, BigInt(trampolines[name])])),
  });
});

it("struct ts_slot", (context) => {
  const track = (n: bigint, frames: number) => ({
    clocks: n,
    period: n + 1n,
    tail: { num: -(n + 2n), den: n + 3n },
    frames: Array.from({ length: frames }, (_, i) => ({ at: BigInt(i), offset: -n - BigInt(i) })),
  });
  const bytes = encodeSlot({
    generation: 1n,
    mask: 2n,
    offset: 3_000_000_004n,
    skewId: 5n,
    since: 6n,
    profile: {
      start: { realtime: 11n, monotonic: 12n, raw: 13n, boottime: 14n, tai: 15n },
      duration: 21n,
      every: 22n,
      noise: { amplitude: 31n, every: 32n, seed: 33n, glides: true },
      swing: 41n,
      ceiling: -42n,
      tracks: [track(50n, 1), track(60n, 2), track(70n, 3)],
      text: "--rate 2",
    },
  });
  const tracks = [50n, 60n, 70n].map((n, i): [string, bigint][] => [
    [`tracks[${i}].clocks`, n],
    [`tracks[${i}].period`, n + 1n],
    [`tracks[${i}].tail_num`, BigInt.asUintN(64, -(n + 2n))],
    [`tracks[${i}].tail_den`, n + 3n],
    [`tracks[${i}].first`, [0n, 1n, 3n][i]!],
    [`tracks[${i}].count`, BigInt(i + 1)],
  ]);
  const expected: [string, bigint][] = [
    ["generation", 1n],
    ["selected", 2n],
    ["offset_sec", 3n],
    ["offset_nsec", 4n],
    ["skew_id", 5n],
    ["since", 6n],
    ["kind", 1n],
    ["track_count", 3n],
    ...["REALTIME", "MONOTONIC", "RAW", "BOOTTIME", "TAI"].map((family, i): [string, bigint] => [
      `start[TS_${family}]`,
      BigInt(11 + i),
    ]),
    ["duration", 21n],
    ["every", 22n],
    ["noise_amplitude", 31n],
    ["noise_every", 32n],
    ["noise_seed", 33n],
    ["noise_glides", 1n],
    ["swing", 41n],
    ["ceiling", BigInt.asUintN(64, -42n)],
    ...tracks.flat(),
    ["frames[0].offset", BigInt.asUintN(64, -50n)],
    ["frames[5].at", 2n],
    ["frames[5].offset", BigInt.asUintN(64, -72n)],
  ];
  const layout = layoutOf(
    context,
    HEADER,
    "ts_slot",
    expected.map(([member]) => member),
  );
  expect(readMembers(bytes, layout)).toEqual(Object.fromEntries(expected));
  const text = layoutOf(context, HEADER, "ts_slot", ["text"]).get("text")!;
  expect(new TextDecoder().decode(bytes.subarray(text.offset, text.offset + 9))).toBe("--rate 2\0");
  expect(text.size).toBe(MAX_TEXT);
});

it("struct ts_mark", (context) => {
  const head = ["magic", "version", "state", "code_address", "code_size", "params_address", "params_size"];
  const members = [
    ...head,
    ...["vdso_address", "vdso_size", "site_count"],
    ...[0, 1, 7].flatMap((i) =>
      ["address", "original", "patched", "function"].map((m) => `sites[${i}].${m}`),
    ),
    ...["island_count", "islands[0].address", "islands[0].size", "islands[7].address"],
    ...["added[0]", "added[1]", "added[7]"],
  ];
  const word = (byte: number) => Uint8Array.of(byte, 0, 0, 0, 0, 0, 0, 0);
  const site = (at: bigint, byte: number, name: (typeof FUNCTIONS)[number]) => ({
    function: name,
    address: address(at),
    original: word(byte),
    patched: word(byte + 1),
  });
  const bytes = encodeMark({
    state: "restored",
    code: { address: address(11n), size: 12 },
    params: { address: address(13n), size: 14 },
    vdso: { address: address(15n), size: 16 },
    sites: [site(21n, 22, "gettimeofday"), site(31n, 32, "time")],
    islands: [{ address: address(4096n * 41n), size: 4096 * 42 }],
    added: [undefined, { address: address(4096n * 51n), size: 4096 * 52 }],
  });
  expect(readMembers(bytes, layoutOf(context, HEADER, "ts_mark", members))).toEqual({
    magic: MARK_MAGIC,
    version: 5n,
    state: 2n,
    code_address: 11n,
    code_size: 12n,
    params_address: 13n,
    params_size: 14n,
    vdso_address: 15n,
    vdso_size: 16n,
    site_count: 2n,
    "sites[0].address": 21n,
    "sites[0].original": 22n,
    "sites[0].patched": 23n,
    "sites[0].function": 1n,
    "sites[1].address": 31n,
    "sites[1].original": 32n,
    "sites[1].patched": 33n,
    "sites[1].function": 2n,
    island_count: 1n,
    "islands[0].address": 4096n * 41n,
    "islands[0].size": 4096n * 42n,
    "islands[7].address": 0n,
    "added[0]": 0n,
    "added[1]": 4096n * 51n + 52n,
    "added[7]": 0n,
    "sites[7].address": 0n,
    "sites[7].original": 0n,
    "sites[7].patched": 0n,
    "sites[7].function": 0n,
  });
});

it("struct ts_probe", (context) => {
  const head = layoutOf(context, HEADER, "ts_probe", [...FUNCTIONS.map((_, i) => `entries[${i}]`), "wanted"]);
  expect(readMembers(encodeProbeHead([1n, 2n, 3n, 4n, 5n], 6n), head)).toEqual({
    ...Object.fromEntries(FUNCTIONS.map((_, i) => [`entries[${i}]`, BigInt(i + 1)])),
    wanted: 6n,
  });

  const fields = ["result", "sec", "nsec", "before_sec", "before_nsec", "after_sec", "after_nsec"];
  const last = layoutOf(
    context,
    HEADER,
    "ts_probe",
    fields.map((field) => `readings[${CLOCK64_READING}].${field}`),
  );
  const bytes = new Uint8Array(PROBE_BYTES);
  [...last.values()].forEach(({ offset }, i) => {
    new DataView(bytes.buffer).setBigInt64(offset, BigInt(i + 1), true);
  });
  expect(decodeProbe(bytes)[CLOCK64_READING]).toEqual({
    result: 1n,
    value: 2_000_000_003n,
    before: 4_000_000_005n,
    after: 6_000_000_007n,
  });
});
