/**
 * A target as it is looked at: its mappings, and its memory, of which nothing is believed.
 */
import type { Address } from "../machine/address.ts";
import type { Mapping } from "../target/proc.ts";
import type { PayloadHeader } from "./payload.ts";
import type { Vdso } from "./vdso.ts";

/** Reads the target's memory; undefined where it cannot be read. */
export type Reader = (address: Address, length: number) => Uint8Array | undefined;

export interface Scene {
  readonly vdso: Vdso;
  readonly maps: readonly Mapping[];
  readonly read: Reader;
  /** The vDSO as this kernel makes it, if that is known. */
  readonly pristine: Uint8Array | undefined;
  /** Where an injection would put its pages if `ignored` were not mapped. */
  readonly pagesWithout: (ignored: readonly Mapping[]) => Address | undefined;
  readonly payload: Pick<PayloadHeader, "machine" | "codeSize" | "paramsSize">;
  /** Pages of ours that no jump leads to and that are known already, by where their code begins. */
  readonly known?: ReadonlySet<Address>;
}

/**
 * Reads anonymous memory only, which is all that we ever map. Where a file is mapped, a read may wait for its file
 * system, for ever if the target wants that.
 */
export function readAnonymous({ maps, read }: Scene, at: Address, length: number): Uint8Array | undefined {
  return isAnonymous(maps, at, length) ? read(at, length) : undefined;
}

export function isAnonymous(maps: readonly Mapping[], start: bigint, length: number): boolean {
  const end = start + BigInt(length);
  for (let at = start; at < end; ) {
    const mapping = maps.find((each) => each.start <= at && at < each.end);
    if (mapping === undefined || mapping.inode !== 0n || mapping.path !== "" || mapping.perms[3] !== "p")
      return false;
    at = mapping.end;
  }
  return true;
}

/** Whether what begins with this magic number, or a part of it, or nothing has been written there. */
export function startsLike(bytes: Uint8Array | undefined, magicNumber: bigint): boolean {
  if (bytes === undefined) return false;
  const magic = new Uint8Array(BigUint64Array.of(magicNumber).buffer);
  const written = magic.findIndex((byte, i) => bytes[i] !== byte);
  return written < 0 || isZero(bytes.subarray(written, magic.length));
}

export function isZero(bytes: Uint8Array | undefined): boolean {
  return bytes?.every((byte) => byte === 0) ?? false;
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
