/**
 * Everything that is known about a target before anything is done to it: the process, its vDSO, and what timeskew or
 * others have done to it already. Nothing is stopped for this.
 */
import { readFileSync } from "node:fs";
import { type ErrorCode, TimeskewError } from "../errors.ts";
import { type Address, address } from "../machine/address.ts";
import { formatReach } from "../machine/errors.ts";
import type { ReadWindow } from "../patch/calls.ts";
import { type Found, findSkew } from "../patch/find.ts";
import { placePages } from "../patch/landing.ts";
import type { Payload } from "../patch/payload.ts";
import { equal } from "../patch/scene.ts";
import { codeOf, movedTo, pristineTailOf, readVdso, type Vdso } from "../patch/vdso.ts";
import { refuseOtherPages } from "../target/page-size.ts";
import { touchedPages } from "../target/pagemap.ts";
import { findMapping, type Mapping, parseMaps } from "../target/proc.ts";
import { hasEnded, notPermitted, openProcess, type Process } from "../target/process.ts";
import { lostTarget } from "../tracer/diagnose.ts";
import { lockProcess } from "../tracer/execute.ts";
import { loadPayload, readMemory } from "../tracer/native.ts";

export interface Inspection extends Disposable {
  readonly process: Process;
  readonly vdso: Vdso;
  /** What runs in a target of this machine. */
  readonly payload: Payload;
  readonly found: Found;
  /** What the vDSO's tail holds on this kernel when no stub is in it. */
  readonly pristineTail: Uint8Array;
}

const MOST_LOOKS = 10;
const PAUSE_BETWEEN_LOOKS_MS = 2;

/** What a look finds half-way through an execve, when some of what it reads is the old program's and some the new one's. */
const DOUBTFUL: readonly ErrorCode[] = [
  ...(["E_GONE", "E_ZOMBIE", "E_NO_VDSO", "E_VDSO"] as const),
  ...(["E_NOT_64BIT", "E_UNSUPPORTED"] as const),
];

interface Look {
  /** Be the only timeskew at work on this process, until the inspection is disposed of. */
  readonly locked?: boolean;
  /** As `Scene.known`. */
  readonly known?: ReadonlySet<Address>;
}

/**
 * @throws TimeskewError E_BUSY, or for whatever cannot be skewed: see openProcess and readVdso
 */
export function inspect(pid: number, look: Look = {}): Inspection {
  let doubt: string | undefined;
  for (let i = 1; i <= MOST_LOOKS; i++) {
    const outcome = tryToLook(pid, look);
    const failed = outcome instanceof TimeskewError;
    const finding = failed ? outcome.message : outcome.found.state;
    // Believed when seen twice in one and the same program.
    const seen = isDoubtful(outcome) ? `${programOf(pid)}: ${finding}` : undefined;
    if (seen === undefined || seen === doubt) {
      if (failed) throw outcome;
      return outcome;
    }
    doubt = seen;
    if (!failed) outcome[Symbol.dispose]();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_BETWEEN_LOOKS_MS);
  }
  throw new TimeskewError("E_BUSY", `pid ${pid} starts one program after the other`, {
    pid,
    hint: "try again",
  });
}

function tryToLook(pid: number, look: Look): Inspection | TimeskewError {
  try {
    return lookOnce(pid, look);
  } catch (error) {
    if (error instanceof TimeskewError) return error;
    throw error;
  }
}

function isDoubtful(outcome: Inspection | TimeskewError): boolean {
  if (!(outcome instanceof TimeskewError)) return outcome.found.state === "foreign";
  return (
    DOUBTFUL.includes(outcome.code) || (outcome.code === "E_PERMISSION" && programOf(outcome.pid!) !== "")
  );
}

/** Tells one program of a process from the next: where the kernel put its parts. "" for somebody else's process. */
function programOf(pid: number): string {
  try {
    const maps = parseMaps(readFileSync(`/proc/${pid}/maps`, "utf8"));
    const parts = [maps[0], findMapping(maps, "[vdso]"), findMapping(maps, "[stack]")];
    return parts.map((part) => part?.start ?? "").join(" ");
  } catch {
    return ""; // gone, or not for us: then the look says so
  }
}

function lookOnce(pid: number, { locked = false, known }: Look): Inspection {
  const process = openProcess(pid);
  try {
    refuseOtherPages();
    if (locked) lockProcess(process);
    const bytes = readMapping(process, process.vdso);
    const vdso = naming(process, () => readKnown(process.vdso.start, bytes));
    const payload = naming(process, () => loadPayload(vdso.machine.name));
    const pristine = pristineVdso(vdso);
    return {
      process,
      vdso,
      payload,
      found: findSkew({
        vdso,
        maps: process.maps,
        read: (at, length) => readTouched(process, at, length),
        pristine,
        pagesWithout: (ignored) =>
          placePages(
            process.maps.filter((each) => !ignored.includes(each)),
            vdso,
            payload,
          ),
        payload,
        ...(known && { known }),
      }),
      pristineTail: pristineTailOf(vdso, pristine),
      [Symbol.dispose]: () => process[Symbol.dispose](),
    };
  } catch (error) {
    process[Symbol.dispose]();
    throw error;
  }
}

const PAGE = 4096;

function readMapping(process: Process, { start, end }: Mapping): Uint8Array {
  const bytes = readMemory(process.proc, process.memoryPid, start, Number(end - start));
  if (bytes !== undefined) return bytes;
  const { pid, command } = process;
  if (hasEnded(process))
    throw new TimeskewError("E_GONE", `pid ${pid} (${command}) ended meanwhile`, { pid });
  throw notPermitted(`not permitted to read the memory of pid ${pid} (${command})`, pid, "attach");
}

/** Anonymous memory. Pages that nobody has touched are zeros, and are not asked for. */
function readTouched({ proc, memoryPid }: Process, at: Address, length: number): Uint8Array | undefined {
  const touched = touchedPages(`/proc/self/fd/${proc}/task/${memoryPid}/pagemap`, at, length);
  if (touched === undefined || touched.every(Boolean)) return readMemory(proc, memoryPid, at, length);
  const bytes = new Uint8Array(length);
  let from = 0;
  for (const isTouched of touched) {
    const to = Math.min(length, from + PAGE - Number((at + BigInt(from)) % BigInt(PAGE)));
    const part = isTouched
      ? readMemory(proc, memoryPid, address(at + BigInt(from)), to - from)
      : new Uint8Array();
    if (part === undefined) return undefined;
    bytes.set(part, from);
    from = to;
  }
  return bytes;
}

/** Reads what stands around a call site, in a page that was there a moment ago. */
export function windowReader(process: Process): ReadWindow {
  const { pid, command, proc, memoryPid } = process;
  return (at, length) => {
    const bytes = readMemory(proc, memoryPid, at, length);
    if (bytes !== undefined) return bytes;
    const message = `pid ${pid} (${command}) changed its code while we looked at it`;
    throw lostTarget(process) ?? new TimeskewError("E_BUSY", message, { pid, hint: "try again" });
  };
}

/** Errors about a vDSO do not know whose it is. */
function naming<T>({ pid, command }: Process, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof TimeskewError)) throw error;
    throw new TimeskewError(error.code, `pid ${pid} (${command}): ${error.message}`, {
      pid,
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

let own: Vdso | null | undefined;

/** Ours, unless somebody has patched it. */
function knownVdso(): Vdso | undefined {
  own ??= ownVdso() ?? null;
  return own ?? undefined;
}

/** Of an image that is the same as ours, only the addresses are new. */
function readKnown(start: Address, bytes: Uint8Array): Vdso {
  const known = knownVdso();
  return known !== undefined && equal(known.bytes, bytes) ? movedTo(start, known) : readVdso(start, bytes);
}

/**
 * The vDSO as this kernel makes it: every process of our machine gets the same image, so our own will do, unless
 * somebody has patched that. Undefined where it does not compare, as with those of 32-bit programs.
 */
function pristineVdso(target: Vdso): Uint8Array | undefined {
  const known = knownVdso();
  return known?.machine === target.machine && known.bytes.length === target.bytes.length
    ? known.bytes
    : undefined;
}

function ownVdso(): Vdso | undefined {
  const mapping = findMapping(parseMaps(readFileSync("/proc/self/maps", "utf8")), "[vdso]");
  if (mapping === undefined) return undefined;
  const bytes = readMemory(-1, process.pid, mapping.start, Number(mapping.end - mapping.start));
  if (bytes === undefined) return undefined;
  const vdso = readVdso(mapping.start, bytes);
  const patched = vdso.functions.some(
    (fn) => vdso.machine.decodeJump(codeOf(vdso, fn), fn.address) !== undefined,
  );
  return patched ? undefined : vdso;
}

/**
 * Free addresses for our pages.
 *
 * @throws TimeskewError E_UNSUPPORTED
 */
export function findPages({
  process,
  vdso,
  payload,
}: Pick<Inspection, "process" | "vdso" | "payload">): Address {
  const gap = placePages(process.maps, vdso, payload);
  if (gap !== undefined) return gap;
  const bytes = payload.codeSize + payload.paramsSize;
  throw new TimeskewError(
    "E_UNSUPPORTED",
    `pid ${process.pid} (${process.command}) has no ${bytes} free bytes in a row within ${formatReach(vdso.machine.reach)} of its vDSO`,
    { pid: process.pid, hint: "its own mappings leave no room that a jump from the vDSO can reach" },
  );
}
