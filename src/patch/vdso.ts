/**
 * One process's vDSO: its bytes, and the clock functions in it that are patched.
 */

import { type ByteRange, ElfError, findFunction, type Image, identify, parseImage } from "../elf/image.ts";
import { TimeskewError } from "../errors.ts";
import { type Address, address } from "../machine/address.ts";
import { findMachine, type Machine } from "../machine/machine.ts";
import { FUNCTIONS, type FunctionName } from "./payload.ts";

export interface VdsoFunction {
  readonly name: FunctionName;
  /** Where it is called in the target. */
  readonly entry: Address;
  /** Offset and size in the image, in bytes, of the code that may be rewritten: behind a landing pad that has to stay. */
  readonly offset: number;
  readonly size: number;
  /** Where that begins in the target. */
  readonly address: Address;
}

export interface Vdso {
  /** Whose code it is. */
  readonly machine: Machine;
  readonly start: Address;
  readonly end: Address;
  readonly bytes: Uint8Array;
  readonly image: Image;
  /** In the order of FUNCTIONS; a kernel may lack some. */
  readonly functions: readonly VdsoFunction[];
  /** Bytes at the image's end that no program uses. */
  readonly tail: ByteRange;
}

const SYMBOLS: Readonly<Record<FunctionName, readonly string[]>> = {
  clock_gettime: ["__vdso_clock_gettime", "clock_gettime", "__kernel_clock_gettime"],
  gettimeofday: ["__vdso_gettimeofday", "gettimeofday", "__kernel_gettimeofday"],
  time: ["__vdso_time", "time"],
  clock_gettime64: ["__vdso_clock_gettime64"],
  vsyscall: ["__kernel_vsyscall"],
};

const REQUIRED: Readonly<Record<Machine["bits"], readonly FunctionName[]>> = {
  64: ["clock_gettime"],
  32: ["clock_gettime", "clock_gettime64"],
};

/** @throws TimeskewError E_NOT_64BIT, E_UNSUPPORTED or E_VDSO */
export function readVdso(start: Address, bytes: Uint8Array): Vdso {
  const { machine, image } = parse(bytes);
  const functions = FUNCTIONS.flatMap((name) => {
    const symbol = findFunction(image, SYMBOLS[name]);
    if (symbol === undefined || symbol.size === 0) return [];
    const pad = landingPadOf(machine, image, bytes.subarray(symbol.offset, symbol.offset + symbol.size));
    const entry = address(start + BigInt(symbol.offset));
    const at = address(entry + BigInt(pad));
    return [{ name, entry, offset: symbol.offset + pad, size: symbol.size - pad, address: at }];
  });
  const names: readonly FunctionName[] = functions.map(({ name }) => name);
  // A 32-bit program's payload has the true time from there; the vDSO has it since Linux 5.3.
  for (const name of REQUIRED[machine.bits]) {
    if (!names.includes(name)) throw new TimeskewError("E_VDSO", `the vDSO exports no ${name}`);
  }
  const end = address(start + BigInt(bytes.length));
  return { machine, start, end, bytes, image, functions, tail: image.tail };
}

/** Without BTI it is nothing, and may be replaced as anything else. */
function landingPadOf(machine: Machine, { asksForBti }: Image, code: Uint8Array): number {
  return (asksForBti && machine.landingPad?.(code)) || 0;
}

/** The same image in another process. */
export function movedTo(start: Address, vdso: Vdso): Vdso {
  const moved = (at: Address) => address(at - vdso.start + start);
  return {
    ...vdso,
    start,
    end: address(start + BigInt(vdso.bytes.length)),
    functions: vdso.functions.map((fn) => ({ ...fn, entry: moved(fn.entry), address: moved(fn.address) })),
  };
}

function parse(bytes: Uint8Array): Pick<Vdso, "machine" | "image"> {
  try {
    const kind = identify(bytes);
    const machine = findMachine(kind.machine);
    if (kind.class === 32 && machine?.bits !== 32) throw notSkewed(kind.machine);
    if (machine?.bits !== kind.class) {
      throw new TimeskewError("E_UNSUPPORTED", `the vDSO is for ${kind.machine}`, {
        hint: "timeskew knows x86-64, i386 and aarch64",
      });
    }
    return { machine, image: parseImage(bytes) };
  } catch (error) {
    if (!(error instanceof ElfError)) throw error;
    throw new TimeskewError("E_VDSO", `the vDSO cannot be read: ${error.message}`, { cause: error });
  }
}

/** Of a vDSO of 32 bits. The one of x32 programs is x86-64's by its machine. */
function notSkewed(machine: string): TimeskewError {
  const what =
    machine === "x86_64" ? "an x32 process (64-bit registers, 32-bit addresses)" : "a 32-bit process";
  return new TimeskewError("E_NOT_64BIT", `${what} (its vDSO is for ${machine})`, {
    hint: "timeskew skews 64-bit processes, and 32-bit ones of i386",
  });
}

const FUNCTION_BITS: Readonly<Record<FunctionName, bigint>> = {
  clock_gettime: (1n << 32n) - 1n,
  gettimeofday: 1n << 62n,
  time: 1n << 63n,
  clock_gettime64: (1n << 32n) - 1n,
  vsyscall: 0n,
};

/** Of a mask of clocks and functions, what this vDSO can be asked for. */
export function readable(vdso: Vdso, mask: bigint): bigint {
  return vdso.functions.reduce((bits, { name }) => bits | FUNCTION_BITS[name], 0n) & mask;
}

/**
 * The vDSO with those of its functions that are rewritten.
 *
 * @param translates its system calls are looked at for times in them: a 32-bit program makes them there
 */
export function rewrittenIn(vdso: Vdso, translates: boolean): Vdso {
  if (translates) return vdso;
  return { ...vdso, functions: vdso.functions.filter(({ name }) => name !== "vsyscall") };
}

/**
 * The image's unused end as the kernel made it.
 *
 * @param pristine the same image, untouched. Without it, what is known to be zero is zero, and the rest is as it stands.
 */
export function pristineTailOf({ bytes, tail, image }: Vdso, pristine?: Uint8Array): Uint8Array {
  if (pristine !== undefined) return pristine.slice(tail.start, tail.end);
  return bytes.slice(tail.start, tail.end).fill(0, image.padding.start - tail.start);
}

/** The code of a function, as the image holds it. */
export function codeOf(vdso: Pick<Vdso, "bytes">, fn: VdsoFunction): Uint8Array {
  return vdso.bytes.subarray(fn.offset, fn.offset + fn.size);
}
