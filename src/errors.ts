/**
 * The one error class of timeskew: what happened, in which state it left the target, and what to do next.
 * The codes are part of the contract (`--json` prints them); each has exactly one exit code.
 */

/**
 * What a failed operation left behind in the target: as it was before ("untouched"; "restored": after some steps were taken
 * back), with a skew ("skewed"), or changed half-way ("partial": it reads the true time, and `recover` cleans up).
 */
export type TargetState = "untouched" | "restored" | "skewed" | "partial";

/** Every error code, with the exit code that a command ends with. */
export const EXIT_CODES = {
  /** Failed; every target is untouched or restored. */
  E_FAILED: 1,
  /** The kernel refused one step of the plan. */
  E_STEP: 1,
  /** A defect in timeskew itself. */
  E_INTERNAL: 1,
  /** The command line is wrong. */
  E_USAGE: 2,
  E_DURATION: 2,
  E_CLOCK: 2,
  /** The skewed time would lie before 1970 or beyond what a timespec holds. */
  E_RANGE: 2,
  /** The change would take CLOCK_MONOTONIC or CLOCK_BOOTTIME back, which no kernel does. */
  E_BACKWARD_MONOTONIC: 2,
  /** What was named means several things; the message lists them. */
  E_AMBIGUOUS: 2,
  /** No such process, container or cgroup, or it ended meanwhile. */
  E_NO_TARGET: 3,
  E_GONE: 3,
  /** Missing capability, Yama, another user's process. */
  E_PERMISSION: 4,
  /** The target cannot be skewed at all. */
  E_KERNEL_THREAD: 5,
  E_ZOMBIE: 5,
  E_NOT_64BIT: 5,
  E_NO_VDSO: 5,
  E_VDSO: 5,
  E_FOREIGN_PATCH: 5,
  E_UNSUPPORTED: 5,
  /** Busy; safe to try again. */
  E_TRACED: 6,
  E_FROZEN: 6,
  E_STOP_TIMEOUT: 6,
  E_BUSY: 6,
  /** Several targets: some done, some not. */
  E_SOME_FAILED: 7,
  /** A target may be left changed; the message says how. */
  E_CHANGED: 8,
  /** Of the program that was to be started, as a shell has it: found, but not to be executed; not found. */
  E_NOT_EXECUTABLE: 126,
  E_NOT_FOUND: 127,
} as const;

/** A code of a TimeskewError: a key of EXIT_CODES, which says what each means. */
export type ErrorCode = keyof typeof EXIT_CODES;

/** What a TimeskewError says beside its code and message. */
export interface TimeskewErrorOptions {
  /** What to do next, as one sentence. */
  hint?: string;
  /** Default: "untouched". */
  targetState?: TargetState;
  /** The process that it is about. */
  pid?: number;
  /** Of an error about several targets: the error of each. */
  failures?: readonly TimeskewError[];
  /** What was thrown before it. */
  cause?: unknown;
}

/** A TimeskewError as JSON: what the command line's `--json` has as `error`, and the failures of a set. */
export interface TimeskewErrorJson {
  /** As `TimeskewError.code`. */
  code: ErrorCode;
  /** As `Error.message`. */
  message: string;
  /** What to do next; null if there is nothing to say. */
  hint: string | null;
  /** As `TimeskewError.targetState`. */
  targetState: TargetState;
  /** Absent if it is about no single process. */
  pid?: number;
  /** Absent if it is not about several targets. */
  failures?: TimeskewErrorJson[];
}

/**
 * The one class of errors. The message says what happened and to which process; it names settings as the command line
 * does, so `--stop-timeout` is `stopTimeoutMs`.
 */
export class TimeskewError extends Error {
  /** Always "TimeskewError". */
  override readonly name = "TimeskewError";
  /** For programs: it will not change its meaning. */
  readonly code: ErrorCode;
  /** What to do next, as one sentence; undefined if there is nothing to say. */
  readonly hint: string | undefined;
  /** How the process is now; of several, the worst. */
  readonly targetState: TargetState;
  /** The process that it is about; undefined if it is about none, or several. */
  readonly pid: number | undefined;
  /** Of an error about several targets: the error of each that failed, in their order. Else empty. */
  readonly failures: readonly TimeskewError[];

  constructor(code: ErrorCode, message: string, options: TimeskewErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.targetState = options.targetState ?? "untouched";
    this.pid = options.pid;
    this.failures = options.failures ?? [];
  }

  /** The exit code of a command that ends with this error. */
  get exitCode(): number {
    return EXIT_CODES[this.code];
  }

  /** For JSON.stringify. */
  toJSON(): TimeskewErrorJson {
    const { code, message, hint = null, targetState, pid, failures } = this;
    return {
      ...{ code, message, hint, targetState },
      ...(pid !== undefined && { pid }),
      ...(failures.length > 0 && { failures: failures.map((each) => each.toJSON()) }),
    };
  }
}
