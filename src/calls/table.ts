/**
 * The system calls that take or return times, and their numbers: arch/x86/entry/syscalls/syscall_64.tbl, and
 * include/uapi/asm-generic/unistd.h, which aarch64 has.
 */
import type { CallMachine } from "../machine/calls.ts";

type MachineName = CallMachine["name"];

interface TimedCall {
  readonly name: string;
  /** Those without a number are made by another one: poll by ppoll. */
  readonly numbers: Readonly<Partial<Record<MachineName, number>>>;
  /** Which argument points to a time and may be NULL for none; undefined where something else says that. */
  readonly time?: number;
}

function call(name: string, x86_64: number, aarch64?: number, time?: number): TimedCall {
  return {
    name,
    numbers: { x86_64, ...(aarch64 !== undefined && { aarch64 }) },
    ...(time !== undefined && { time }),
  };
}

/** Deadlines by a clock that may be skewed, and the clocks themselves. */
const DEADLINES: readonly TimedCall[] = [
  call("gettimeofday", 96, 169),
  call("time", 201),
  call("futex", 202, 98, 3),
  call("timer_settime", 223, 110),
  call("clock_gettime", 228, 113),
  call("clock_nanosleep", 230, 115),
  call("mq_timedsend", 242, 182, 4),
  call("mq_timedreceive", 243, 183, 4),
  call("timerfd_settime", 286, 86),
  call("futex_waitv", 449, 449, 3),
];

/** What lasts, or tells what is left: of interest where a clock runs at another rate. */
const DURATIONS: readonly TimedCall[] = [
  call("poll", 7),
  call("select", 23, undefined, 4),
  call("nanosleep", 35, 101),
  call("getitimer", 36, 102),
  call("alarm", 37),
  call("setitimer", 38, 103),
  call("setsockopt", 54, 208),
  call("getsockopt", 55, 209),
  call("rt_sigtimedwait", 128, 137, 2),
  call("io_getevents", 208, 4, 4),
  call("semtimedop", 220, 192, 3),
  call("timer_gettime", 224, 108),
  call("epoll_wait", 232),
  call("pselect6", 270, 72, 4),
  call("ppoll", 271, 73, 2),
  call("epoll_pwait", 281, 22),
  call("timerfd_gettime", 287, 87),
  call("recvmmsg", 299, 243, 4),
  call("io_pgetevents", 333, 292, 4),
  call("epoll_pwait2", 441, 441, 3),
];

/** FUTEX_WAIT, LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI, LOCK_PI2: the only operations with a time. */
const FUTEX_WAITS: ReadonlySet<number> = new Set([0, 6, 9, 11, 13]);
/** All bits but FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME. */
const FUTEX_COMMAND = ~0x180;

/** The calls of one machine. */
export class CallTable {
  readonly deadlines: ReadonlySet<number>;
  readonly durations: ReadonlySet<number>;
  readonly #calls: ReadonlyMap<number, TimedCall>;

  constructor(machine: MachineName) {
    const byNumber = (calls: readonly TimedCall[]) =>
      new Map(
        calls.flatMap((each) => {
          const number = each.numbers[machine];
          return number === undefined ? [] : [[number, each] as const];
        }),
      );
    this.deadlines = new Set(byNumber(DEADLINES).keys());
    this.durations = new Set(byNumber(DURATIONS).keys());
    this.#calls = byNumber([...DEADLINES, ...DURATIONS]);
  }

  /** As the manual pages call it; the number of one that is not listed. */
  nameOf(number: number): string {
    return this.#calls.get(number)?.name ?? `system call ${number}`;
  }

  /** The argument (0 … 5) that points to a time; a call that is made with NULL there has nothing to do with clocks. */
  timeArgument(number: number): number | undefined {
    return this.#calls.get(number)?.time;
  }

  /** Whether a call whose second argument is `operation` ends at once. */
  isImmediate(number: number, operation: number): boolean {
    return this.#calls.get(number)?.name === "futex" && !FUTEX_WAITS.has(operation & FUTEX_COMMAND);
  }
}

const TABLES: Readonly<Record<MachineName, CallTable>> = {
  x86_64: new CallTable("x86_64"),
  aarch64: new CallTable("aarch64"),
};

export function tableOf({ name }: Pick<CallMachine, "name">): CallTable {
  return TABLES[name];
}
