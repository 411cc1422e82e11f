/**
 * Time namespaces: in one, CLOCK_MONOTONIC and CLOCK_BOOTTIME differ from the host's by fixed offsets. See
 * time_namespaces(7). A skew comes on top of them.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { formatError, linesOf, unsigned64 } from "./proc-format.ts";

/** By how many ns the clocks of one time namespace are ahead of those of another. */
export interface ClockShift {
  /** CLOCK_MONOTONIC, its coarse and its raw kin. */
  readonly monotonic: bigint;
  /** CLOCK_BOOTTIME and its alarm clock. */
  readonly boottime: bigint;
}

export const NO_SHIFT: ClockShift = { monotonic: 0n, boottime: 0n };

const FILE = "/proc/PID/timens_offsets";
const NANOSECONDS = 1_000_000_000n;

/**
 * How far a process's clocks are ahead of ours by its time namespace. Unknown where the kernel does not tell: a process
 * that has called unshare(CLONE_NEWTIME) stays in the namespace it was in, but the file shows its children's.
 */
export function clockShift(pid: number): ClockShift | "unknown" {
  const own = namespaceOf("self");
  const its = namespaceOf(`${pid}`);
  // A kernel without time namespaces, or a process that is none of ours to look at: others will say so.
  if (own === undefined || its === undefined || own.link === its.link) return NO_SHIFT;
  if (own.offsets === undefined || its.offsets === undefined) return "unknown";
  return {
    monotonic: its.offsets.monotonic - own.offsets.monotonic,
    boottime: its.offsets.boottime - own.offsets.boottime,
  };
}

function namespaceOf(process: string): { link: string; offsets: ClockShift | undefined } | undefined {
  try {
    const link = readlinkSync(`/proc/${process}/ns/time`);
    const tells = link === readlinkSync(`/proc/${process}/ns/time_for_children`);
    const text = tells ? readFileSync(`/proc/${process}/timens_offsets`, "utf8") : undefined;
    return { link, offsets: text === undefined ? undefined : parseOffsets(text) };
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}

/**
 * "monotonic  SECONDS  NANOSECONDS" and the like. The nanoseconds count upwards from the seconds.
 *
 * @throws TimeskewError E_INTERNAL for what no kernel writes
 */
export function parseOffsets(text: string): ClockShift {
  const offsets = new Map<string, bigint>();
  for (const line of linesOf(text)) {
    const [, clock, sign, seconds, fraction] = /^(\w+)\s+(-?)(\d+)\s+(\d+)$/.exec(line) ?? [];
    if (clock === undefined || seconds === undefined || fraction === undefined)
      throw formatError(FILE, "a clock, seconds and nanoseconds", line);
    const whole = unsigned64(seconds, FILE, "seconds") * NANOSECONDS;
    offsets.set(clock, (sign === "-" ? -whole : whole) + unsigned64(fraction, FILE, "nanoseconds"));
  }
  return { monotonic: offsets.get("monotonic") ?? 0n, boottime: offsets.get("boottime") ?? 0n };
}
