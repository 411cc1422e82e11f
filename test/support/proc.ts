/** What /proc says about a process, read without any of timeskew's own code. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from "node:fs";

/** The lines of /proc/PID/maps. */
export function maps(pid: number): string[] {
  return readFileSync(`/proc/${pid}/maps`, "utf8").trimEnd().split("\n");
}

/** The bytes of a mapping, a line of /proc/PID/maps, as they are in the process now. */
function bytesOf(pid: number, line: string): Buffer {
  const [from = 0, to = 0] = line
    .split(" ")[0]!
    .split("-")
    .map((address) => Number.parseInt(address, 16));
  const bytes = Buffer.alloc(to - from);
  const memory = openSync(`/proc/${pid}/mem`, "r");
  try {
    if (readSync(memory, bytes, 0, bytes.length, from) !== bytes.length) throw new Error("short read");
  } finally {
    closeSync(memory);
  }
  return bytes;
}

/** The bytes of the vDSO as they are in the process now. */
export function vdso(pid: number): Buffer {
  const line = maps(pid).find((each) => each.endsWith("[vdso]"));
  if (!line) throw new Error(`process ${pid} has no vDSO`);
  return bytesOf(pid, line);
}

/** A hash of the bytes of each mapping that can be executed, by its line of /proc/PID/maps. */
export function codeBytes(pid: number): Map<string, string> {
  const lines = maps(pid).filter((line) => / [r-][w-]x[ps] /.test(line) && !line.endsWith("[vsyscall]"));
  return new Map(
    lines.map((line) => [line, createHash("sha256").update(bytesOf(pid, line)).digest("hex")] as const),
  );
}

/** Everything of a process that timeskew could change, to be compared before and after. */
export function snapshot(pid: number): { maps: string[]; vdso: string; threads: number; tracer: string } {
  return {
    maps: maps(pid),
    vdso: vdso(pid).toString("hex"),
    threads: threads(pid).length,
    tracer: field(pid, "TracerPid"),
  };
}

/** The same for a program that maps and protects memory of its own: of the mappings, those that can be executed. */
export function codeSnapshot(pid: number): ReturnType<typeof snapshot> {
  const whole = snapshot(pid);
  return { ...whole, maps: whole.maps.filter((line) => / [r-][w-]x[ps] /.test(line)) };
}

/** The thread ids of a process. */
export function threads(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).map(Number);
}

/** The fields of /proc/TASK/status, where a task is PID or PID/task/TID. */
export function statusOf(task: string): Map<string, string> {
  const lines = readFileSync(`/proc/${task}/status`, "utf8").trimEnd().split("\n");
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
  );
}

/** A field of /proc/PID/status. */
export function field(pid: number, name: string): string {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const found = new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status);
  if (!found) throw new Error(`/proc/${pid}/status has no ${name}`);
  return found[1]!;
}

/** The state letter of a process or a thread: R, S, D, Z, t, … */
export function state(id: number): string {
  return field(id, "State")[0]!;
}

/** The fields of /proc/PID/stat from the third on. */
function stat(pid: number): string[] {
  // They follow the command's name, which is in parentheses and may contain anything.
  const [, fields = ""] = /\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
  return fields.split(" ");
}

/**
 * A question that is asked again and again: did all threads of a process sleep at one and the same moment? So they did if
 * each of them sleeps, and has not run since the question was asked before.
 */
export function watchSleep(pid: number): () => boolean {
  let before: string[] = [];
  return () => {
    const now = threads(pid).map((tid) => {
      const status = statusOf(`${pid}/task/${tid}`);
      const switches = ["voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"].map((name) =>
        status.get(name),
      );
      return [tid, status.get("State")![0], ...switches].join(" ");
    });
    const slept =
      now.length === before.length && now.every((each, n) => each === before[n] && / S /.test(each));
    before = now;
    return slept;
  };
}

/** Seconds of processor time that all threads of a process have used so far. */
export function cpuSeconds(pid: number): number {
  const [user, system] = stat(pid).slice(11, 13).map(Number);
  return (user! + system!) / 100; // USER_HZ
}

/** When a process was started, in clock ticks since boot: together with its pid this names it for ever. */
export function startTime(pid: number): string {
  return stat(pid)[19]!;
}

/** The processes that a process has started and that still run. */
export function children(pid: number): number[] {
  return threads(pid).flatMap((tid) =>
    readFileSync(`/proc/${pid}/task/${tid}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
}

/** "net:[4026531840]" and the like: which namespaces a process is in. */
export function namespaces(pid: number): string[] {
  return readdirSync(`/proc/${pid}/ns`).map((name) => readlinkSync(`/proc/${pid}/ns/${name}`));
}

/** Seconds since boot. */
export function uptime(): number {
  return Math.floor(Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]));
}
