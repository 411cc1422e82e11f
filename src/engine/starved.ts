/**
 * A target that has no memory left must not be given pages: the kernel would end it for that.
 */
import { TimeskewError } from "../errors.ts";
import { type Headroom, memoryHeadroom } from "../target/headroom.ts";
import type { Inspection } from "./inspect.ts";

/** Our pages, the copies of the vDSO's, and page tables; with eight pages left nobody was ended, with four, always. */
const NEEDED = 64n * 1024n;

/** What is too little, if it is. */
export function starvation(pid: number): Headroom | undefined {
  const left = memoryHeadroom(pid);
  return left !== undefined && left.bytes < NEEDED ? left : undefined;
}

export function starvedWords({ bytes, cgroup }: Headroom): string {
  const kibibytes = bytes > 0n ? bytes / 1024n : 0n;
  return `its cgroup ${cgroup} has ${kibibytes} KiB of memory left, and the kernel might end it for our pages`;
}

/** @throws TimeskewError E_BUSY */
export function refuseStarved({ process: { pid, command } }: Inspection): void {
  const left = starvation(pid);
  if (left === undefined) return;
  throw new TimeskewError("E_BUSY", `pid ${pid} (${command}): ${starvedWords(left)}`, {
    pid,
    hint: `raise the cgroup's memory limit by ${NEEDED / 1024n} KiB, or wait until it uses less`,
  });
}
