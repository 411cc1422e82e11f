/**
 * One process's vDSO: its bytes, and the clock functions in it that are patched.
 */

import { type ByteRange, ElfError, findFunction, type Image, identify, parseImage } from "../elf/image.ts";
import { TimeskewError } from "../errors.ts";
import { type Address, address } from "../machine/address.ts";
import { FUNCTIONS, type FunctionName } from "./payload.ts";

export interface VdsoFunction {
  readonly name: FunctionName;
  /** Offset and size of its code in the image, in bytes. */
  readonly offset: number;
  readonly size: number;
  /** Where it begins in the target. */
  readonly address: Address;
}

export interface Vdso {
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
};

/** @throws TimeskewError E_NOT_64BIT, E_UNSUPPORTED or E_VDSO */
export function readVdso(start: Address, bytes: Uint8Array): Vdso {
  const image = parse(bytes);
  const functions = FUNCTIONS.flatMap((name) => {
    const symbol = findFunction(image, SYMBOLS[name]);
    if (symbol === undefined || symbol.size === 0) return [];
    return [
      { name, offset: symbol.offset, size: symbol.size, address: address(start + BigInt(symbol.offset)) },
    ];
  });
  if (functions[0]?.name !== "clock_gettime") {
    throw new TimeskewError("E_VDSO", "the vDSO exports no clock_gettime");
  }
  const end = address(start + BigInt(bytes.length));
  return { start, end, bytes, image, functions, tail: image.tail };
}

/** The same image in another process. */
export function movedTo(start: Address, vdso: Vdso): Vdso {
  return {
    ...vdso,
    start,
    end: address(start + BigInt(vdso.bytes.length)),
    functions: vdso.functions.map((fn) => ({ ...fn, address: address(start + BigInt(fn.offset)) })),
  };
}

function parse(bytes: Uint8Array): Image {
  try {
    const kind = identify(bytes);
    if (kind.class === 32) {
      throw new TimeskewError("E_NOT_64BIT", `a 32-bit process (its vDSO is for ${kind.machine})`, {
        hint: "timeskew skews 64-bit processes",
      });
    }
    if (kind.machine !== "x86_64") {
      throw new TimeskewError("E_UNSUPPORTED", `the vDSO is for ${kind.machine}`, {
        hint: "timeskew knows x86-64",
      });
    }
    return parseImage(bytes);
  } catch (error) {
    if (!(error instanceof ElfError)) throw error;
    throw new TimeskewError("E_VDSO", `the vDSO cannot be read: ${error.message}`, { cause: error });
  }
}

const FUNCTION_BITS: Readonly<Record<FunctionName, bigint>> = {
  clock_gettime: (1n << 32n) - 1n,
  gettimeofday: 1n << 62n,
  time: 1n << 63n,
};

/** Of a mask of clocks and functions, what this vDSO can be asked for. */
export function readable(vdso: Vdso, mask: bigint): bigint {
  return vdso.functions.reduce((bits, { name }) => bits | FUNCTION_BITS[name], 0n) & mask;
}

/** The code of a function, as the image holds it. */
export function codeOf(vdso: Pick<Vdso, "bytes">, fn: VdsoFunction): Uint8Array {
  return vdso.bytes.subarray(fn.offset, fn.offset + fn.size);
}
