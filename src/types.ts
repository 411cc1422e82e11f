/**
 * What the library and the command line say about targets. Every nanosecond count and address is a bigint
 * here; `--json` prints bigints as decimal strings and addresses as 0x… strings.
 */
import type { PatchPlan } from "./patch/plan.ts";
import type { ClockName } from "./skew/clock.ts";
import type { VerbTexts } from "./skew/verbs.ts";
import type { Selected } from "./target/select.ts";
import type { ClockShift } from "./target/timens.ts";

/** What was found, or left, in a target. */
export type SkewState =
  /** No trace of timeskew. */
  | "unskewed"
  /** Every jump in place and the settings active. */
  | "skewed"
  /** As "skewed", but the profile's duration is over for good: the target reads the true time, and `recover` cleans up. */
  | "ended"
  /** A run of the tool died half-way: the target reads the true time, and `recover` cleans up. */
  | "partial"
  /** Our pages are mapped but no jump leads there. */
  | "unused"
  /** Recovered; our pages stay until no thread can be inside them. */
  | "lingering"
  /** Somebody else rewrote a vDSO function. */
  | "foreign";

/** A skew, as it is found in a process. */
export interface Skew {
  /** 16 hex digits; ties the processes of one skew together. */
  id: string;
  /** Nanoseconds added to each selected clock; of a profile, at the moment of looking. */
  offset: bigint;
  /** Of a skew that changes by itself. */
  profile: RunningProfile | undefined;
  /** The clock ids that read the skewed time. */
  clocks: ClockName[];
  /** Whether gettimeofday() and time() read the skewed time as well. */
  gettimeofday: boolean;
  /** As `gettimeofday`. */
  time: boolean;
  /** True time of the injection or of the last change, nanoseconds since 1970. */
  since: bigint;
}

/** A profile at the moment of looking. */
export interface RunningProfile {
  /** The verbs that it is made of, as on the command line. Read from the target, which may have written anything. */
  text: string;
  /** "waiting": it has not begun. "paused": between two of its cycles. "ended": its duration is over for good. */
  phase: "waiting" | "running" | "paused" | "ended";
  /** Seconds that the target's clock advances in a true second now: 1 for a clock that keeps pace, 0 for a frozen one. */
  rate: number;
  /** What happens next and in how many true ns; undefined if it goes on like this for ever. */
  next: { in: bigint; what: "starts" | "stops" | "ends" | "changes" } | undefined;
  /** Of its jitter, so that it can be repeated. */
  seed: string | undefined;
}

/** One clock (or function) as the target reads it and as the host reads it, at the same moment. */
export interface ClockReading {
  /** CLOCK_… or "gettimeofday" or "time". */
  name: string;
  /** Nanoseconds since the clock's epoch; undefined where the call failed in the target. */
  target: bigint | undefined;
  /**
   * What the host's own clock says, at the middle of the interval in which the target read. Of a target in another time
   * namespace: what it says there; undefined where that is not known.
   */
  host: bigint | undefined;
  /** target − host, within ±uncertainty. Undefined for clocks that differ per process (CPU time). */
  difference: bigint | undefined;
  /** Half the interval that the target's reading was bracketed in, in ns (plus the clock's granularity). */
  uncertainty: bigint;
  /** Whether the skew in force selects this clock. */
  selected: boolean;
}

/** A place where a system call with a time in it is, or may be, made, and is not translated. */
export interface UnprovedCall {
  /** The file that its code is from. */
  image: string;
  /** Of the system call's instruction, 0x…, as the file's symbols and a disassembler have it. */
  at: string;
  /** The function that it is in, and which system call it is, as far as that is known. */
  function: string | undefined;
  /** As `function`. */
  call: string | undefined;
  /** What cannot be proved about it. */
  why: string;
}

/** Of a target's code, what is searched for system calls with times in them, and translated. */
export interface WaitCoverage {
  /** Places where such calls are translated. */
  sites: number;
  /**
   * Of a 32-bit program: all the system calls that it makes by the vDSO are translated, wherever it makes them. `sites` is 0
   * then, and `unproved` are some of those that it makes by `int 0x80`.
   */
  byVdso?: true;
  /** Places that are left alone: calls there hand the kernel deadlines by the skewed clock. */
  unproved: UnprovedCall[];
  /** Files with code that could not be searched. */
  unsearched: { image: string; why: string }[];
  /** Mappings with code that was generated at run time: not searched. */
  generatedCode: number;
}

/** What an injection, or a live change, did to a process. */
export interface InjectResult {
  /** The process. */
  pid: number;
  /** Its name, as /proc/PID/comm has it: whatever the process likes. */
  command: string;
  /** How it is now. */
  state: "skewed";
  /**
   * "injected": newly patched. "updated": live settings changed, the target was not stopped. "inherited": forked by another
   * member of the set when that was skewed already.
   */
  action: "injected" | "updated" | "inherited";
  /** What is in force, read back from the process. */
  skew: Skew;
  /** The skew that was in force before, for "updated". */
  previous: Skew | undefined;
  /**
   * By how many ns the change of a running profile came too late, so that the clock may have jumped by what it gained or
   * lost meanwhile. Undefined if it came in time, as it does unless this machine is very busy.
   */
  late: bigint | undefined;
  /** How long threads of the target were stopped, first stop to last release, in ns. 0 for "updated". */
  pauseNs: bigint;
  /** Threads that were held; 0 for "updated". */
  threads: number;
  /** Of these: asleep in a system call, and left asleep. The others were stopped. */
  asleepThreads: number;
  /** Threads that stood inside a prologue and were moved into its trampoline. */
  movedThreads: number;
  /** How its waits are covered. Undefined with `waits: false`, and for "updated", where all stays as it is. */
  waits: WaitCoverage | undefined;
  /** What the target reads now, read back from it. */
  readings: ClockReading[];
}

/** What a recovery did to a process. */
export interface RecoverResult {
  /** The process. */
  pid: number;
  /** As `InjectResult.command`. */
  command: string;
  /** How it is now; see SkewState. */
  state: "unskewed" | "lingering" | "skewed";
  /**
   * "recovered": the vDSO was restored; "cleaned": leftovers removed; "nothing": there was no skew; "gliding": it still is
   * skewed, on its way to the true time, where another `recover` will not make it jump.
   */
  action: "recovered" | "cleaned" | "nothing" | "gliding";
  /** What was recovered from; with "gliding" the skew that leads there. */
  skew: Skew | undefined;
  /** How long threads of it were stopped, first stop to last release, in ns; 0 if nothing had to be done. */
  pauseNs: bigint;
  /** Threads that were held. */
  threads: number;
  /** As `InjectResult.asleepThreads`. */
  asleepThreads: number;
  /** Threads that may still be inside our pages (state "lingering"). */
  lingeringThreads: number;
  /** Of these: asleep in a call whose deadline was translated; they leave when it returns. */
  waitingThreads: number;
}

/** A process, as it was found. */
export interface StatusRow {
  /** The process. */
  pid: number;
  /** As `InjectResult.command`. */
  command: string;
  /** Whether it is skewed. */
  state: SkewState;
  /** By what; undefined for an unskewed one. */
  skew: Skew | undefined;
  /** The container it is in, where that was asked for. */
  container?: Selected;
  /** Places where system calls are translated now; undefined without pages of ours. */
  waitSites: number | undefined;
  /** What is odd and what to do about it, for every state but "skewed" and "unskewed". */
  note: string | undefined;
}

/** What a look at processes has found. */
export interface StatusResult {
  /** One for each process that was named; else for each that has a trace of a skew. */
  rows: StatusRow[];
  /** Processes that could not be looked at, with the reason of each. */
  unreadable: { pid: number; command: string; reason: string }[];
  /** How many processes were looked at. */
  examined: number;
}

/** A process's clocks at one moment. */
export interface NowResult {
  /** The process. */
  pid: number;
  /** As `InjectResult.command`. */
  command: string;
  /** Whether it is skewed. */
  state: SkewState;
  /** By what. */
  skew: Skew | undefined;
  /** Each clock, and gettimeofday() and time(), as its own functions return them. */
  readings: ClockReading[];
  /** By how much the clocks of the target's time namespace are ahead of ours: a skew comes on top of it. */
  timeShift: ClockShift | "unknown";
  /** How long the one thread that read the clocks was stopped, in ns. */
  pauseNs: bigint;
}

/** One line of `doctor`: something that could stop an injection here and now. */
export interface Check {
  /** What was looked at: "ptrace". */
  name: string;
  /** "blocked": an injection would fail. "warning": some would, or something will be missing. */
  verdict: "ok" | "warning" | "blocked";
  /** What was found, in words. */
  detail: string;
  /** What to do about it; undefined if there is nothing to do, or nothing that helps. */
  remedy: string | undefined;
}

/** What would stop an injection. */
export interface DoctorResult {
  /** The process that was asked about; undefined: the machine. */
  pid: number | undefined;
  /** Of a process that could be looked at. */
  command?: string;
  /** All that was looked at, what is in order included. */
  checks: Check[];
}

export interface DryRunResult {
  pid: number;
  command: string;
  /** "inject": the plan below would run. "update": only `settings` would change, without a stop. */
  action: "inject" | "update";
  plan: PatchPlan | undefined;
  skew: Skew;
  /** How its waits would be covered; undefined as in InjectResult. */
  waits: WaitCoverage | undefined;
}

/** Settings shared by the library's functions and the command line's flags: what the clock shall do, and which clocks. */
export interface SkewSettings extends VerbTexts {
  /** Clock names or comma-separated lists of them; default CLOCK_REALTIME. */
  clocks?: readonly string[];
  /** Only the named clock ids, without the clocks and functions that belong to them. */
  exact?: boolean;
  /** Permit a step that takes CLOCK_MONOTONIC or CLOCK_BOOTTIME back. */
  allowBackwardMonotonic?: boolean;
  /** Translate deadlines, waits, and the clock's own system calls; default true. No matter for a live change. */
  waits?: boolean;
}

export interface RecoverSettings {
  /** Permit that CLOCK_MONOTONIC or CLOCK_BOOTTIME goes back to the true time. */
  allowBackwardMonotonic?: boolean;
  /**
   * Do not jump: begin to glide to the true time, in so long (`10m`, or ns; true: twice the present offset). The target
   * stays skewed until then; recover it afterwards.
   */
  glide?: string | bigint | true;
}

export interface SessionSettings {
  /** How long to wait for every thread to stop, in ms; default 1000. */
  stopTimeoutMs?: number;
}
