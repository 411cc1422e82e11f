/** What is shown on each kernel for each machine of a target, and how it came out. */
import type { Arch } from "./arch.ts";

/** The machine of a target. */
export type Machine = "x86_64" | "i386" | "aarch64";

export const MACHINES: Readonly<Record<Arch, readonly Machine[]>> = {
  x86_64: ["x86_64", "i386"],
  arm64: ["aarch64"],
};

export type CellName = "inject" | "recover" | "hammer" | "kill" | "waits" | "profiles" | "user" | "run";

/** One cell of the table, as a guest reports it. */
export interface Cell {
  machine: Machine;
  cell: CellName;
  /** green; refused: cleanly, as `words` tell; red: `words` tell what is wrong. */
  state: "green" | "refused" | "red";
  /** The code of the refusal. */
  code?: string;
  words: string;
  seconds: number;
}

/** In front of each line of a guest's output that is a cell in JSON. */
export const CELL = "CELL ";
