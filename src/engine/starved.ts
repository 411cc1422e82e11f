/**
 * A target that has no memory left must not be given pages: the kernel would end it for that.
 */
import { TimeskewError } from "../errors.ts";
import type { PatchPlan } from "../patch/plan.ts";
import { type Headroom, memoryHeadroom } from "../target/headroom.ts";
import type { Inspection } from "./inspect.ts";

/**
 * Our pages for the vDSO, the copies of its own, and page tables; with eight pages left nobody was ended, with four,
 * always.
 */
const NEEDED = 64n * 1024n;
const PAGE = 4096n;

/** Bytes that a plan takes: each page of a program's code that it rewrites becomes a copy of the target's own. */
export function bytesNeeded({ steps }: Pick<PatchPlan, "steps">): bigint {
  const rewritten = new Set(steps.flatMap((step) => (step.op === "patch" ? [step.address / PAGE] : [])));
  const mapped = steps.reduce((sum, step) => (step.op === "map" ? sum + BigInt(step.length) : sum), 0n);
  const needed = BigInt(rewritten.size) * PAGE + mapped;
  return needed > NEEDED ? needed : NEEDED;
}

/** What is too little, if it is. */
export function starvation(pid: number, needed = NEEDED): Headroom | undefined {
  const left = memoryHeadroom(pid);
  return left !== undefined && left.bytes < needed ? left : undefined;
}

export function starvedWords({ bytes, cgroup }: Headroom): string {
  const kibibytes = bytes > 0n ? bytes / 1024n : 0n;
  return `its cgroup ${cgroup} has ${kibibytes} KiB of memory left, and the kernel might end it for our pages`;
}

/** @throws TimeskewError E_BUSY */
export function refuseStarved({ process: { pid, command } }: Inspection, plan?: PatchPlan): void {
  const needed = plan === undefined ? NEEDED : bytesNeeded(plan);
  const left = starvation(pid, needed);
  if (left === undefined) return;
  throw new TimeskewError("E_BUSY", `pid ${pid} (${command}): ${starvedWords(left)}`, {
    pid,
    hint: `raise the cgroup's memory limit by ${needed / 1024n} KiB, or wait until it uses less`,
  });
}
