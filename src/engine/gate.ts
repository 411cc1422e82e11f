/**
 * The gate of a program that is skewed before its first instruction: how its dynamic linker comes by our pages when all
 * libraries are mapped.
 */
import { readFileSync } from "node:fs";
import { TimeskewError } from "../errors.ts";
import { type Address, address } from "../machine/address.ts";
import type { Gate } from "../patch/gate.ts";
import type { Payload } from "../patch/payload.ts";
import { AT_BASE, AT_ENTRY, AT_RANDOM, type Auxv, offsetOfValue, parseAuxv } from "../target/auxv.ts";
import { hasEnded, notPermitted, type Process } from "../target/process.ts";
import { readMemory } from "../tracer/native.ts";

/**
 * @param process held before its first instruction
 * @returns undefined for a program that maps no libraries before it begins: a static one, or a dynamic linker that was
 *   started as a command, whose program begins in a way of its own
 * @throws TimeskewError E_GONE, E_PERMISSION
 */
export function gateOf(process: Process): Gate | undefined {
  const auxv = parseAuxv(readAuxv(process));
  const linker = auxv?.values.get(AT_BASE) ?? 0n;
  const entry = auxv?.values.get(AT_ENTRY);
  if (auxv === undefined || linker === 0n || entry === undefined) return undefined;
  const at = onStack(process, auxv);
  if (at === undefined) return undefined;
  return {
    word: address(at + BigInt(offsetOfValue(auxv, AT_ENTRY)!)),
    entry: address(entry),
    first: firstOf(process, address(linker)),
  };
}

/** @param pages where our pages begin @returns the program counter at the gate's system call, as a tracer sees it */
export function gatePc(pages: Address, { gateCalled }: Payload): Address {
  return address(pages + BigInt(gateCalled));
}

function readAuxv(process: Process): Uint8Array {
  const { pid, command, proc } = process;
  try {
    return readFileSync(`/proc/self/fd/${proc}/auxv`);
  } catch (error) {
    if (hasEnded(process))
      throw new TimeskewError("E_GONE", `pid ${pid} (${command}) ended meanwhile`, { pid, cause: error });
    throw notPermitted(`not permitted to look at pid ${pid} (${command})`, pid, "look", error);
  }
}

/** Between the vector's end and the random bytes above it the kernel leaves less than a stack's alignment. */
const NEAR = 512;

/** Where the vector is; undefined where it is not what /proc says. */
function onStack({ proc, memoryPid }: Process, { values, bytes }: Auxv): bigint | undefined {
  const end = values.get(AT_RANDOM);
  if (end === undefined) return undefined;
  const start = end - BigInt(bytes.length + NEAR);
  const found = readMemory(proc, memoryPid, address(start), bytes.length + NEAR);
  const offset = found === undefined ? -1 : Buffer.from(found.buffer).lastIndexOf(bytes);
  return offset < 0 ? undefined : start + BigInt(offset);
}

const ELF_HEADER = 64;
const ELF_MAGIC = 0x464c457f;
const ENTRY_OFFSET = 24;

/** A dynamic linker's first instruction, by the ELF header that it is mapped with. */
function firstOf({ proc, memoryPid }: Process, linker: Address): Address {
  const header = readMemory(proc, memoryPid, linker, ELF_HEADER);
  const view = header && new DataView(header.buffer, header.byteOffset);
  if (view?.getUint32(0, true) !== ELF_MAGIC) return address(0n);
  return address(linker + view.getBigUint64(ENTRY_OFFSET, true));
}
