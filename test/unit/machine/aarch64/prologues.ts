/**
 * arm64 code in tests, as an assembler's listing: bytes in memory's order, a semicolon, what they mean. Of an address that
 * stands among the code, the meaning is its value.
 */
import { assembled } from "../x86_64/prologues.ts";

export interface KernelPrologue {
  readonly name: string;
  /** Offset of the function in the image, which stands at IMAGE. */
  readonly offset: number;
  /** Its first two instructions. */
  readonly code: string;
  /** What must stand at NEAR for the first of them. */
  readonly near: string;
  /** And at AWAY, 64 MiB away: too far for what refers to its own address by 21 bits. */
  readonly away: string;
  /** What must stand at FAR, 2 GiB away, for both; or why they cannot be moved. */
  readonly far: string;
}

export const IMAGE = 0x7ffff7fc1000n;
export const NEAR = 0x7ffff7fb0000n;
export const AWAY = 0x7ffff3fb0000n;
export const FAR = 0x7fff77fb0000n;

/** The bytes of words, each as its 8 digits. */
export function words(digits: string): Uint8Array {
  const each = digits.match(/[0-9a-f]{8}/g) ?? [];
  return assembled(each.map((word) => Buffer.from(word, "hex").reverse().toString("hex")).join("\n"));
}

/** The words of code, as digits. */
export function digits(code: Uint8Array): string {
  return (Buffer.from(code).toString("hex").match(/.{8}/g) ?? [])
    .map((word) => Buffer.from(word, "hex").reverse().toString("hex"))
    .join(" ");
}
