/**
 * /proc/PID/status: "Name:\tvalue" lines. Which there are depends on the kernel's age and configuration, and
 * a zombie has no memory to report: a field that is missing is undefined.
 */
import { formatError, integer, linesOf, unsigned64 } from "./proc-format.ts";

/** User or group ids. */
export interface Ids {
  readonly real: number;
  readonly effective: number;
  readonly saved: number;
  readonly filesystem: number;
}

export interface ProcessStatus {
  readonly name: string | undefined;
  /** One letter, as in ProcessStat. */
  readonly state: string | undefined;
  readonly tgid: number | undefined;
  readonly pid: number | undefined;
  readonly ppid: number | undefined;
  /** 0: nobody traces the process (or its tracer is in another pid namespace). */
  readonly tracerPid: number | undefined;
  readonly uid: Ids | undefined;
  readonly gid: Ids | undefined;
  /** The process's pid in each pid namespace, ours first, its own last. */
  readonly nsPid: readonly number[] | undefined;
  readonly threads: number | undefined;
  /** Whether this is a kernel thread (Linux 6.8 and newer). */
  readonly kernelThread: boolean | undefined;
  readonly noNewPrivs: boolean | undefined;
  /** 0 none, 1 strict, 2 filter. */
  readonly seccomp: number | undefined;
  readonly seccompFilters: number | undefined;
  /** Bit N for capability N. */
  readonly effectiveCapabilities: bigint | undefined;
  readonly permittedCapabilities: bigint | undefined;
  /** VmLck: bytes locked in memory. */
  readonly lockedBytes: bigint | undefined;
  /** VmSize: bytes of address space. */
  readonly virtualBytes: bigint | undefined;
  /** VmData: bytes of private writable mappings, stacks left out. */
  readonly dataBytes: bigint | undefined;
}

const FILE = "/proc/PID/status";

/**
 * @throws TimeskewError E_INTERNAL for a field whose value no kernel writes
 */
export function parseStatus(text: string): ProcessStatus {
  const fields = new Map<string, string>();
  for (const line of linesOf(text)) {
    const colon = line.indexOf(":\t");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2));
  }
  const read = <T>(field: string, parse: (value: string, field: string) => T): T | undefined => {
    const value = fields.get(field);
    return value === undefined ? undefined : parse(value, field);
  };
  return {
    name: read("Name", unescapeName),
    state: read("State", letter),
    tgid: read("Tgid", number),
    pid: read("Pid", number),
    ppid: read("PPid", number),
    tracerPid: read("TracerPid", number),
    uid: read("Uid", ids),
    gid: read("Gid", ids),
    nsPid: read("NSpid", numbers),
    threads: read("Threads", number),
    kernelThread: read("Kthread", flag),
    noNewPrivs: read("NoNewPrivs", flag),
    seccomp: read("Seccomp", number),
    seccompFilters: read("Seccomp_filters", number),
    effectiveCapabilities: read("CapEff", mask),
    permittedCapabilities: read("CapPrm", mask),
    lockedBytes: read("VmLck", kibibytes),
    virtualBytes: read("VmSize", kibibytes),
    dataBytes: read("VmData", kibibytes),
  };
}

/** The kernel escapes exactly newline and backslash in a name (proc_task_name in fs/proc/array.c). */
function unescapeName(value: string): string {
  return value.replace(/\\([n\\])/g, (_, character: string) => (character === "n" ? "\n" : "\\"));
}

function letter(value: string, field: string): string {
  const first = value[0];
  if (first === undefined || !/[A-Za-z]/.test(first)) throw formatError(FILE, `${field} as a letter`, value);
  return first;
}

function number(value: string, field: string): number {
  return integer(value.trim(), FILE, field);
}

function numbers(value: string, field: string): number[] {
  return value
    .trim()
    .split(/\s+/)
    .map((part) => integer(part, FILE, field));
}

function ids(value: string, field: string): Ids {
  const [real, effective, saved, filesystem] = numbers(value, field);
  if (real === undefined || effective === undefined || saved === undefined || filesystem === undefined) {
    throw formatError(FILE, `${field} as four ids`, value);
  }
  return { real, effective, saved, filesystem };
}

function flag(value: string, field: string): boolean {
  return number(value, field) !== 0;
}

function mask(value: string, field: string): bigint {
  if (!/^[0-9a-f]{1,16}$/.test(value.trim())) throw formatError(FILE, `${field} as a mask`, value);
  return BigInt(`0x${value.trim()}`);
}

function kibibytes(value: string, field: string): bigint {
  const [, count] = /^\s*(\d+) kB$/.exec(value) ?? [];
  return 1024n * unsigned64(count ?? value, FILE, `${field} in kB`);
}
