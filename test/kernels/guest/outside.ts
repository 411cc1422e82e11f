/** What can be seen of a process from outside, also where a kernel permits little of it. */
import { field, maps, threads, vdso } from "../../support/proc.ts";
import { needSuccess, timeskew } from "./cli.ts";

export interface Outside {
  maps: string[];
  /** Its bytes, or why nobody may read them (Yama 3), or that there is none (vdso=0). */
  vdso: string;
  threads: number;
  tracer: string;
}

export function outside(pid: number): Outside {
  return {
    maps: maps(pid),
    vdso: vdsoOrReason(pid),
    threads: threads(pid).length,
    tracer: field(pid, "TracerPid"),
  };
}

function vdsoOrReason(pid: number): string {
  try {
    return vdso(pid).toString("hex");
  } catch (error) {
    return `${error}`;
  }
}

export function differences(then: Outside, now: Outside, when: string): string[] {
  return (["maps", "vdso", "threads", "tracer"] as const)
    .filter((field) => String(then[field]) !== String(now[field]))
    .map((field) => `${when} ${field} differ`);
}

/**
 * `timeskew inject`, as a user if one is named.
 *
 * @throws Refusal, if nothing of the process differs afterwards; Error if it does, or the command failed in another way
 */
export async function inject(pid: number, args: readonly string[], uid?: number): Promise<void> {
  const untouched = outside(pid);
  const answer = await timeskew(["inject", `--pid=${pid}`, ...args], uid);
  if (answer.exitCode !== 0) {
    const changes = differences(untouched, outside(pid), "but");
    if (changes.length > 0) throw new Error(`it failed (${answer.said}), ${changes.join(", ")}`);
  }
  needSuccess(answer);
}
