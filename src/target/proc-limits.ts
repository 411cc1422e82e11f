/**
 * /proc/PID/limits: a table of "name, soft limit, hard limit, unit", in columns that are as wide as the kernel likes.
 */
import { linesOf, unsigned64 } from "./proc-format.ts";

const FILE = "/proc/PID/limits";
const LINE = /^(Max .+?) {2,}(\d+|unlimited) +(\d+|unlimited)(?: |$)/;

/** The soft limits, by the kernel's name ("Max address space"); those that are unlimited are left out. */
export function parseLimits(text: string): Map<string, bigint> {
  const limits = new Map<string, bigint>();
  for (const line of linesOf(text)) {
    const [, name, soft] = LINE.exec(line) ?? [];
    if (name === undefined || soft === "unlimited") continue;
    limits.set(name, unsigned64(soft, FILE, name));
  }
  return limits;
}
