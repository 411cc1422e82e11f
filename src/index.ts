/**
 * timeskew as a library: gives running Linux processes a wrong clock, and takes it back.
 *
 *     await using skew = await inject({ pid: server, offset: "-10m" });
 *     // … the server's clock is ten minutes slow; at the end of the block it is right again
 *
 * Durations are texts with a unit, or bigints of nanoseconds; every time in a result is a bigint of nanoseconds. Every
 * function rejects with a TimeskewError and never throws anything else on purpose; `targetState` says what became of the
 * process. Nothing is kept outside of the processes: a skew outlives the program that made it, until it is recovered, or its
 * `duration` is over. No handlers of signals or of the program's exit are installed.
 *
 * While a process is stopped, which takes well below a millisecond as a rule, this program's own thread is blocked, too.
 *
 * @packageDocumentation
 */
import * as engine from "./engine/index.ts";
import { type DoctorOptions, doctorBy, type ReadClocksOptions, readClocksBy } from "./library/clocks.ts";
import { type InjectOptions, injectBy } from "./library/inject.ts";
import type { Injection } from "./library/injection.ts";
import { type RecoverOptions, recoverBy } from "./library/recover.ts";
import { type StatusOptions, statusBy } from "./library/status.ts";
import type { DoctorResult, NowResult, RecoverResult, StatusResult } from "./types.ts";

/**
 * Gives processes a wrong clock. On one that has a skew already, that is replaced without a stop, and without a jump unless
 * `offset` or `at` asks for one. Resolves when the new time has been read back from every process.
 *
 * Two calls at once for one process are safe: the later one's skew stays, and the earlier injection has nothing left to take
 * back, or rejects with E_BUSY if it had not begun. The end of the later one gives the true time back, not the earlier skew.
 * While another program's timeskew is at work on a process, that is waited for, up to 5 s. In a worker thread, name a child of
 * this program by its ChildProcess, and in the thread that started it.
 *
 * @returns the skew, to be changed, and to be taken back: by `await using`, or by its `recover()` in a `finally`
 * @throws TimeskewError Settings: E_USAGE, E_DURATION, E_CLOCK, E_RANGE, E_BACKWARD_MONOTONIC. Targets: E_NO_TARGET, E_GONE,
 *   E_AMBIGUOUS, E_PERMISSION, E_UNSUPPORTED and the other codes with exit code 5 (cannot be skewed) or 6 (busy: try again).
 *   Of several targets of which some failed: E_SOME_FAILED, with the `failures`; see `partial`.
 */
export async function inject(options: InjectOptions): Promise<Injection> {
  return await injectBy(engine, options);
}

/**
 * Gives skewed processes the true time back, whoever skewed them, and removes what was put into them. A process that is not
 * skewed stays as it is, which is a success.
 *
 * @returns what was done to each
 * @throws TimeskewError as `inject`; E_BACKWARD_MONOTONIC where a monotonic clock would go back and that was not permitted;
 *   of several targets of which some failed: E_SOME_FAILED, with the `failures`, and the others are recovered
 */
export async function recover(options: RecoverOptions): Promise<readonly RecoverResult[]> {
  return await recoverBy(engine, options);
}

/**
 * Looks for skewed processes, or at the ones that are named, and changes nothing.
 *
 * @returns a row for each; of several that were named, those that could not be looked at are in `unreadable`
 * @throws TimeskewError if the one process that was named cannot be looked at, or nobody is what was named
 */
export async function status(options?: StatusOptions): Promise<StatusResult> {
  return await statusBy(engine, options);
}

/**
 * Reads a process's clocks by its own functions, in the process, next to the host's. One of its threads is stopped for that
 * moment.
 *
 * @throws TimeskewError as `inject`
 */
export async function readClocks(options: ReadClocksOptions): Promise<NowResult> {
  return await readClocksBy(engine, options);
}

/**
 * Says what would stop an injection here and now, each with its remedy, and changes nothing: no CAP_SYS_PTRACE, Yama, another
 * tracer, a process that cannot be skewed. An injection would succeed if no check is "blocked".
 *
 * @throws TimeskewError E_USAGE
 */
export async function doctor(options?: DoctorOptions): Promise<DoctorResult> {
  return await doctorBy(engine, options);
}

export {
  type ErrorCode,
  EXIT_CODES,
  type TargetState,
  TimeskewError,
  type TimeskewErrorJson,
  type TimeskewErrorOptions,
} from "./errors.ts";
export type { DoctorOptions, ReadClocksOptions } from "./library/clocks.ts";
export type { InjectionSettings, InjectOptions } from "./library/inject.ts";
export type { ChangeOptions, Injection } from "./library/injection.ts";
export type { RecoverOptions, RecoverySettings } from "./library/recover.ts";
export type {
  Clock,
  ClockSettings,
  Duration,
  Instant,
  Keyframe,
  SomeVerb,
  StopSettings,
  Verbs,
} from "./library/settings.ts";
export type { StatusOptions } from "./library/status.ts";
export type { ProcessLike, Selectors, SkewedTargets, Targets } from "./library/targets.ts";
export type { ClockName } from "./skew/clock.ts";
export type { Selected } from "./target/select.ts";
export type {
  Check,
  ClockReading,
  DoctorResult,
  InjectResult,
  NowResult,
  RecoverResult,
  RunningProfile,
  Skew,
  SkewState,
  StatusResult,
  StatusRow,
  UnprovedCall,
  WaitCoverage,
} from "./types.ts";
