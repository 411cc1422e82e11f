/**
 * Images for arm64: two clock functions among NOPs; and targets that have them.
 */
import { address } from "../../../src/machine/address.ts";
import { machineOf } from "../../../src/machine/machine.ts";
import { readVdso, type Vdso } from "../../../src/patch/vdso.ts";
import { buildImage } from "../elf/build-image.ts";
import { words } from "../machine/aarch64/prologues.ts";
import { PROLOGUES as OLDER } from "../machine/aarch64/prologues-5.10-to-6.12.ts";
import { PROLOGUES as NEWER } from "../machine/aarch64/prologues-6.18-to-7.2.ts";
import { assembled } from "../machine/x86_64/prologues.ts";
import { Target } from "./memory.ts";

export const machine = machineOf("aarch64");
export const START = 0xffff_9a5c_1000n;
export const VVAR_SIZE = 0x2000;
const ENTRY = 0x800;
export const SIZE = 0x100;
export const NOP = "d503201f";

export interface Functions {
  readonly clock_gettime: Uint8Array;
  readonly gettimeofday: Uint8Array;
  /** Where the first one begins. */
  readonly at?: number;
  readonly apart?: number;
}

/** An image in which all other code is NOP. */
export function imageOf({ clock_gettime, gettimeofday, at = ENTRY, apart = SIZE }: Functions): Uint8Array {
  const size = Math.min(apart, SIZE);
  const { bytes, at: parts } = buildImage({
    machine: machine.elfMachine,
    symbols: [
      { name: "__kernel_clock_gettime", offset: at, size },
      { name: "__kernel_gettimeofday", offset: at + apart, size },
    ],
  });
  const loaded = ENTRY + 4 * SIZE;
  bytes.writeBigUInt64LE(BigInt(loaded), parts.load + 32);
  bytes.writeBigUInt64LE(BigInt(loaded), parts.load + 40);
  for (let offset = parts.text & ~3; offset < loaded; offset += 4) bytes.set(words(NOP), offset);
  bytes.fill(0, loaded);
  bytes.set(clock_gettime, at);
  bytes.set(gettimeofday, at + apart);
  return Uint8Array.from(bytes);
}

export function prologueOf(name: string): Uint8Array {
  return assembled([...OLDER, ...NEWER].find((each) => each.name === `Linux ${name}`)!.code);
}

/** The same ones in 6.1 as in 5.10, and so on: see the fixtures. */
export const KERNELS = [
  ["5.10", "5.10 __kernel_clock_gettime", "5.10 __kernel_gettimeofday"],
  ["6.1", "5.10 __kernel_clock_gettime", "6.1 __kernel_gettimeofday"],
  ["6.12", "6.12 __kernel_clock_gettime", "6.12 __kernel_gettimeofday"],
  ["6.18", "6.18 __kernel_clock_gettime", "6.18 __kernel_gettimeofday"],
  ["7.2", "7.2 __kernel_clock_gettime", "7.2 __kernel_gettimeofday"],
] as const;

export function targetWith(bytes: Uint8Array): { target: Target; vdso: Vdso } {
  const target = new Target({ start: START, bytes });
  target.occupy(START - BigInt(VVAR_SIZE), VVAR_SIZE, "r--p", "[vvar]");
  return { target, vdso: readVdso(address(START), bytes) };
}

/** The same image, with a note that asks for BTI. */
export function guarded(image: Uint8Array): Uint8Array {
  const bytes = Buffer.from(image);
  const headers = 0x600;
  const notes = 0x6c0;
  bytes.copy(bytes, headers, 64, 64 + 2 * 56);
  bytes.writeBigUInt64LE(BigInt(headers), 32);
  bytes.writeUInt16LE(3, 56);
  const note = headers + 2 * 56;
  bytes.writeUInt32LE(4, note);
  bytes.writeUInt32LE(4, note + 4);
  for (const [i, value] of [notes, notes, notes, 32, 32, 8].entries()) {
    bytes.writeBigUInt64LE(BigInt(value), note + 8 + 8 * i);
  }
  bytes.set(words("00000004 00000010 00000005 00554e47 c0000000 00000004 00000003 00000000"), notes);
  return Uint8Array.from(bytes);
}
