/**
 * Packs a PatchPlan for the helper, and unpacks its report. The layouts are those of native/timeskew.h.
 */
import type { Op, PatchPlan, Step } from "../patch/plan.ts";

const MAGIC = 0x4e4c5054;
const ABI = 4;
const PLAN_BYTES = 56;
const STEP_BYTES = 56;
export const REPORT_BYTES = 64;

const OPS: readonly Op[] = [
  "check",
  "map",
  "unmap",
  "write",
  "patch",
  "move",
  "call",
  "read",
  "drain",
  "ours",
];
const HAS_OLD = 1;
const HAS_GATE = 2;
const STOP_ONE = 1;
const FILTERED = 2;
const OUR_CHILD = 4;
const WAKE_SLEEPERS = 8;
const FOLLOWED = 16;
const COMPAT = 32;
const PROTECTION = { "r-x": 5n, "rw-": 3n } as const;

export interface SessionParameters {
  /** Descriptor of /proc/PID, locked. */
  readonly proc: number;
  /** Through which task the target's memory is reached: the pid, or a thread if the main thread has exited. */
  readonly memoryPid: number;
  readonly stopTimeoutNs: bigint;
  readonly seccomp: boolean;
  /** The target is a child of this very process. */
  readonly ourChild: boolean;
  /** Our follower traces it, and goes on doing so. */
  readonly followed: boolean;
}

export interface EncodedPlan {
  readonly bytes: Uint8Array;
  /** How many bytes the plan's reads bring, one behind the other. */
  readonly outputSize: number;
}

/** The plan's data section: bytes of all steps, each aligned to 8. */
class Data {
  private parts: Uint8Array[] = [];
  size = 0;

  add(bytes: Uint8Array): number {
    const offset = this.size;
    const padding = -bytes.length & 7;
    this.parts.push(bytes, new Uint8Array(padding));
    this.size += bytes.length + padding;
    return offset;
  }

  /** struct ts_pair[], struct ts_range[] or a struct ts_gate_ahead. */
  addPairs(pairs: readonly (readonly [bigint, bigint])[]): number {
    return this.add(new Uint8Array(BigUint64Array.from(pairs.flat()).buffer));
  }

  copyTo(target: Uint8Array, at: number): void {
    let offset = at;
    for (const part of this.parts) {
      target.set(part, offset);
      offset += part.length;
    }
  }
}

/** The fields of struct ts_step; those not named are 0. */
interface StepFields {
  flags?: number;
  count?: number;
  a?: number;
  b?: number;
  address?: bigint;
  length?: number;
  value?: bigint;
  value2?: bigint | undefined;
}

export function encodePlan(plan: PatchPlan, session: SessionParameters): EncodedPlan {
  const data = new Data();
  let outputSize = 0;
  const place = (length: number) => {
    const at = outputSize;
    outputSize += length;
    return at;
  };
  const pristine = data.add(plan.stub.pristine);
  const steps = plan.steps.map((step) => fieldsOf(step, data, place));

  const dataOffset = PLAN_BYTES + STEP_BYTES * steps.length;
  const bytes = new Uint8Array(dataOffset + data.size);
  const view = new DataView(bytes.buffer);
  [
    MAGIC,
    ABI,
    session.memoryPid,
    session.proc,
    (plan.stop === "one" ? STOP_ONE : 0) |
      (session.seccomp ? FILTERED : 0) |
      (session.ourChild ? OUR_CHILD : 0) |
      (plan.sleepers === "woken" ? WAKE_SLEEPERS : 0) |
      (session.followed ? FOLLOWED : 0) |
      (plan.machine === "i386" ? COMPAT : 0),
    steps.length,
  ].forEach((value, i) => {
    view.setUint32(4 * i, value, true);
  });
  view.setBigUint64(24, session.stopTimeoutNs, true);
  view.setBigUint64(32, plan.stub.address, true);
  [plan.stub.pristine.length, pristine, dataOffset, data.size].forEach((value, i) => {
    view.setUint32(40 + 4 * i, value, true);
  });
  steps.forEach((fields, i) => {
    const at = PLAN_BYTES + i * STEP_BYTES;
    const op = OPS.indexOf(plan.steps[i]!.op) + 1;
    [op, fields.flags, fields.count, fields.a, fields.b, 0].forEach((value, k) => {
      view.setUint32(at + 4 * k, value ?? 0, true);
    });
    [fields.address, BigInt(fields.length ?? 0), fields.value, fields.value2].forEach((value, k) => {
      view.setBigUint64(at + 24 + 8 * k, value ?? 0n, true);
    });
  });
  data.copyTo(bytes, dataOffset);
  return { bytes, outputSize };
}

function fieldsOf(step: Step, data: Data, place: (length: number) => number): StepFields {
  switch (step.op) {
    case "check":
      return { address: step.address, length: step.bytes.length, a: data.add(step.bytes) };
    case "map":
      return {
        address: step.address,
        length: step.length,
        value: PROTECTION[step.protection],
        value2: step.calls,
      };
    case "unmap":
      return { address: step.address, length: step.length };
    case "write": {
      if (step.old !== undefined && step.old.length !== step.bytes.length) throw new RangeError(step.what);
      const fields = { address: step.address, length: step.bytes.length, a: data.add(step.bytes) };
      return step.old === undefined ? fields : { ...fields, flags: HAS_OLD, b: data.add(step.old) };
    }
    case "patch":
      return { address: step.address, length: 8, a: data.add(step.old), b: data.add(step.new) };
    case "move":
      return { count: step.moves.length, a: data.addPairs(step.moves.map(({ from, to }) => [from, to])) };
    case "call":
      return { address: step.address, value: step.argument, value2: step.stack };
    case "read":
      return { address: step.address, length: step.length, a: place(step.length) };
    case "ours":
      return { address: step.address, length: step.length, value2: step.calls };
    case "drain":
      return {
        ...step.waits,
        ...(step.gate && { flags: HAS_GATE, b: data.addPairs([[step.gate.word, step.gate.first]]) }),
        count: step.code.length,
        a: data.addPairs(step.code.map(({ address, length }) => [address, address + BigInt(length)])),
        value: step.timeoutNs,
        value2: step.calls,
      };
  }
}

export type Stage = "plan" | "seize" | "stop" | "step" | "done" | "finish" | "begin";
const STAGES: readonly Stage[] = ["plan", "seize", "stop", "step", "done", "finish", "begin"];
export type Rollback = "none" | "done" | "failed";
const ROLLBACKS: readonly Rollback[] = ["none", "done", "failed"];

/** struct ts_report. */
export interface Report {
  /** errno; 0 when all went well. */
  readonly error: number;
  readonly stage: Stage;
  /** Index of the failing step, or the number of steps. */
  readonly step: number;
  readonly rollback: Rollback;
  readonly rollbackError: number;
  /** The thread that the error is about; 0: none. */
  readonly culprit: number;
  readonly threads: number;
  readonly movedThreads: number;
  readonly movedFrames: number;
  /** Threads that may still be inside, after a drain. */
  readonly lingering: number;
  /** Of those: asleep in a system call, for as long as that takes. */
  readonly waiting: number;
  /** System calls that our stop had interrupted and that were put back. */
  readonly restarted: number;
  /** Of the threads: left asleep in a system call. */
  readonly asleep: number;
  readonly pauseNs: bigint;
}

export function decodeReport(bytes: Uint8Array): Report {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (index: number) => view.getUint32(4 * index, true);
  return {
    error: view.getInt32(0, true),
    stage: STAGES[word(1)] ?? "plan",
    step: word(2),
    rollback: ROLLBACKS[word(3)] ?? "failed",
    rollbackError: word(4),
    culprit: word(5),
    threads: word(6),
    movedThreads: word(7),
    movedFrames: word(8),
    lingering: word(9),
    waiting: word(10),
    restarted: word(11),
    asleep: word(12),
    pauseNs: view.getBigUint64(56, true),
  };
}
