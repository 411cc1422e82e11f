/**
 * The system calls that take or return times: their numbers on x86-64 (arch/x86/entry/syscalls/syscall_64.tbl).
 */

interface TimedCall {
  readonly number: number;
  readonly name: string;
  /** Which argument points to a time and may be NULL for none; undefined where something else says that. */
  readonly time?: number;
}

/** Deadlines by a clock that may be skewed, and the clocks themselves. */
const DEADLINES: readonly TimedCall[] = [
  { number: 96, name: "gettimeofday" },
  { number: 201, name: "time" },
  { number: 202, name: "futex", time: 3 },
  { number: 223, name: "timer_settime" },
  { number: 228, name: "clock_gettime" },
  { number: 230, name: "clock_nanosleep" },
  { number: 242, name: "mq_timedsend", time: 4 },
  { number: 243, name: "mq_timedreceive", time: 4 },
  { number: 286, name: "timerfd_settime" },
  { number: 449, name: "futex_waitv", time: 3 },
];

/** What lasts, or tells what is left: of interest where a clock runs at another rate. */
const DURATIONS: readonly TimedCall[] = [
  { number: 7, name: "poll" },
  { number: 23, name: "select", time: 4 },
  { number: 35, name: "nanosleep" },
  { number: 36, name: "getitimer" },
  { number: 37, name: "alarm" },
  { number: 38, name: "setitimer" },
  { number: 54, name: "setsockopt" },
  { number: 55, name: "getsockopt" },
  { number: 128, name: "rt_sigtimedwait", time: 2 },
  { number: 208, name: "io_getevents", time: 4 },
  { number: 220, name: "semtimedop", time: 3 },
  { number: 224, name: "timer_gettime" },
  { number: 232, name: "epoll_wait" },
  { number: 270, name: "pselect6", time: 4 },
  { number: 271, name: "ppoll", time: 2 },
  { number: 281, name: "epoll_pwait" },
  { number: 287, name: "timerfd_gettime" },
  { number: 299, name: "recvmmsg", time: 4 },
  { number: 333, name: "io_pgetevents", time: 4 },
  { number: 441, name: "epoll_pwait2", time: 3 },
];

export const DEADLINE_CALLS: ReadonlySet<number> = new Set(DEADLINES.map(({ number }) => number));
export const DURATION_CALLS: ReadonlySet<number> = new Set(DURATIONS.map(({ number }) => number));

const CALLS = new Map([...DEADLINES, ...DURATIONS].map((call) => [call.number, call]));

/** As the manual pages call it; the number of one that is not listed. */
export function callName(number: number): string {
  return CALLS.get(number)?.name ?? `system call ${number}`;
}

/** The argument (0 … 5) that points to a time; a call that is made with NULL there has nothing to do with clocks. */
export function timeArgument(number: number): number | undefined {
  return CALLS.get(number)?.time;
}

const FUTEX = 202;
/** FUTEX_WAIT, LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI, LOCK_PI2: the only operations with a time. */
const FUTEX_WAITS: ReadonlySet<number> = new Set([0, 6, 9, 11, 13]);
/** All bits but FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME. */
const FUTEX_COMMAND = ~0x180;

/** Whether a call whose second argument is `operation` ends at once. */
export function isImmediate(number: number, operation: number): boolean {
  return number === FUTEX && !FUTEX_WAITS.has(operation & FUTEX_COMMAND);
}
