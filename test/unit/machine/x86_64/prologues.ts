/**
 * Machine code in tests is written as an assembler's listing: bytes, a semicolon, what they mean.
 */

export interface KernelPrologue {
  readonly name: string;
  /** Offset of the function in the image, which stands at IMAGE. */
  readonly offset: number;
  readonly prologueLength: number;
  /** The prologue and the instruction after it. */
  readonly code: string;
  /** What must stand at TRAMPOLINE. */
  readonly trampoline: string;
  readonly map: readonly (readonly [from: number, to: number])[];
}

export const IMAGE = 0x7ffff7fc1000n;
/** Of a 32-bit program. */
export const IMAGE_32 = 0xf7fc1000n;
export const TRAMPOLINE = 0x7ffff7fb0000n;

/** The bytes of a listing. */
export function assembled(listing: string): Uint8Array {
  const digits = lines(listing).flatMap((line) => line.replace(/;.*/, "").match(/[0-9a-f]{2}/g) ?? []);
  return Uint8Array.from(digits, (pair) => Number.parseInt(pair, 16));
}

/** The comments of a listing, one for each instruction. */
export function meanings(listing: string): string[] {
  return lines(listing).map((line) => line.replace(/.*; /, ""));
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function lines(listing: string): string[] {
  return listing.split("\n").filter((line) => line.trim() !== "");
}
