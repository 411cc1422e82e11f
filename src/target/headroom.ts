/**
 * How much memory a process's cgroup can still give it. Pages that we map are charged to the target, and where there
 * are none left the kernel ends a process of the cgroup: the target itself, as a rule.
 * Sources: the kernel's cgroup-v2.rst and cgroup-v1/memory.rst.
 */
import { readFileSync } from "node:fs";
import { type CgroupLine, parseCgroup } from "./proc.ts";
import { linesOf } from "./proc-format.ts";

export interface Headroom {
  readonly bytes: bigint;
  /** The cgroup whose limit it is; relative to the root. */
  readonly cgroup: string;
}

interface Files {
  readonly mounts: readonly string[];
  readonly limit: string;
  readonly usage: string;
  /** Fields of memory.stat that the kernel takes back before it ends anybody. */
  readonly reclaimable: readonly string[];
}

const V2: Files = {
  mounts: ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"],
  limit: "memory.max",
  usage: "memory.current",
  reclaimable: ["inactive_file", "active_file", "slab_reclaimable"],
};

const V1: Files = {
  mounts: ["/sys/fs/cgroup/memory"],
  limit: "memory.limit_in_bytes",
  usage: "memory.usage_in_bytes",
  reclaimable: ["total_inactive_file", "total_active_file"],
};

/** Nobody wants more: what could be had besides does not matter then. */
const AMPLE = 64n << 20n;

/** The least that the process's cgroup and those above it have left; undefined where nothing limits it. */
export function memoryHeadroom(pid: number, read = tryRead): Headroom | undefined {
  let least: Headroom | undefined;
  for (const { files, path } of placesOf(parseCgroup(read(`/proc/${pid}/cgroup`) ?? ""))) {
    for (let cgroup = path; cgroup !== ""; cgroup = cgroup.slice(0, cgroup.lastIndexOf("/"))) {
      const bytes = headroomOf(files, cgroup, read);
      if (bytes === undefined) continue;
      if (least === undefined || bytes < least.bytes) least = { bytes, cgroup };
    }
  }
  return least;
}

function placesOf(lines: readonly CgroupLine[]): { files: Files; path: string }[] {
  return lines.flatMap(({ hierarchy, controllers, path }) => {
    if (hierarchy === 0) return [{ files: V2, path }];
    return controllers.includes("memory") ? [{ files: V1, path }] : [];
  });
}

function headroomOf(files: Files, cgroup: string, read: typeof tryRead): bigint | undefined {
  for (const mount of files.mounts) {
    const folder = `${mount}${cgroup}`;
    const limit = bytesIn(read(`${folder}/${files.limit}`));
    const usage = bytesIn(read(`${folder}/${files.usage}`));
    if (limit === undefined || usage === undefined) continue;
    if (limit - usage >= AMPLE) return limit - usage;
    const stat = linesOf(read(`${folder}/memory.stat`) ?? "").map((line) => line.split(" "));
    const reclaimable = stat
      .filter(([name]) => files.reclaimable.includes(name ?? ""))
      .reduce((sum, [, value]) => sum + (bytesIn(value) ?? 0n), 0n);
    return limit - usage + reclaimable + swapFree(folder, read);
  }
  return undefined;
}

/** Undefined for "max", and for what is not there. */
function bytesIn(text: string | undefined): bigint | undefined {
  const trimmed = text?.trim() ?? "";
  return /^\d+$/.test(trimmed) ? BigInt(trimmed) : undefined;
}

/** What the kernel can write there to make room. v1 counts swap with memory, and is asked for no more than that. */
function swapFree(folder: string, read: typeof tryRead): bigint {
  const [, kibibytes] = /^SwapFree:\s+(\d+) kB$/m.exec(read("/proc/meminfo") ?? "") ?? [];
  const free = 1024n * BigInt(kibibytes ?? 0);
  const limit = bytesIn(read(`${folder}/memory.swap.max`));
  if (limit === undefined) return free;
  const left = limit - (bytesIn(read(`${folder}/memory.swap.current`)) ?? 0n);
  return left < free ? left : free;
}

function tryRead(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // no such controller, or not mounted here
  }
}
