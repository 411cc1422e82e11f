/**
 * The one error class of timeskew: what happened, in which state it left the target, and what to do next.
 * The codes are part of the contract (`--json` prints them); each has exactly one exit code.
 */

/** What a failed operation left behind in the target. */
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

export type ErrorCode = keyof typeof EXIT_CODES;

export interface TimeskewErrorOptions {
  /** What to do next, as one sentence. */
  hint?: string;
  /** Default: "untouched". */
  targetState?: TargetState;
  pid?: number;
  cause?: unknown;
}

export class TimeskewError extends Error {
  override readonly name = "TimeskewError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly targetState: TargetState;
  readonly pid: number | undefined;

  constructor(code: ErrorCode, message: string, options: TimeskewErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.targetState = options.targetState ?? "untouched";
    this.pid = options.pid;
  }

  /** The exit code of a command that ends with this error. */
  get exitCode(): number {
    return EXIT_CODES[this.code];
  }
}
