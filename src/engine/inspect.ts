/**
 * Everything that is known about a target before anything is done to it: the process, its vDSO, and what timeskew or
 * others have done to it already. Nothing is stopped for this.
 */
import { readFileSync } from "node:fs";
import { TimeskewError } from "../errors.ts";
import type { Address } from "../machine/address.ts";
import { decodeJump } from "../machine/x86_64/encode.ts";
import { type Found, findSkew } from "../patch/find.ts";
import { placePages } from "../patch/landing.ts";
import { FUNCTIONS } from "../patch/payload.ts";
import { codeOf, readVdso, type Vdso } from "../patch/vdso.ts";
import { findMapping, type Mapping, parseMaps } from "../target/proc.ts";
import { hasEnded, notPermitted, openProcess, type Process } from "../target/process.ts";
import { lockProcess } from "../tracer/execute.ts";
import { loadPayload, readMemory } from "../tracer/native.ts";

export interface Inspection extends Disposable {
  readonly process: Process;
  readonly vdso: Vdso;
  readonly found: Found;
  /** What the vDSO's tail holds on this kernel when no stub is in it. */
  readonly pristineTail: Uint8Array;
}

/**
 * @param locked be the only timeskew at work on this process, until the inspection is disposed of
 * @throws TimeskewError E_BUSY, or for whatever cannot be skewed: see openProcess and readVdso
 */
export function inspect(pid: number, { locked = false } = {}): Inspection {
  const process = openProcess(pid);
  try {
    if (locked) lockProcess(process);
    const vdso = naming(process, () => readVdso(process.vdso.start, readMapping(process, process.vdso)));
    const pristine = pristineVdso(vdso);
    return {
      process,
      vdso,
      found: findSkew({
        vdso,
        maps: process.maps,
        read: (at, length) => readMemory(process.proc, process.memoryPid, at, length),
        pristine,
        pagesWithout: (ignored) =>
          placePages(
            process.maps.filter((each) => !ignored.includes(each)),
            vdso,
            loadPayload(),
          ),
        payload: loadPayload(),
      }),
      pristineTail: (pristine ?? vdso.bytes).slice(vdso.tail.start, vdso.tail.end),
      [Symbol.dispose]: () => process[Symbol.dispose](),
    };
  } catch (error) {
    process[Symbol.dispose]();
    throw error;
  }
}

function readMapping(process: Process, { start, end }: Mapping): Uint8Array {
  const bytes = readMemory(process.proc, process.memoryPid, start, Number(end - start));
  if (bytes !== undefined) return bytes;
  const { pid, command } = process;
  if (hasEnded(process))
    throw new TimeskewError("E_GONE", `pid ${pid} (${command}) ended meanwhile`, { pid });
  throw notPermitted(`not permitted to read the memory of pid ${pid} (${command})`, pid);
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

let own: { bytes: Uint8Array } | null | undefined;

/**
 * The vDSO as this kernel makes it: every 64-bit process gets the same image, so our own will do, unless somebody
 * has patched that. Undefined where it does not compare.
 */
function pristineVdso(target: Vdso): Uint8Array | undefined {
  own ??= ownVdso() ?? null;
  return own?.bytes.length === target.bytes.length ? own.bytes : undefined;
}

function ownVdso(): { bytes: Uint8Array } | undefined {
  const mapping = findMapping(parseMaps(readFileSync("/proc/self/maps", "utf8")), "[vdso]");
  if (mapping === undefined) return undefined;
  const bytes = readMemory(-1, process.pid, mapping.start, Number(mapping.end - mapping.start));
  if (bytes === undefined) return undefined;
  const vdso = readVdso(mapping.start, bytes);
  const patched = vdso.functions.some((fn) => decodeJump(codeOf(vdso, fn), fn.address) !== undefined);
  return patched ? undefined : vdso;
}

/**
 * Free addresses for our pages.
 *
 * @throws TimeskewError E_UNSUPPORTED
 */
export function findPages({ process, vdso }: Pick<Inspection, "process" | "vdso">): Address {
  const gap = placePages(process.maps, vdso, loadPayload());
  if (gap !== undefined) return gap;
  throw new TimeskewError(
    "E_UNSUPPORTED",
    `pid ${process.pid} (${process.command}) has no free addresses within 2 GiB of its vDSO`,
    { pid: process.pid, hint: `a jump to our ${FUNCTIONS.length} functions could not reach` },
  );
}
