/** What another kernel, or a sandbox, may not have: the rows of faults.c. */
export const LACKING = [
  "process_vm_readv",
  "process_vm_writev",
  "forced writes by /proc/PID/mem",
  "writes by /proc/PID/mem",
  "/proc/PID/mem",
  "/proc/PID/task/TID/syscall",
  "/proc/PID/task/TID/schedstat",
  "/proc/PID/sched",
  "PTRACE_GET_RSEQ_CONFIGURATION",
  "PTRACE_O_SUSPEND_SECCOMP",
  "POSIX timers",
  "real-time scheduling",
] as const;

export type Lack = (typeof LACKING)[number];

/** As `lacks` of a fault. */
export function rowsOf(...names: readonly Lack[]): number {
  return names.reduce((rows, name) => rows | (1 << LACKING.indexOf(name)), 0);
}

export function namesOf(rows: number): Lack[] {
  return LACKING.filter((_, row) => rows & (1 << row));
}
