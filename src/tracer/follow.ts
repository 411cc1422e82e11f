/**
 * Following processes: one thread of ours traces them and whatever they start (native/follow.c). They run on; what has
 * called execve is held before its first instruction until it is told to go on.
 *
 * `inject()`, `recover()` and the like work on who is followed as on anybody else, held or not.
 */
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { constants as os } from "node:os";
import { TimeskewError } from "../errors.ts";
import type { Address } from "../machine/address.ts";
import { parseStat, parseStatus } from "../target/proc.ts";
import { errorCode, notPermitted, openDirectory } from "../target/process.ts";
import { readText } from "../target/read.ts";
import { loadHelper } from "./native.ts";
import { whyNotAttached } from "./refused.ts";

export { isFollowed } from "./tracer.ts";

/** A process whose only thread, or main thread, stands still. */
export interface Held {
  readonly pid: number;
  /** "exec": before the first instruction of a new program. "loaded": at the gate. */
  readonly why: "exec" | "loaded";
}

export interface Loading {
  /** Where a system call of the main thread returns to, there it is held once more. */
  readonly gate: Address;
}

export interface Follower {
  /**
   * Follows a process and all that it starts from now on.
   *
   * @returns how many of its threads were not followed before
   * @throws TimeskewError E_NO_TARGET, E_GONE, E_PERMISSION, E_TRACED, E_UNSUPPORTED, E_FAILED
   */
  add(pid: number): number;
  /** Lets a held process go on; nothing if it is not held (any more). */
  go(pid: number, loading?: Loading): void;
  /** Lets a held process end with this exit code instead; nothing if it is not held (any more). */
  exit(pid: number, code: number): void;
  onHeld(listener: (held: Held) => void): void;
  /** Nobody is left who could start anything. */
  onEmpty(listener: () => void): void;
  /** Lets everybody go, and wakes nobody; who is held runs on. So does the end of this process, however it comes. */
  end(): void;
}

const { EPERM, ESRCH } = os.errno;
/** struct ts_event: kind, pid, count. */
const EVENT_BYTES = 16;
const WHY: Readonly<Record<number, Held["why"]>> = { 1: "exec", 2: "loaded" };
const NOBODY = 3;

/**
 * While it lives it keeps the event loop alive.
 *
 * @throws TimeskewError E_INTERNAL if there is one already; E_FAILED
 */
export function startFollower(): Follower {
  const helper = loadHelper();
  const events = helper.followStart();
  if (events === -os.errno.EBUSY)
    throw new TimeskewError("E_INTERNAL", "this process follows others already");
  if (events < 0) throw new TimeskewError("E_FAILED", `cannot begin to follow: errno ${-events}`);

  const held: ((held: Held) => void)[] = [];
  const empty: (() => void)[] = [];
  let additions = 0n;
  let ended = false;
  const socket = new Socket({ fd: events, readable: true, writable: false });
  readEvents(socket, (kind, pid, count) => {
    if (ended) return;
    const why = WHY[kind];
    if (why !== undefined) for (const listener of held) listener({ pid, why });
    // Said before the last one was added, it means nothing any more.
    else if (kind === NOBODY && count === additions) for (const listener of empty) listener();
  });

  return {
    add(pid) {
      const seized = add(pid);
      additions++;
      return seized;
    },
    go: (pid, loading) => ignoreGone(helper.followGo(pid, loading?.gate ?? 0n), pid),
    exit: (pid, code) => ignoreGone(helper.followExit(pid, code), pid),
    onHeld: (listener) => void held.push(listener),
    onEmpty: (listener) => void empty.push(listener),
    end() {
      if (ended) return;
      ended = true;
      const result = helper.followEnd();
      socket.destroy();
      if (result < 0) throw new TimeskewError("E_INTERNAL", `cannot stop following: errno ${-result}`);
    },
  };
}

function readEvents(socket: Socket, listener: (kind: number, pid: number, count: bigint) => void): void {
  let rest = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    const bytes = Buffer.concat([rest, chunk]);
    let at = 0;
    for (; at + EVENT_BYTES <= bytes.length; at += EVENT_BYTES) {
      listener(bytes.readUInt32LE(at), bytes.readInt32LE(at + 4), bytes.readBigUInt64LE(at + 8));
    }
    rest = bytes.subarray(at);
  });
}

/** Whoever is held may be killed at any time. */
function ignoreGone(result: number, pid: number): void {
  if (result === 0 || result === -ESRCH) return;
  throw new TimeskewError("E_FAILED", `cannot let pid ${pid} go on: errno ${-result}`, { pid });
}

function add(pid: number): number {
  const proc = openDirectory(pid);
  try {
    const culprit = new Uint8Array(4);
    refuseOurs(pid, proc);
    const result = loadHelper().followAdd(proc, pid, culprit);
    if (result >= 0) return result;
    throw notFollowed(pid, proc, result, new DataView(culprit.buffer).getInt32(0, true));
  } finally {
    closeSync(proc);
  }
}

/**
 * Ourselves, and our children: Node waits for those by waitpid, which would take the stops of those whom a thread of the same process traces
 * for their ends.
 */
function refuseOurs(pid: number, proc: number): void {
  if (pid === process.pid) {
    throw new TimeskewError("E_UNSUPPORTED", `pid ${pid} is timeskew itself: nobody follows himself`, {
      pid,
    });
  }
  const { ppid, command } = parseStat(lookUp(pid, proc, "stat"));
  if (ppid !== process.pid) return;
  throw new TimeskewError("E_UNSUPPORTED", `pid ${pid} (${command}) is a child of this very process`, {
    pid,
    hint: "follow it from another process",
  });
}

function notFollowed(pid: number, proc: number, result: number, culprit: number): TimeskewError {
  if (result === -ESRCH) return gone(pid);
  const status = parseStatus(lookUp(pid, proc, "status"));
  const name = `pid ${pid} (${status.name ?? "?"})`;
  if (result !== -EPERM)
    return new TimeskewError("E_FAILED", `cannot follow ${name}: errno ${-result}`, { pid });
  const [code, message, hint] = whyNotAttached({ pid, status }, culprit, name, false);
  return new TimeskewError(code, message, { pid, ...(hint !== undefined && { hint }) });
}

function lookUp(pid: number, proc: number, name: string): string {
  try {
    const text = readText(`/proc/self/fd/${proc}/${name}`);
    if (text !== undefined) return text;
  } catch (error) {
    const code = errorCode(error);
    if (code === "EACCES" || code === "EPERM") {
      throw notPermitted(`not permitted to look at pid ${pid}`, pid, "look", error);
    }
    if (code !== "ENOENT" && code !== "ESRCH") throw error;
  }
  throw gone(pid);
}

function gone(pid: number): TimeskewError {
  return new TimeskewError("E_GONE", `pid ${pid} ended before it could be followed`, { pid });
}
