/**
 * A target that exists only here: mappings, threads that are nothing but program counters, and plans carried out on
 * them as native/plan.c does it, with its roll back. The tool can be made to die after any step, and any step to fail.
 */
import { type Address, address } from "../../../src/machine/address.ts";
import type { Move, PatchPlan, Range, Step } from "../../../src/patch/plan.ts";
import type { Mapping } from "../../../src/target/proc.ts";

export const EIO = 5;
export const EFAULT = 14;
export const EEXIST = 17;
export const EINVAL = 22;
export const ESTALE = 116;

const PAGE = 4096n;
/** Where native/payload/params.h has ts_params.probe.mismatches. */
const MISMATCHES = 0x5000n + 48n;

interface Region {
  readonly start: bigint;
  readonly bytes: Uint8Array;
  readonly perms: string;
  readonly path: string;
}

/** What a step ends with when it fails. */
export class StepError extends Error {
  readonly errno: number;

  constructor(errno: number, why: string) {
    super(`errno ${errno}: ${why}`);
    this.errno = errno;
  }
}

function firstHalf(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, Math.ceil(bytes.length / 2));
}

/** The steps that a roll back undoes: what a failing move or write did by half, too. */
function begun(steps: readonly Step[], failed: number): readonly Step[] {
  const { op } = steps[failed]!;
  return steps.slice(0, op === "move" || op === "write" ? failed + 1 : failed);
}

export interface Accident {
  /** The tool is killed when this many steps are done. */
  readonly dieAfter?: number;
  /** This step fails, with EIO and no effect. */
  readonly failAt?: number;
  /** That step has done its work, or the first half of it if it is a move or a write, when it fails. */
  readonly late?: boolean;
}

export interface Outcome {
  readonly end: "done" | "died" | "failed";
  /** How many steps were done. */
  readonly steps: number;
  readonly error: number;
  readonly rollback: "none" | "done" | "failed";
  /** Threads found inside by the drain. */
  readonly lingering: number;
  /** What the reads brought, one behind the other. */
  readonly output: Uint8Array;
}

export class Target {
  /** Program counters. */
  threads: bigint[] = [];
  /** How many readings a call of the probe finds wrong. */
  mismatches = 0n;
  private regions: Region[] = [];

  constructor(vdso: { start: bigint; bytes: Uint8Array }) {
    this.add({ start: vdso.start, bytes: vdso.bytes.slice(), perms: "r-xp", path: "[vdso]" });
  }

  /** A mapping that is there already. */
  occupy(start: bigint, length: number, perms = "rw-p", path = ""): void {
    this.add({ start, bytes: new Uint8Array(length), perms, path });
  }

  /** undefined where any of the bytes is not mapped. */
  read(at: bigint, length: number): Uint8Array | undefined {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const region = this.regionAt(at + BigInt(done));
      if (region === undefined) return undefined;
      const offset = Number(at + BigInt(done) - region.start);
      const part = region.bytes.subarray(offset, offset + length - done);
      bytes.set(part, done);
      done += part.length;
    }
    return bytes;
  }

  /** As through /proc/PID/mem: read-only pages, too. */
  write(at: bigint, bytes: Uint8Array): void {
    if (this.read(at, bytes.length) === undefined) throw new StepError(EFAULT, "write to no mapping");
    bytes.forEach((byte, i) => {
      const region = this.regionAt(at + BigInt(i))!;
      region.bytes[Number(at + BigInt(i) - region.start)] = byte;
    });
  }

  /** As /proc/PID/maps tells. */
  maps(): Mapping[] {
    return this.regions.map(({ start, bytes, perms, path }) => ({
      start: address(start),
      end: address(start + BigInt(bytes.length)),
      perms,
      offset: 0n,
      device: "00:00",
      inode: path.startsWith("/") ? 7n : 0n,
      path,
      deleted: false,
    }));
  }

  /** Everything, for comparison. */
  state(): object {
    return {
      memory: this.regions.map(({ start, bytes, perms, path }) => ({
        at: start.toString(16),
        bytes: Buffer.from(bytes).toString("latin1"),
        perms,
        path,
      })),
      threads: this.threads,
    };
  }

  /** An independent copy. */
  fork(): Target {
    const child = new Target({ start: 0n, bytes: new Uint8Array(0) });
    child.regions = this.regions.map((region) => ({ ...region, bytes: region.bytes.slice() }));
    child.threads = [...this.threads];
    child.mismatches = this.mismatches;
    return child;
  }

  run(plan: Pick<PatchPlan, "steps">, { dieAfter, failAt, late = false }: Accident = {}): Outcome {
    const output: number[] = [];
    const outcome = { steps: 0, error: 0, rollback: "none", lingering: 0 } as const;
    let committed = false;
    for (const [i, step] of plan.steps.entries()) {
      if (dieAfter === i) return { ...outcome, end: "died", steps: i, output: Uint8Array.from(output) };
      try {
        if (failAt === i && !late) throw new StepError(EIO, "made to fail");
        if (step.op === "drain") {
          committed = true;
          const lingering = this.inside(step.code) + this.beforeGate(step.gate);
          if (lingering > 0) {
            return { ...outcome, end: "done", steps: i + 1, lingering, output: Uint8Array.from(output) };
          }
        }
        this.carryOut(step, output, failAt === i);
        if (failAt === i) throw new StepError(EIO, "made to fail late");
      } catch (error) {
        if (!(error instanceof StepError)) throw error;
        const rollback = committed ? "none" : this.rollBack(begun(plan.steps, i));
        return {
          end: "failed",
          steps: i,
          error: error.errno,
          rollback,
          lingering: 0,
          output: Uint8Array.from(output),
        };
      }
    }
    const end = dieAfter === plan.steps.length ? "died" : "done";
    return { ...outcome, end, steps: plan.steps.length, output: Uint8Array.from(output) };
  }

  private carryOut(step: Step, output: number[], halfway: boolean): void {
    switch (step.op) {
      case "check":
        this.check(step.address, step.bytes);
        break;
      case "map":
        this.map(step.address, step.length, `${step.protection}p`);
        break;
      case "unmap":
        this.unmap(step.address, step.length);
        break;
      case "write":
        this.write(step.address, halfway ? firstHalf(step.bytes) : step.bytes);
        break;
      case "patch":
        this.patch(step.address, step.old, step.new);
        break;
      case "move":
        this.move(step.moves, halfway ? Math.ceil(this.threads.length / 2) : this.threads.length);
        break;
      case "call":
        this.call(step.address, step.argument, step.stack);
        break;
      case "read": {
        const bytes = this.read(step.address, step.length);
        if (bytes === undefined) throw new StepError(EFAULT, "read of no mapping");
        output.push(...bytes);
      }
    }
  }

  private rollBack(done: readonly Step[]): "done" | "failed" {
    let result: "done" | "failed" = "done";
    for (const step of done.toReversed()) {
      try {
        this.undo(step);
      } catch (error) {
        if (!(error instanceof StepError)) throw error;
        result = "failed";
      }
    }
    return result;
  }

  private undo(step: Step): void {
    switch (step.op) {
      case "map":
        this.unmap(step.address, step.length);
        break;
      case "write":
        if (step.old !== undefined) this.write(step.address, step.old);
        break;
      case "patch":
        this.patch(step.address, step.new, step.old);
        break;
      case "move": {
        const back = step.moves.map(({ from, to }) => ({ from: to, to: from }));
        this.move(back, this.threads.length);
      }
    }
  }

  private check(at: Address, expected: Uint8Array): void {
    const found = this.read(at, expected.length);
    if (found === undefined) throw new StepError(EFAULT, "check of no mapping");
    if (Buffer.compare(found, expected) !== 0) throw new StepError(ESTALE, `0x${at.toString(16)} differs`);
  }

  private map(start: Address, length: number, perms: string): void {
    if (start % PAGE !== 0n || length <= 0 || BigInt(length) % PAGE !== 0n) {
      throw new StepError(EINVAL, "not whole pages");
    }
    const end = start + BigInt(length);
    if (this.regions.some((r) => start < r.start + BigInt(r.bytes.length) && r.start < end)) {
      throw new StepError(EEXIST, "something is mapped there");
    }
    this.add({ start, bytes: new Uint8Array(length), perms, path: "" });
  }

  /** Whole mappings only: nothing here has reason to cut one. */
  private unmap(start: Address, length: number): void {
    const end = start + BigInt(length);
    const overlapping = this.regions.filter((r) => start < r.start + BigInt(r.bytes.length) && r.start < end);
    if (overlapping.some((r) => r.start < start || r.start + BigInt(r.bytes.length) > end)) {
      throw new StepError(EINVAL, "would cut a mapping");
    }
    this.regions = this.regions.filter((region) => !overlapping.includes(region));
  }

  private patch(at: Address, old: Uint8Array, fresh: Uint8Array): void {
    if (at % 4096n > 4088n || old.length !== 8 || fresh.length !== 8)
      throw new StepError(EINVAL, "not 8 bytes of one page");
    this.check(at, old);
    this.write(at, fresh);
  }

  private move(moves: readonly Move[], count: number): void {
    this.threads = this.threads.map((pc, i) =>
      i < count ? (moves.find(({ from }) => from === pc)?.to ?? pc) : pc,
    );
  }

  private call(at: Address, argument: Address, stack: Address): void {
    const code = this.regionAt(at);
    if (code?.perms !== "r-xp") throw new StepError(EFAULT, "call of no code");
    if (this.regionAt(stack - 8n)?.perms !== "rw-p") throw new StepError(EFAULT, "call on no stack");
    const count = new Uint8Array(8);
    new DataView(count.buffer).setBigUint64(0, this.mismatches, true);
    this.write(argument + MISMATCHES, count);
  }

  private inside(code: readonly Range[]): number {
    return this.threads.filter((pc) =>
      code.some(({ address, length }) => pc >= address && pc < address + BigInt(length)),
    ).length;
  }

  /** The first thread is the main one. */
  private beforeGate(gate: { word: Address; first: Address } | undefined): number {
    if (gate === undefined || this.threads[0] === gate.first) return 0;
    return this.read(gate.word, 8)?.every((byte) => byte === 0) ? 0 : 1;
  }

  private regionAt(at: bigint): Region | undefined {
    return this.regions.find(({ start, bytes }) => at >= start && at < start + BigInt(bytes.length));
  }

  private add(region: Region): void {
    this.regions = [...this.regions, region].sort((a, b) => (a.start < b.start ? -1 : 1));
  }
}
