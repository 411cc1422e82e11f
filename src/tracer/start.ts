/**
 * Starts programs, and becomes them: native/start.h, whose structures are packed here. Everything is synchronous, and
 * leaves no process behind that is not named.
 */
import { closeSync, readSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { TimeskewError } from "../errors.ts";
import type { Entrance } from "../target/entrance.ts";
import type { Inherited } from "../target/inherited.ts";
import type { Program } from "../target/program.ts";
import { loadHelper } from "./native.ts";

const { EAGAIN, EINTR } = constants.errno;

/** A program that is nobody's child, and our pipes to and from it. */
export interface Launched {
  readonly pid: number;
  /** All that it will read; once. */
  tell(bytes: Uint8Array): void;
  /** What it writes until it closes its end. */
  answer(): Uint8Array;
}

/**
 * Starts a program in a session of its own, with / as its directory, and with nothing open but pipes from us (0) and to
 * us (1), /dev/null (2) and our stderr (3). It may trace us, as far as Yama has a say. Unless it is told something it reads nothing.
 *
 * @throws TimeskewError E_FAILED
 */
export function launch(program: Program): Launched {
  const pipes = new Int32Array(2);
  const pid = loadHelper().launch(encodeProgram(program), pipes);
  if (pid < 0) throw failed(`cannot start ${program.paths[0]}`, pid);
  const [to, from] = [pipes[0]!, pipes[1]!];
  return {
    pid,
    tell: (bytes) => {
      writeAll(to, bytes);
      closeSync(to);
    },
    answer: () => {
      const bytes = readToEnd(from);
      closeSync(from);
      return bytes;
    },
  };
}

/**
 * This process becomes the program, with the same pid, parent, terminal, descriptors and signals: as if Node had never
 * been here. Returns only if it cannot: an errno.
 */
export function become(program: Program, inherited: Inherited): number {
  return -loadHelper().become(encodeProgram(program), encodeInherited(inherited));
}

/** How to become like another process. */
export interface Entry extends Omit<Entrance, "env" | typeof Symbol.dispose> {
  /** Who may trace it, as far as Yama has a say. */
  readonly tracer: number | undefined;
}

/** A child that has not entered anything yet. */
export interface Entrant {
  readonly pid: number;
  /**
   * Lets it enter. The signals that are sent to us from now on are the program's.
   *
   * @returns what became of that, when it has executed its program, or has failed to
   */
  enter(): Entered;
  /** Lets it end instead. */
  callOff(): void;
}

export type Entered =
  /** `here`: its files had none of the paths, so another program was executed, outside of the mount and pid namespaces. */
  | { readonly pid: number; readonly here: boolean; readonly failure?: undefined }
  | { readonly failure: "entry" | "exec"; readonly errno: number };

/**
 * Makes the child that becomes the program `there` in the namespaces, or the program `here`.
 *
 * @throws TimeskewError E_FAILED
 */
export function prepareEntry(
  entry: Entry,
  programs: { readonly there: Program; readonly here: Program },
  inherited: Inherited,
): Entrant {
  const pipes = new Int32Array(2);
  const pid = loadHelper().enter(
    encodeEntry(entry),
    encodeProgram(programs.there),
    encodeProgram(programs.here),
    encodeInherited(inherited),
    pipes,
  );
  if (pid < 0) throw failed("cannot make a process", pid);
  const [go, news] = [pipes[0]!, pipes[1]!];
  return {
    pid,
    enter: () => {
      loadHelper().holdSignals();
      writeAll(go, Uint8Array.of(1));
      const entered = decodeNews(readToEnd(news));
      for (const fd of [go, news]) closeSync(fd);
      return entered;
    },
    callOff: () => {
      for (const fd of [go, news]) closeSync(fd);
    },
  };
}

/**
 * Stands for the program that an entrant has made until that ends: hands on the signals that are sent to us, stops when it
 * stops, and ends as it does, without a way back.
 *
 * @throws TimeskewError E_INTERNAL if it is none of our children
 */
export function standFor(pid: number, entrant: number): never {
  throw failed(`cannot wait for pid ${pid}`, loadHelper().await(pid, entrant), "E_INTERNAL");
}

/**
 * When that process ends, our descriptor `fd` becomes what `instead` is, whatever we do at that time.
 *
 * @throws TimeskewError E_FAILED
 */
export function replaceAtEnd(pid: number, fd: number, instead: number): void {
  const result = loadHelper().replaceAtEnd(pid, fd, instead);
  if (result < 0) throw failed("cannot make a thread", result);
}

// ---- packing ----

const PROGRAM_BYTES = 16;
const INHERITED_BYTES = 16;
const ENTRY_BYTES = 80;
const NAMESPACES = 8;
const IDS = 1;
const GROUPS = 2;
const NO_NEW_PRIVILEGES = 4;

/** struct ts_program. */
export function encodeProgram({ paths, argv, env }: Program): Uint8Array {
  const strings = [...paths, ...argv, ...env].map((each) => `${each}\0`).join("");
  const packed = Buffer.alloc(PROGRAM_BYTES + strings.length);
  [packed.length, paths.length, argv.length, env.length].forEach((value, i) => {
    packed.writeUInt32LE(value, 4 * i);
  });
  packed.write(strings, PROGRAM_BYTES, "latin1");
  return packed;
}

/** struct ts_inherited. */
function encodeInherited({ openFiles, descriptors, blocking }: Inherited): Uint8Array {
  const bytes = Buffer.alloc(INHERITED_BYTES + 4 * descriptors.length);
  bytes.writeBigUInt64LE(openFiles ?? 0n, 0);
  bytes.writeUInt32LE(descriptors.length, 8);
  bytes.writeUInt32LE(
    blocking.reduce((mask, fd) => mask | (1 << fd), 0),
    12,
  );
  descriptors.forEach((fd, i) => {
    bytes.writeInt32LE(fd, INHERITED_BYTES + 4 * i);
  });
  return bytes;
}

/** struct ts_entry. */
function encodeEntry(entry: Entry): Uint8Array {
  const { first, groups = [], ids } = entry;
  if (first.length > NAMESPACES) throw new RangeError(`${first.length} namespaces`);
  const bytes = Buffer.alloc(ENTRY_BYTES + 4 * groups.length);
  const { pidNamespace, mountNamespace, root, directory, userNamespace } = entry;
  const descriptors = [...Array.from({ length: NAMESPACES }, (_, i) => first[i])];
  descriptors.push(pidNamespace, mountNamespace, root, directory, userNamespace);
  descriptors.forEach((fd, i) => {
    bytes.writeInt32LE(fd ?? -1, 4 * i);
  });
  const flags =
    (ids ? IDS : 0) | (entry.groups ? GROUPS : 0) | (entry.noNewPrivileges ? NO_NEW_PRIVILEGES : 0);
  bytes.writeUInt32LE(flags, 52);
  bytes.writeUInt32LE(ids?.uid ?? 0, 56);
  bytes.writeUInt32LE(ids?.gid ?? 0, 60);
  bytes.writeBigUInt64LE(entry.lost, 64);
  bytes.writeInt32LE(entry.tracer ?? 0, 72);
  bytes.writeUInt32LE(groups.length, 76);
  groups.forEach((group, i) => {
    bytes.writeUInt32LE(group, ENTRY_BYTES + 4 * i);
  });
  return bytes;
}

const ENTERED_HERE = 2;
const ENTRY_FAILED = 3;
const EXEC_FAILED = 4;

/** struct ts_entry_report, as many as there are. They come from two processes, in any order. */
function decodeNews(bytes: Uint8Array): Entered {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let entered: Entered = { failure: "entry", errno: constants.errno.ECHILD };
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    const [news, value] = [view.getUint32(at, true), view.getInt32(at + 4, true)];
    if (news === ENTRY_FAILED) return { failure: "entry", errno: value };
    if (news === EXEC_FAILED) return { failure: "exec", errno: value };
    entered = { pid: value, here: news === ENTERED_HERE };
  }
  return entered;
}

// ---- pipes ----

function readToEnd(fd: number): Uint8Array {
  const parts: Buffer[] = [];
  for (;;) {
    const part = Buffer.alloc(65_536);
    const length = again(() => readSync(fd, part));
    if (length === 0) return Buffer.concat(parts);
    parts.push(part.subarray(0, length));
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += again(() => writeSync(fd, bytes, at));
}

/** Read and write of a blocking pipe, whatever signals come. */
function again<T>(act: () => T): T {
  for (;;) {
    try {
      return act();
    } catch (error) {
      const { errno = 0 } = error as NodeJS.ErrnoException;
      if (-errno !== EINTR && -errno !== EAGAIN) throw error;
    }
  }
}

function failed(what: string, result: number, code: "E_FAILED" | "E_INTERNAL" = "E_FAILED"): TimeskewError {
  const name = Object.entries(constants.errno).find(([, value]) => value === -result)?.[0];
  return new TimeskewError(code, `${what}: ${name ?? `errno ${-result}`}`);
}
