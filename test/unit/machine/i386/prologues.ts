/** Machine code of 32-bit programs, written as x86_64/prologues.ts says. */
export { IMAGE_32 as IMAGE } from "../x86_64/prologues.ts";

export interface Prologue {
  readonly name: string;
  /** Offset of the function in the image, which stands at IMAGE. */
  readonly offset: number;
  readonly prologueLength: number;
  /** The prologue and the instruction after it. */
  readonly code: string;
  /** What the prologue calls to learn its address: it stands at that offset in the image. */
  readonly thunk?: { readonly offset: number; readonly code: string };
  /** What must stand at TRAMPOLINE. */
  readonly trampoline: string;
  readonly map: readonly (readonly [from: number, to: number])[];
}

export const TRAMPOLINE = 0xecf1_8200n;
