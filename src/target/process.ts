/**
 * One process, looked at through /proc: opened by a descriptor that goes on meaning this very process when its pid is
 * used again, and refused with a reason where there is nothing to skew.
 */
import { closeSync, constants, openSync, readdirSync } from "node:fs";
import { TimeskewError } from "../errors.ts";
import { type Access, accessFacts, securityModuleReason, whyRefused } from "./access.ts";
import {
  findMapping,
  isEnding,
  isKernelThread,
  type Mapping,
  type ProcessStat,
  type ProcessStatus,
  parseMaps,
  parseStat,
  parseStatus,
} from "./proc.ts";
import { MOST_TEXT, readText } from "./read.ts";

export interface Process extends Disposable {
  readonly pid: number;
  readonly command: string;
  /** Clock ticks since boot. */
  readonly startTime: bigint;
  readonly status: ProcessStatus;
  /** Descriptor of /proc/PID. */
  readonly proc: number;
  /** The task whose memory is looked at: the pid, or a living thread when the main thread has exited. */
  readonly memoryPid: number;
  readonly maps: readonly Mapping[];
  /** Where the kernel mapped the vDSO. */
  readonly vdso: Mapping;
}

/**
 * @throws TimeskewError E_NO_TARGET, E_PERMISSION, E_KERNEL_THREAD, E_ZOMBIE, E_NO_VDSO
 */
export function openProcess(pid: number): Process {
  refuseForeignProc();
  const proc = openDirectory(pid);
  try {
    // From here on through the descriptor: pid reuse would show as ESRCH.
    const read = (name: string) => readThrough(proc, pid, name);
    const status = parseStatus(read("status"));
    const stat = parseStat(read("stat"));
    refuseThread(pid, status);
    if (isKernelThread(stat)) {
      throw new TimeskewError(
        "E_KERNEL_THREAD",
        `pid ${pid} (${stat.command}) is a kernel thread: it reads no user-space clock`,
        { pid },
      );
    }
    const memoryPid = livingTask(pid, stat, proc);
    const maps = parseMaps(read(memoryPid === pid ? "maps" : `task/${memoryPid}/maps`));
    const vdso = vdsoOf(pid, stat, maps);
    return {
      pid,
      command: stat.command,
      startTime: stat.startTime,
      status,
      proc,
      memoryPid,
      maps,
      vdso,
      [Symbol.dispose]: () => closeSync(proc),
    };
  } catch (error) {
    closeSync(proc);
    throw error;
  }
}

/**
 * A descriptor of /proc/PID.
 *
 * @throws TimeskewError E_NO_TARGET, E_PERMISSION
 */
export function openDirectory(pid: number): number {
  try {
    return openSync(`/proc/${pid}`, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    switch (errorCode(error)) {
      case "ENOENT":
      case "ESRCH": // it ended while its folder was opened
        throw noSuchProcess(pid);
      case "EACCES":
      case "EPERM":
        throw hidden(pid, error);
    }
    throw error;
  }
}

function readThrough(proc: number, pid: number, name: string): string {
  const text = readOrRefuse(proc, pid, name);
  if (text !== undefined) return text;
  throw new TimeskewError("E_FAILED", `/proc/${pid}/${name} has more than ${MOST_TEXT >> 20} MiB`, {
    pid,
    hint: "its process has too many mappings, or maps files with names that are too long",
  });
}

function readOrRefuse(proc: number, pid: number, name: string): string | undefined {
  try {
    return readText(`/proc/self/fd/${proc}/${name}`);
  } catch (error) {
    switch (errorCode(error)) {
      case "ENOENT":
      case "ESRCH":
        throw new TimeskewError("E_GONE", `pid ${pid} ended while we looked at it`, { pid, cause: error });
      case "EACCES":
      case "EPERM":
        throw notPermitted(`not permitted to look at pid ${pid}`, pid, "look", error);
    }
    throw error;
  }
}

function refuseThread(pid: number, status: ProcessStatus): void {
  if (status.tgid === undefined || status.tgid === pid) return;
  throw new TimeskewError("E_NO_TARGET", `${pid} is a thread of process ${status.tgid}, not a process`, {
    pid,
    hint: `--pid ${status.tgid} means all threads of it: a clock belongs to the whole process`,
  });
}

/** The thread ids of an opened process; none if it has ended. */
function tasksOf(proc: number): string[] {
  try {
    return readdirSync(`/proc/self/fd/${proc}/task`);
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ESRCH") return [];
    throw error;
  }
}

/** A main thread that has called pthread_exit stays as a zombie while others run on. */
function livingTask(pid: number, stat: ProcessStat, proc: number): number {
  if (stat.state !== "Z" && stat.state !== "X") return pid;
  for (const name of tasksOf(proc)) {
    const task = parseStat(readThrough(proc, pid, `task/${name}/stat`));
    if (task.state !== "Z" && task.state !== "X") return task.pid;
  }
  throw new TimeskewError(
    "E_ZOMBIE",
    `pid ${pid} (${stat.command}) has ended; its parent has not collected it yet`,
    {
      pid,
      hint: `its parent is pid ${stat.ppid}`,
    },
  );
}

function vdsoOf(pid: number, stat: ProcessStat, maps: readonly Mapping[]): Mapping {
  const vdso = findMapping(maps, "[vdso]");
  if (vdso !== undefined) return vdso;
  if (maps.length === 0) throw new TimeskewError("E_GONE", `pid ${pid} (${stat.command}) is ending`, { pid });
  throw new TimeskewError("E_NO_VDSO", `pid ${pid} (${stat.command}) has no vDSO mapped`, {
    pid,
    hint: "it reads the clock by system calls, which timeskew does not change",
  });
}

/**
 * Whether any thread has a seccomp filter (or strict mode): each has its own, and a system call that we make in a
 * thread could be deadly to the process.
 */
export function hasSeccomp({ pid, proc, status }: Process): boolean {
  if (status.seccomp) return true;
  return tasksOf(proc).some((task) => {
    try {
      return (parseStatus(readThrough(proc, pid, `task/${task}/status`)).seccomp ?? 0) !== 0;
    } catch (error) {
      if (error instanceof TimeskewError && error.code === "E_GONE") return false; // that thread has exited
      throw error;
    }
  });
}

/** Whether an opened process has ended since: it is gone, or each thread that it still has is a zombie. */
export function hasEnded({ pid, proc }: Process): boolean {
  return !tasksOf(proc).some((name) => {
    try {
      const task = parseStat(readThrough(proc, pid, `task/${name}/stat`));
      return task.state !== "Z" && task.state !== "X";
    } catch (error) {
      if (error instanceof TimeskewError && error.code === "E_GONE") return false;
      throw error;
    }
  });
}

/** The error for a process that the kernel keeps us from, with the reason. */
export function notPermitted(message: string, pid: number, access: Access, cause?: unknown): TimeskewError {
  const facts = accessFacts(pid);
  const known = whyRefused(facts, access);
  // The kernel refuses to say anything about a process without memory.
  if (known === undefined && isOver(pid)) {
    return new TimeskewError("E_GONE", `pid ${pid} ended while we looked at it`, { pid, cause });
  }
  const { reason, remedy } = known ?? securityModuleReason(facts);
  return new TimeskewError("E_PERMISSION", `${message}: ${reason}`, {
    pid,
    cause,
    hint: remedy,
  });
}

/** Whether no thread of it runs its program any more. */
function isOver(pid: number): boolean {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    return tasks.every((tid) => isEnding(parseStat(readText(`/proc/${pid}/task/${tid}/stat`) ?? "")));
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ESRCH") return true;
    throw error;
  }
}

export function noSuchProcess(pid: number): TimeskewError {
  if (isHidden(pid)) return hidden(pid);
  return new TimeskewError("E_NO_TARGET", `no process has pid ${pid}`, {
    pid,
    hint: "find it with: pgrep -a NAME",
  });
}

function hidden(pid: number, cause?: unknown): TimeskewError {
  return new TimeskewError(
    "E_PERMISSION",
    `pid ${pid} is hidden from us: /proc shows only our own (hidepid)`,
    {
      pid,
      cause,
      hint: "run timeskew with sudo, or mount /proc without hidepid",
    },
  );
}

const LOOKS = 5;
const PAUSE_MS = 2;

/** One that has just been collected has left /proc a moment before its pid is free. */
function isHidden(pid: number): boolean {
  for (let look = 1; look <= LOOKS; look++) {
    if (!isThere(pid)) return false;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
  }
  return true;
}

/** Whether there is such a process, hidden from us or not. Signal 0 is none: it asks who could be sent one. */
export function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}

/**
 * To ptrace, a number means a process of our pid namespace; in a /proc that was mounted for another one the same number
 * is another process.
 *
 * @throws TimeskewError E_FAILED
 */
export function refuseForeignProc(): void {
  let pids: readonly number[] | undefined;
  try {
    pids = parseStatus(readText("/proc/self/status") ?? "").nsPid;
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    pids = []; // a /proc in which we are not to be seen, or none at all
  }
  if (pids === undefined || pids.length === 1) return; // kernels before 4.1 do not tell
  throw new TimeskewError(
    "E_FAILED",
    "/proc shows another pid namespace than ours: its numbers are not ours",
    {
      hint: "run timeskew where /proc is mounted for its pid namespace: nsenter --pid --mount, unshare --mount-proc",
    },
  );
}

/** The pids of every process in /proc. */
export function listPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
