/**
 * The helper's structures as the C compiler lays them out, and the bytes that TypeScript packs.
 */
import { expect, it } from "vitest";
import { address } from "../../../src/machine/address.ts";
import type { PatchPlan, Step } from "../../../src/patch/plan.ts";
import { decodeReport, encodePlan, REPORT_BYTES } from "../../../src/tracer/encode.ts";
import { evaluate, layoutOf } from "../patch/c-layout.ts";

const HEADER = "timeskew.h";
const none = new Uint8Array(0);

const STEPS: readonly Step[] = [
  { op: "check", address: address(1n), bytes: none, what: "" },
  { op: "map", address: address(1n), length: 1, protection: "rw-", what: "" },
  { op: "unmap", address: address(1n), length: 1, what: "" },
  { op: "write", address: address(1n), bytes: none, what: "" },
  { op: "patch", address: address(1n), old: none, new: none, what: "" },
  { op: "move", moves: [], what: "" },
  { op: "call", address: address(1n), argument: address(2n), stack: address(3n), what: "" },
  { op: "read", address: address(1n), length: 1, what: "" },
  { op: "drain", code: [{ address: address(1n), length: 1 }], timeoutNs: 1n, calls: address(2n), what: "" },
  { op: "ours", address: address(1n), length: 1, calls: address(2n), what: "" },
];

const PLAN: PatchPlan = {
  pid: 1,
  machine: "x86_64",
  action: "inject",
  before: "untouched",
  stop: "one",
  sleepers: "woken",
  stub: { address: address(0x1234n), pristine: new Uint8Array(24) },
  sites: [],
  calls: [],
  steps: STEPS,
};
const SESSION = { proc: 5, memoryPid: 6, stopTimeoutNs: 7n, seccomp: true, ourChild: true, followed: true };

it("numbers the steps as enum ts_op does, and the protections as mmap does", (context) => {
  const names = ["CHECK", "MAP", "UNMAP", "WRITE", "PATCH", "MOVE", "CALL", "READ", "DRAIN", "OURS"];
  const values = evaluate(
    context,
    HEADER,
    names.map((name) => `TS_${name}`),
  );
  const view = new DataView(encodePlan(PLAN, SESSION).bytes.buffer);
  expect(STEPS.map((_, i) => BigInt(view.getUint32(56 + 56 * i, true)))).toEqual(values);
});

it("struct ts_plan", (context) => {
  const head = ["magic", "abi", "pid", "proc", "flags", "step_count", "stop_timeout_ns"];
  const members = [...head, "stub_address", "stub_size", "stub_pristine", "data_offset", "data_size"];
  const layout = layoutOf(context, HEADER, "ts_plan", members);
  const [magic, abi, flags, size] = evaluate(context, HEADER, [
    "TS_PLAN_MAGIC",
    "TS_ABI",
    "TS_STOP_ONE | TS_FILTERED | TS_OUR_CHILD | TS_WAKE_SLEEPERS | TS_FOLLOWED",
    `sizeof(struct ts_plan) + ${STEPS.length} * sizeof(struct ts_step)`,
  ]);
  const { bytes } = encodePlan(PLAN, SESSION);
  const view = new DataView(bytes.buffer);
  const found = Object.fromEntries(
    [...layout].map(([name, { offset, size }]) => [
      name,
      size === 4 ? BigInt(view.getUint32(offset, true)) : view.getBigUint64(offset, true),
    ]),
  );
  expect(found).toEqual({
    magic,
    abi,
    pid: 6n,
    proc: 5n,
    flags,
    step_count: BigInt(STEPS.length),
    stop_timeout_ns: 7n,
    stub_address: 0x1234n,
    stub_size: 24n,
    stub_pristine: 0n,
    data_offset: size,
    data_size: BigInt(bytes.length) - size!,
  });
});

it("struct ts_step, struct ts_pair, struct ts_range and struct ts_gate_ahead", (context) => {
  const offsets = ["op", "flags", "count", "a", "b", "reserved", "address", "length", "value", "value2"];
  const layout = layoutOf(context, HEADER, "ts_step", offsets);
  expect([...layout.values()].map(({ offset }) => offset)).toEqual([0, 4, 8, 12, 16, 20, 24, 32, 40, 48]);
  expect(
    evaluate(context, HEADER, [
      "sizeof(struct ts_step)",
      "sizeof(struct ts_pair)",
      "offsetof(struct ts_pair, to)",
      "TS_HAS_OLD",
      "sizeof(struct ts_range)",
      "offsetof(struct ts_range, end)",
      "TS_HAS_GATE",
      "sizeof(struct ts_gate_ahead)",
      "offsetof(struct ts_gate_ahead, first)",
    ]),
  ).toEqual([56n, 16n, 8n, 1n, 16n, 8n, 2n, 16n, 8n]);
});

it("numbers stages and roll backs as the helper does", (context) => {
  const stages = ["plan", "seize", "stop", "step", "done", "finish", "begin"];
  const rollbacks = ["none", "done", "failed"];
  const values = evaluate(context, HEADER, [
    ...stages.map((name) => `TS_STAGE_${name.toUpperCase()}`),
    ...rollbacks.map((name) => `TS_ROLLBACK_${name.toUpperCase()}`),
  ]).map(Number);
  const told = values.map((value, i) => {
    const bytes = new Uint8Array(REPORT_BYTES);
    bytes[i < stages.length ? 4 : 12] = value;
    const { stage, rollback } = decodeReport(bytes);
    return i < stages.length ? stage : rollback;
  });
  expect(told).toEqual([...stages, ...rollbacks]);
});

it("struct ts_report", (context) => {
  const fields = {
    error: "error",
    step: "step",
    rollback_errno: "rollbackError",
    culprit: "culprit",
    threads: "threads",
    moved: "movedThreads",
    frames: "movedFrames",
    lingering: "lingering",
    waiting: "waiting",
    restarted: "restarted",
    asleep: "asleep",
  } as const;
  const layout = layoutOf(context, HEADER, "ts_report", [
    ...Object.keys(fields),
    "stage",
    "rollback",
    "pause_ns",
  ]);
  const [size, stage, rollback] = evaluate(context, HEADER, [
    "sizeof(struct ts_report)",
    "TS_STAGE_STOP",
    "TS_ROLLBACK_FAILED",
  ]);
  expect(BigInt(REPORT_BYTES)).toBe(size);
  const bytes = new Uint8Array(REPORT_BYTES);
  const view = new DataView(bytes.buffer);
  Object.keys(fields).forEach((member, i) => {
    view.setUint32(layout.get(member)!.offset, 100 + i, true);
  });
  view.setUint32(layout.get("stage")!.offset, Number(stage), true);
  view.setUint32(layout.get("rollback")!.offset, Number(rollback), true);
  view.setBigUint64(layout.get("pause_ns")!.offset, 12345n, true);
  expect(decodeReport(bytes)).toEqual({
    ...Object.fromEntries(Object.values(fields).map((name, i) => [name, 100 + i])),
    stage: "stop",
    rollback: "failed",
    pauseNs: 12345n,
  });
});
