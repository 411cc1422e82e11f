/**
 * Why a target had no room for our pages: which limit of its own it has reached, and how to raise that. Looked up in
 * /proc after the fact: the kernel says only ENOMEM or EAGAIN.
 */
import { readFileSync } from "node:fs";
import { linesOf } from "../target/proc-format.ts";
import { parseLimits } from "../target/proc-limits.ts";
import { type ProcessStatus, parseStatus } from "../target/proc-status.ts";

export interface NoRoom {
  /** As the end of "pid 812 (redis) has no room for 4096 bytes: ". */
  readonly why: string;
  readonly hint: string;
}

/** The limits that a new mapping can run into, and what counts towards each. */
const LIMITS: readonly {
  name: string;
  what: string;
  /** Of prlimit(1). */
  option: string;
  used(status: ProcessStatus): bigint | undefined;
}[] = [
  {
    name: "Max address space",
    what: "address space",
    option: "as",
    used: ({ virtualBytes }) => virtualBytes,
  },
  { name: "Max data size", what: "data", option: "data", used: ({ dataBytes }) => dataBytes },
  {
    name: "Max locked memory",
    what: "locked memory",
    option: "memlock",
    used: ({ lockedBytes }) => lockedBytes,
  },
];

/** The limit that `bytes` more would have exceeded in this process. */
export function explainNoRoom(pid: number, bytes: number): NoRoom | undefined {
  return tooManyMappings(pid) ?? limitReached(pid, BigInt(bytes));
}

function tooManyMappings(pid: number): NoRoom | undefined {
  const most = Number(tryRead("/proc/sys/vm/max_map_count"));
  const maps = linesOf(tryRead(`/proc/${pid}/maps`) ?? "");
  // [vsyscall] is listed, but is none of the process's own.
  const count = maps.filter((line) => !line.endsWith("[vsyscall]")).length;
  if (!(most > 0) || count < most) return undefined;
  return {
    why: `it has ${count} mappings, as many as the kernel allows it`,
    hint: `raise the limit, then try again: sysctl -w vm.max_map_count=${2 * most}`,
  };
}

function limitReached(pid: number, bytes: bigint): NoRoom | undefined {
  const limits = parseLimits(tryRead(`/proc/${pid}/limits`) ?? "");
  const status = parseStatus(tryRead(`/proc/${pid}/status`) ?? "");
  for (const { name, what, option, used } of LIMITS) {
    const limit = limits.get(name);
    const now = used(status) ?? 0n;
    // Memory is locked, and counted, only where the process has asked for that.
    if (limit === undefined || now + bytes <= limit || (option === "memlock" && now === 0n)) continue;
    return {
      why: `it has ${now} bytes of ${what}, and its limit is ${limit} (ulimit)`,
      hint: `raise the limit, then try again: prlimit --pid ${pid} --${option}=${now + ROOM}:`,
    };
  }
  return undefined;
}

/** Enough for all our pages. */
const ROOM = 65_536n;

function tryRead(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // gone, or not for us: then it explains nothing
  }
}
