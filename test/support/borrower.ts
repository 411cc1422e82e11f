/** Starts borrower.c, and drains its table and its page of code by plans made by hand (test/README.md). */
import { readFileSync } from "node:fs";
import { address } from "../../src/machine/address.ts";
import type { Range, Step } from "../../src/patch/plan.ts";
import type { Vdso } from "../../src/patch/vdso.ts";
import { build } from "./build.ts";
import { carryOut } from "./by-hand.ts";
import { Dialog } from "./dialog.ts";
import { assemble } from "./own.ts";
import { state } from "./proc.ts";
import { BORROWER } from "./recipes.ts";
import { waitFor } from "./wait.ts";

/** The number of a system call that goes on after it was interrupted, by what the kernel has kept of it. */
export const RESTART_SYSCALL = 219;

export interface Borrower extends AsyncDisposable {
  readonly dialog: Dialog;
  readonly pid: number;
  readonly tids: readonly number[];
  readonly table: Range;
  readonly code: Range;
  /** All callers sleep in one of these system calls. */
  asleepIn(...calls: number[]): Promise<void>;
  /** Stops the process, as Ctrl-Z does, and lets it go on. */
  stop(): Promise<void>;
  continue(): void;
  results(): Promise<number[]>;
}

/** @param threads 0: a child process, which is stopped right before the call's instruction */
export function startBorrower(
  kind: string,
  where: "table" | "elsewhere" | "code",
  { ms = 600_000, threads = 1 } = {},
): Promise<Borrower> {
  return assemble(async (own) => {
    const dialog = own(await Dialog.start([await build(BORROWER), kind, where, `${ms}`, `${threads}`]));
    const told = JSON.parse(await dialog.line()) as Told;
    const { pid, tids } = told;
    return {
      dialog,
      pid,
      tids,
      table: rangeOf(told.table),
      code: rangeOf(told.code),
      asleepIn: async (...calls) => {
        await waitFor(`${kind} to be slept in`, () => tids.every((tid) => calls.includes(callOf(pid, tid))));
      },
      stop: async () => {
        process.kill(pid, "SIGSTOP");
        await waitFor("the stop", () => [pid, ...tids].every((tid) => state(tid) === "T"));
      },
      continue: () => process.kill(pid, "SIGCONT"),
      results: async () => (await dialog.askJson<{ results: number[] }>("results")).results,
    };
  });
}

interface Told {
  pid: number;
  tids: number[];
  table: [string, number];
  code: [string, number];
}

function rangeOf([at, length]: [string, number]): Range {
  return { address: address(BigInt(at)), length };
}

/** The system call that a thread sleeps in; NaN: none. */
function callOf(pid: number, tid: number): number {
  return Number.parseInt(readFileSync(`/proc/${pid}/task/${tid}/syscall`, "utf8"), 10);
}

/** Who is inside: [lingering, of those waiting, whether the table was unmapped because nobody was]. */
export function drain(
  { pid, table, code }: Borrower,
  { timeoutNs = 20_000_000n, waits = true } = {},
): readonly [lingering: number, waiting: number, unmapped: boolean] {
  const steps = ({ start: calls }: Vdso): Step[] => [
    {
      op: "drain",
      code: [code],
      ...(waits ? { waits: table } : {}),
      timeoutNs,
      calls,
      what: "nobody is inside",
    },
    { op: "unmap", ...table, what: "the table" },
    { op: "unmap", ...code, what: "the page of code" },
  ];
  const { lingering, waiting, step } = carryOut(pid, steps);
  return [lingering, waiting, step === 3];
}
