/** Built files with every table, and what breaks one field of them. */
import type { BuiltProgram, ProgramOptions } from "./build-program.ts";

export const EVERYTHING: ProgramOptions = {
  interpreter: true,
  frames: [
    { at: 0x100, size: 0x40 },
    { at: 0x200, size: 0x40, augmentation: "zPLR" },
  ],
  symbols: [
    { name: "framed", at: 0x100, size: 0x40 },
    { name: "local", at: 0x300, size: 0x40 },
    { name: "bare", at: 0x480, size: 0 },
  ],
  exports: [{ name: "exported", at: 0x400, size: 0x40 }],
};
export const GO: ProgramOptions = {
  go: {
    magic: 0xfffffff1,
    functions: [
      { name: "main.a", at: 0x100 },
      { name: "main.b", at: 0x140 },
    ],
    end: 0x200,
    text: "relocated module",
  },
  exports: [],
};

export type Break = (built: BuiltProgram) => unknown;

export const u16 =
  (at: number, value: number): Break =>
  ({ bytes }) =>
    bytes.writeUInt16LE(value, at);
/** A 64-bit field of the program header of that index: 8 p_offset, 16 p_vaddr, 32 p_filesz, 40 p_memsz. */
export const segment =
  (index: number, field: number, value: bigint): Break =>
  ({ bytes, at }) =>
    bytes.writeBigUInt64LE(value, at.get(`segment ${index}`)! + field);
/** A field of a part, by its size. */
export const u32 =
  (part: string, offset: number, value: number): Break =>
  ({ bytes, at }) =>
    bytes.writeUInt32LE(value, at.get(part)! + offset);
export const u64 =
  (part: string, offset: number, value: bigint): Break =>
  ({ bytes, at }) =>
    bytes.writeBigUInt64LE(value, at.get(part)! + offset);

export const MAX64 = 2n ** 64n - 1n;
