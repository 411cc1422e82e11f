/**
 * /proc/PID/stat: one line of numbers around a name that may contain anything.
 */
import { formatError, integer, unsigned64 } from "./proc-format.ts";

export interface ProcessStat {
  readonly pid: number;
  /** The command's name, at most 15 bytes (kernel threads: more), as it is: spaces, brackets, newlines. */
  readonly command: string;
  /** One letter: R, S, D, T (stopped), t (tracing stop), Z (zombie), X (dead), I (idle), … */
  readonly state: string;
  readonly ppid: number;
  /** PF_… bits of the kernel's task. */
  readonly flags: number;
  /** CPU time in user and in kernel mode, in clock ticks. */
  readonly userTicks: bigint;
  readonly systemTicks: bigint;
  readonly threads: number;
  /** When the process started, in clock ticks since boot: with the pid, it names a process for good. */
  readonly startTime: bigint;
}

const FILE = "/proc/PID/stat";

/** PF_EXITING of include/linux/sched.h. */
const PF_EXITING = 0x4;
/** PF_KTHREAD of include/linux/sched.h; the same in every kernel since 2.6.27. */
const PF_KTHREAD = 0x0020_0000;

/**
 * @throws TimeskewError E_INTERNAL for text that no kernel writes
 */
export function parseStat(text: string): ProcessStat {
  // The name may hold ") R 1", but what follows it never holds a bracket: the last one ends it.
  const open = text.indexOf(" (");
  const close = text.lastIndexOf(") ");
  if (open < 0 || close < open + 2) throw formatError(FILE, '"pid (name) state …"', text);
  // proc(5) counts from 1; the state is its field 3.
  const fields = text
    .slice(close + 2)
    .trimEnd()
    .split(" ");
  const field = (number: number) => fields[number - 3];
  const state = field(3);
  if (state === undefined || !/^[A-Za-z]$/.test(state))
    throw formatError(FILE, "the state as a letter", state ?? "");
  return {
    pid: integer(text.slice(0, open), FILE, "pid"),
    command: text.slice(open + 2, close),
    state,
    ppid: integer(field(4), FILE, "ppid"),
    flags: integer(field(9), FILE, "flags"),
    userTicks: unsigned64(field(14), FILE, "utime"),
    systemTicks: unsigned64(field(15), FILE, "stime"),
    threads: integer(field(20), FILE, "num_threads"),
    startTime: unsigned64(field(22), FILE, "starttime"),
  };
}

/** Kernel threads have no address space, hence no vDSO. */
export function isKernelThread(stat: ProcessStat): boolean {
  return (stat.flags & PF_KTHREAD) !== 0;
}

/** Whether this task runs no code of its program any more: it has ended, or is on its way. */
export function isEnding({ state, flags }: ProcessStat): boolean {
  return state === "Z" || state === "X" || (flags & PF_EXITING) !== 0;
}
