/** Whose skew a process has: for those who undo or change what they did, and nothing else. */
import { TimeskewError } from "../errors.ts";
import { listPids, refuseForeignProc } from "../target/process.ts";
import { thisHost } from "../target/select/host.ts";
import { statOf } from "../target/select/processes.ts";
import { hostClock } from "../tracer/native.ts";
import { type Inspection, inspect } from "./inspect.ts";
import { formatId } from "./skew.ts";

/** Which skews are meant. */
export interface Whose {
  /** Ids, 16 hex digits each; undefined: whatever there is. */
  readonly skews?: ReadonlySet<string> | undefined;
}

/** Whether a skew is in force that is not meant. */
export function isOthers({ found }: Inspection, { skews }: Whose): boolean {
  if (skews === undefined || found.state !== "skewed") return false;
  return !skews.has(formatId(found.settings.skewId));
}

const BOOTTIME = 7;
/** Of /proc/PID/stat, on every machine: USER_HZ is 100. */
const NS_PER_TICK = 10_000_000n;

/** Clock ticks since boot, as /proc/PID/stat tells when a process started. */
export function ticksNow(): bigint {
  return (hostClock(BOOTTIME) ?? 0n) / NS_PER_TICK;
}

/**
 * The processes that started since then and carry one of the skews: a fork has what its parent had. Whom nobody may look at
 * is not told: to others' processes that is the rule.
 *
 * @param since as `ticksNow`
 * @throws TimeskewError E_FAILED (/proc is another namespace's)
 */
export async function carriersSince(skews: ReadonlySet<string>, since: bigint): Promise<number[]> {
  refuseForeignProc();
  const host = thisHost();
  return listPids().filter((pid) => {
    if (pid === host.self) return false;
    const stat = statOf(host, pid);
    return stat !== undefined && stat.startTime >= since && carries(pid, skews);
  });
}

function carries(pid: number, skews: ReadonlySet<string>): boolean {
  try {
    using target = inspect(pid);
    return target.found.state === "skewed" && !isOthers(target, { skews });
  } catch (error) {
    if (error instanceof TimeskewError) return false;
    throw error;
  }
}
