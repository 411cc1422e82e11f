/** Programs that are stopped before their first instruction, and skewed there, as by somebody who follows them. */
import { gateOf, gatePc } from "../../src/engine/gate.ts";
import { injectionOf, waitsOf } from "../../src/engine/inject.ts";
import { findPages, inspect } from "../../src/engine/inspect.ts";
import { execute } from "../../src/tracer/execute.ts";
import { build } from "./build.ts";
import { Dialog, type DialogOptions } from "./dialog.ts";
import { assemble } from "./own.ts";
import { state } from "./proc.ts";
import { THRESHOLD } from "./recipes.ts";
import { waitFor } from "./wait.ts";

const STOP_TIMEOUT_MS = 5000;
/** CLOCK_REALTIME and what is made of it. */
const WALL = (1n << 0n) | (1n << 5n) | (1n << 62n) | (1n << 63n);

export interface Entry {
  registers: Record<string, string>;
  argc: number;
  base: string;
  entry: number;
  auxv: boolean;
}

/** threshold.c, and the command that it has started: entrance.c unless a test says otherwise. */
export interface Threshold extends AsyncDisposable {
  readonly dialog: Dialog;
  /** Of the command. */
  readonly pid: number;
  /** Lets it go on. */
  go(): void;
  /** Traces it up to the gate, where it is stopped again; or to its end. */
  goTo(gate: bigint): Promise<{ gate: { call: number; argument: number } | false; calls: number }>;
  /** How entrance.c was entered, once it goes on. */
  entry(): Promise<Entry>;
}

/** @param execs the program of which of its execve calls is stopped */
export function startAtThreshold(
  command: readonly string[],
  { execs = 1, ...options }: DialogOptions & { execs?: number } = {},
): Promise<Threshold> {
  return assemble(async (own) => {
    const dialog = own(await Dialog.start([await build(THRESHOLD), String(execs), ...command], options));
    const { pid } = JSON.parse(await dialog.line()) as { pid: number };
    const stopped = () => waitFor(`pid ${pid} to be stopped`, () => state(pid) === "T");
    await stopped();
    return {
      dialog,
      pid,
      go: () => dialog.tell("go"),
      goTo: async (gate: bigint) => {
        const answer = await dialog.askJson<Awaited<ReturnType<Threshold["goTo"]>>>(
          `gate ${gate.toString(16)}`,
        );
        if (answer.gate !== false) await stopped();
        return answer;
      },
      entry: () => dialog.askJson<Entry>("entry"),
    };
  });
}

/**
 * Skews a program that is stopped before its first instruction.
 *
 * @param offset ns, of the wall clock
 * @returns the program counter of the gate that it was given, if it was given one
 */
export function skewAtThreshold(pid: number, offset: bigint): bigint | undefined {
  using target = inspect(pid, { locked: true });
  const gate = gateOf(target.process);
  const pages = findPages(target);
  const settings = { mask: WALL, offset, skewId: 1n, since: 0n };
  const wanted = { settings, begins: "known", startIn: 0n, ...(gate && { gate }) } as const;
  const plan = injectionOf(target, wanted, waitsOf(target, WALL, true), pages);
  execute(plan, target.process, STOP_TIMEOUT_MS);
  return gate && gatePc(pages, target.payload);
}
