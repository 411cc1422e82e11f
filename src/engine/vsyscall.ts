/**
 * The waits of a 32-bit program. Whatever C library it has, and whichever library of its own: its system calls are made by
 * one function of the vDSO, which is rewritten like those that read the clock. So no call site is searched for, and what
 * is mapped later is covered as well.
 */
import { basename } from "node:path";
import { type DirectCall, findDirectCalls } from "../calls/int80.ts";
import { formatAddress } from "../machine/address.ts";
import type { Vdso } from "../patch/vdso.ts";
import { openMapped } from "../target/mapped-file.ts";
import type { Mapping } from "../target/proc.ts";
import type { Process } from "../target/process.ts";
import type { UnprovedCall } from "../types.ts";
import { isFileCode, type WaitSites } from "./waits.ts";

/** Whether a program with this vDSO makes its system calls by it. */
export function callsByVdso({ functions }: Vdso): boolean {
  return functions.some(({ name }) => name === "vsyscall");
}

export function waitsByVdso(process: Process): WaitSites {
  const code = process.maps.filter((mapping) => isFileCode(mapping) && basename(mapping.path) !== LINKER);
  const unproved = code.flatMap((mapping) => directCalls(process, mapping));
  return { sites: [], coverage: { sites: 0, byVdso: true, unproved, unsearched: [], generatedCode: 0 } };
}

/** glibc's dynamic linker, which makes all its system calls by int 0x80, but waits for no time. */
const LINKER = "ld-linux.so.2";

/** More code than this is not looked through: nothing that makes system calls by itself is so large. */
const MOST_CODE = 64 << 20;

/** By file and place: processes of one service have the same libraries. */
const known = new Map<string, readonly DirectCall[]>();

function directCalls(process: Process, mapping: Mapping): UnprovedCall[] {
  const { path, start, end, offset } = mapping;
  using file = openMapped(process.proc, mapping);
  if (file === undefined) return [];
  const key = `${file.identity} ${offset}`;
  // A mapping's last page may be longer than what is left of the file.
  const size = Math.min(Number(end - start), Number(file.size - offset), MOST_CODE);
  const found = known.get(key) ?? findDirectCalls(file.read(Number(offset), size) ?? new Uint8Array());
  known.set(key, found);
  return found.map(({ offset: at, call }) => ({
    image: path,
    at: formatAddress(offset + BigInt(at)),
    function: undefined,
    call,
    why: "by int 0x80",
  }));
}
