/**
 * Plans as bytes for the helper, and its report. Offsets are written out: they are the helper's (see layout.test.ts).
 */
import { describe, expect, it } from "vitest";
import { address } from "../../../src/machine/address.ts";
import type { PatchPlan, Step } from "../../../src/patch/plan.ts";
import { decodeReport, encodePlan, REPORT_BYTES } from "../../../src/tracer/encode.ts";

const SESSION = {
  proc: 17,
  memoryPid: 4321,
  stopTimeoutNs: 1_500_000_000n,
  seccomp: false,
  ourChild: false,
  followed: false,
};
const STEP = 56;
const HIGH = 0xffff_8000_0000_0008n;

function planOf(steps: readonly Step[], rest: Partial<PatchPlan> = {}): PatchPlan {
  return {
    pid: 1234,
    machine: "x86_64",
    action: "inject",
    before: "untouched",
    stop: "all",
    sleepers: "left",
    stub: { address: address(0x7fff_f7fc_2e00n), pristine: Uint8Array.of(1, 2, 3) },
    sites: [],
    calls: [],
    steps,
    ...rest,
  };
}

interface Fields {
  op: number;
  flags: number;
  count: number;
  a: number;
  b: number;
  reserved: number;
  address: bigint;
  length: bigint;
  value: bigint;
  value2: bigint;
}

const NONE: Omit<Fields, "op"> = {
  flags: 0,
  count: 0,
  a: 0,
  b: 0,
  reserved: 0,
  address: 0n,
  length: 0n,
  value: 0n,
  value2: 0n,
};

function unpack(bytes: Uint8Array): { steps: Fields[]; data: Uint8Array } {
  const view = new DataView(bytes.buffer);
  const dataOffset = view.getUint32(48, true);
  const steps = Array.from({ length: view.getUint32(20, true) }, (_, i) => {
    const at = 56 + STEP * i;
    const u32 = (offset: number) => view.getUint32(at + offset, true);
    const u64 = (offset: number) => view.getBigUint64(at + offset, true);
    return {
      op: u32(0),
      flags: u32(4),
      count: u32(8),
      a: u32(12),
      b: u32(16),
      reserved: u32(20),
      address: u64(24),
      length: u64(32),
      value: u64(40),
      value2: u64(48),
    };
  });
  return { steps, data: bytes.subarray(dataOffset) };
}

describe("the head of a plan", () => {
  const words = (plan: PatchPlan, session = {}) => {
    const { bytes } = encodePlan(plan, { ...SESSION, ...session });
    const view = new DataView(bytes.buffer);
    return {
      u32: (offset: number) => view.getUint32(offset, true),
      u64: (offset: number) => view.getBigUint64(offset, true),
      size: bytes.length,
    };
  };

  it("has every field in its place", () => {
    const { u32, u64, size } = words(planOf([]));
    expect([u32(0), u32(4)]).toEqual([0x4e4c5054, 4]);
    expect([u32(8), u32(12)], "the task by which memory is reached, and /proc/PID").toEqual([4321, 17]);
    expect([u32(16), u32(20)]).toEqual([0, 0]);
    expect(u64(24)).toBe(1_500_000_000n);
    expect(u64(32)).toBe(0x7fff_f7fc_2e00n);
    expect([u32(40), u32(44), u32(48), u32(52)], "stub size and offset, data offset and size").toEqual([
      3, 0, 56, 8,
    ]);
    expect(size).toBe(64);
  });

  it.each([
    ["none", {}, {}, 0],
    ["one thread", { stop: "one" } as const, {}, 1],
    ["seccomp", {}, { seccomp: true }, 2],
    ["our child", {}, { ourChild: true }, 4],
    ["sleepers woken", { sleepers: "woken" } as const, {}, 8],
    ["followed", {}, { followed: true }, 16],
    [
      "all",
      { stop: "one", sleepers: "woken" } as const,
      { seccomp: true, ourChild: true, followed: true },
      31,
    ],
  ])("flags: %s", (_, rest, session, flags) => {
    expect(words(planOf([], rest), session).u32(16)).toBe(flags);
  });

  it("says where the data begin, behind all steps", () => {
    const step: Step = { op: "unmap", address: address(0n), length: 1, what: "" };
    const { u32, size } = words(planOf([step, step, step]));
    expect([u32(20), u32(48), size]).toEqual([3, 56 + 3 * STEP, 56 + 3 * STEP + 8]);
  });
});

describe("each kind of step", () => {
  // The stub's three bytes lie first, in eight.
  it.each<[string, Step, Partial<Fields>, string]>([
    [
      "check",
      { op: "check", address: address(HIGH), bytes: Uint8Array.of(0xaa, 0xbb), what: "" },
      { op: 1, address: HIGH, length: 2n, a: 8 },
      "aabb000000000000",
    ],
    [
      "map, r-x",
      { op: "map", address: address(HIGH), length: 4096, protection: "r-x", what: "" },
      { op: 2, address: HIGH, length: 4096n, value: 5n },
      "",
    ],
    [
      "map, rw-",
      { op: "map", address: address(HIGH), length: 12288, protection: "rw-", what: "" },
      { op: 2, address: HIGH, length: 12288n, value: 3n },
      "",
    ],
    [
      "unmap",
      { op: "unmap", address: address(HIGH), length: 16384, what: "" },
      { op: 3, address: HIGH, length: 16384n },
      "",
    ],
    [
      "write",
      { op: "write", address: address(HIGH), bytes: Uint8Array.of(1), what: "" },
      { op: 4, address: HIGH, length: 1n, a: 8 },
      "0100000000000000",
    ],
    [
      "write with what was there",
      { op: "write", address: address(HIGH), bytes: Uint8Array.of(1), old: Uint8Array.of(2), what: "" },
      { op: 4, flags: 1, address: HIGH, length: 1n, a: 8, b: 16 },
      "01000000000000000200000000000000",
    ],
    [
      "patch",
      {
        op: "patch",
        address: address(HIGH),
        old: new Uint8Array(8).fill(1),
        new: new Uint8Array(8).fill(2),
        what: "",
      },
      { op: 5, address: HIGH, length: 8n, a: 8, b: 16 },
      "01010101010101010202020202020202",
    ],
    [
      "move",
      {
        op: "move",
        moves: [
          { from: address(1n), to: address(2n) },
          { from: address(3n), to: address(HIGH) },
        ],
        what: "",
      },
      { op: 6, count: 2, a: 8 },
      "0100000000000000020000000000000003000000000000000800000000 80ffff".replace(" ", ""),
    ],
    ["move of nobody", { op: "move", moves: [], what: "" }, { op: 6, a: 8 }, ""],
    [
      "call",
      {
        op: "call",
        address: address(HIGH),
        argument: address(HIGH + 1n),
        stack: address(HIGH + 2n),
        what: "",
      },
      { op: 7, address: HIGH, value: HIGH + 1n, value2: HIGH + 2n },
      "",
    ],
    [
      "read",
      { op: "read", address: address(HIGH), length: 824, what: "" },
      { op: 8, address: HIGH, length: 824n },
      "",
    ],
    [
      "drain",
      {
        op: "drain",
        code: [{ address: address(0x1000n), length: 4096 }],
        timeoutNs: 2n ** 40n,
        calls: address(5n),
        what: "",
      },
      { op: 9, count: 1, a: 8, value: 2n ** 40n, value2: 5n },
      "00100000000000000020000000000000",
    ],
    [
      "drain of several ranges, and a table",
      {
        op: "drain",
        code: [
          { address: address(0n), length: 1 },
          { address: address(HIGH), length: 0x10 },
        ],
        waits: { address: address(HIGH + 0x100n), length: 512 },
        timeoutNs: 0n,
        calls: address(5n),
        what: "",
      },
      { op: 9, count: 2, a: 8, address: HIGH + 0x100n, length: 512n, value2: 5n },
      "000000000000000001000000000000000800000000 80ffff1800000000 80ffff".replaceAll(" ", ""),
    ],
    [
      "drain before a gate",
      {
        op: "drain",
        code: [{ address: address(0x1000n), length: 4096 }],
        timeoutNs: 0n,
        calls: address(5n),
        gate: { word: address(HIGH), first: address(7n) },
        what: "",
      },
      { op: 9, flags: 2, count: 1, a: 24, b: 8, value2: 5n },
      "080000000080ffff 0700000000000000 0010000000000000 0020000000000000".replaceAll(" ", ""),
    ],
    [
      "ours",
      { op: "ours", address: address(HIGH), length: 4096, calls: address(5n), what: "" },
      { op: 10, address: HIGH, length: 4096n, value2: 5n },
      "",
    ],
  ])("%s", (_, step, fields, data) => {
    const { steps, data: all } = unpack(encodePlan(planOf([step]), SESSION).bytes);
    expect(steps).toEqual([{ ...NONE, ...fields }]);
    expect(Buffer.from(all).toString("hex")).toBe(`0102030000000000${data}`);
  });

  it("aligns each step's data to 8 bytes, and keeps them apart", () => {
    const write = (...bytes: number[]): Step => ({
      op: "write",
      address: address(0n),
      bytes: Uint8Array.from(bytes),
      what: "",
    });
    const steps = [write(1, 2, 3, 4, 5, 6, 7, 8, 9), write(), write(10), write(11, 12)];
    const { steps: fields, data } = unpack(encodePlan(planOf(steps), SESSION).bytes);
    expect(fields.map(({ a, length }) => [a, length])).toEqual([
      [8, 9n],
      [24, 0n],
      [24, 1n],
      [32, 2n],
    ]);
    expect([...data.subarray(8, 18)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 0]);
    expect([data[24], data[32], data[33]]).toEqual([10, 11, 12]);
    expect(data).toHaveLength(40);
  });

  it("places what is read one behind the other", () => {
    const read = (length: number): Step => ({ op: "read", address: address(0n), length, what: "" });
    const { bytes, outputSize } = encodePlan(planOf([read(3), read(5), read(1)]), SESSION);
    expect(unpack(bytes).steps.map(({ a }) => a)).toEqual([0, 3, 8]);
    expect(outputSize).toBe(9);
  });

  it.each([1, 8, 10])(
    "refuses a write of 9 bytes whose old bytes are %i: the helper takes 9 of both",
    (length) => {
      const step: Step = {
        op: "write",
        address: address(0n),
        bytes: new Uint8Array(9),
        old: new Uint8Array(length),
        what: "",
      };
      expect(() => encodePlan(planOf([step]), SESSION)).toThrow(RangeError);
    },
  );
});

describe("a report", () => {
  it("has every field in its place", () => {
    const bytes = new Uint8Array(REPORT_BYTES);
    const view = new DataView(bytes.buffer);
    [116, 3, 4, 1, 5, 6, 7, 8, 9, 10, 11, 12, 13].forEach((value, i) => {
      view.setUint32(4 * i, value, true);
    });
    view.setBigUint64(56, 2n ** 63n, true);
    expect(decodeReport(bytes)).toEqual({
      error: 116,
      stage: "step",
      step: 4,
      rollback: "done",
      rollbackError: 5,
      culprit: 6,
      threads: 7,
      movedThreads: 8,
      movedFrames: 9,
      lingering: 10,
      waiting: 11,
      restarted: 12,
      asleep: 13,
      pauseNs: 2n ** 63n,
    });
  });

  it.each([
    [0, "plan"],
    [1, "seize"],
    [2, "stop"],
    [3, "step"],
    [4, "done"],
    [5, "finish"],
    [6, "begin"],
  ])("stage %i is %s", (value, stage) => {
    const bytes = new Uint8Array(REPORT_BYTES);
    bytes[4] = value;
    expect(decodeReport(bytes).stage).toBe(stage);
  });

  it.each([
    [0, "none"],
    [1, "done"],
    [2, "failed"],
    [3, "failed"],
  ])("roll back %i is %s: what we do not know is taken for the worst", (value, rollback) => {
    const bytes = new Uint8Array(REPORT_BYTES);
    bytes[12] = value;
    expect(decodeReport(bytes).rollback).toBe(rollback);
  });
});
