/** The tool with faults, from a test's side: starts driver.mjs and speaks its protocol. */
import { fileURLToPath } from "node:url";
import type { ErrorCode, TargetState } from "../../src/errors.ts";
import type { InjectResult, RecoverResult } from "../../src/types.ts";
import type { Json } from "../support/cli.ts";
import { Dialog } from "../support/dialog.ts";

/** From next to this file, wherever what it was bundled into lies. */
const DRIVER = fileURLToPath(new URL("../fault/driver.mjs", import.meta.url));

/** What is done to one operation of the helper; see faults.c. */
export type How = "count" | "fail" | "fail kind" | "kill before" | "kill after";

export interface Fault {
  /** The operation's number, from 1. */
  at: number;
  how: How;
  /** Which of the errnos that the operation may answer, from 0. */
  choice: number;
  /** The one request of ptrace that is numbered; otherwise all operations are. */
  only?: number;
  /** What this kernel does not have, by the rows of lacking.ts. */
  lacks?: number;
  /** The pointer into a shadow stack that the target's threads are said to have. */
  shadow?: number;
}

export interface ToolError {
  name: string;
  code?: ErrorCode;
  exitCode?: number;
  message: string;
  targetState?: TargetState;
  stack: string;
}

export interface Answer {
  result?: Json<InjectResult> | Json<RecoverResult>;
  error?: ToolError;
  /** How many operations there were. */
  operations: number;
  /** The operation that was met; 0: the action ended before it. */
  hit: number;
  /** System call number and ptrace request. */
  call: number;
  request: number;
  /** How many errnos it may answer. */
  choices: number;
  /** The one that it answered; 0: it was carried out. */
  errno: number;
  /** Of what the kernel does not have, what was asked for. */
  lacked: number;
  /** Where the pointer into the shadow stack was left; 0: there was none. */
  shadow: number;
}

export interface ToolAction {
  action: "inject" | "recover";
  pid: number;
  offset: bigint;
  duration?: string;
}

export class Driver implements AsyncDisposable {
  readonly #folder: string;
  readonly #stopTimeoutMs: number;
  #dialog: Dialog | undefined;

  constructor(folder: string, stopTimeoutMs = 2000) {
    this.#folder = folder;
    this.#stopTimeoutMs = stopTimeoutMs;
  }

  async run({ offset, ...action }: ToolAction, fault: Fault): Promise<Answer> {
    const command = [process.execPath, DRIVER, this.#folder, String(this.#stopTimeoutMs)];
    this.#dialog ??= await Dialog.greeted(command);
    const fork = fault.how.startsWith("kill");
    const question = { ...action, offset: String(offset), fault: { ...fault, fork } };
    return this.#dialog.askJson<Answer>(JSON.stringify(question));
  }

  /** Ends the tool, so that the kernel lets go of whatever it still holds. The next run starts it anew. */
  async end(): Promise<void> {
    await this.#dialog?.[Symbol.asyncDispose]();
    this.#dialog = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}

/** Of x86-64. */
const CALLS: Readonly<Record<number, string>> = {
  0: "read",
  3: "close",
  9: "mmap",
  10: "mprotect",
  11: "munmap",
  17: "pread",
  18: "pwrite",
  25: "mremap",
  56: "clone",
  61: "wait4",
  73: "flock",
  101: "ptrace",
  144: "sched_setscheduler",
  145: "sched_getscheduler",
  157: "prctl",
  217: "getdents",
  234: "tgkill",
  247: "waitid",
  257: "openat",
  310: "process_vm_readv",
  311: "process_vm_writev",
  435: "clone3",
};

const REQUESTS: Readonly<Record<number, string>> = {
  2: "PEEKDATA",
  5: "POKEDATA",
  7: "CONT",
  17: "DETACH",
  24: "SYSCALL",
  16900: "GETREGSET",
  16901: "SETREGSET",
  16902: "SEIZE",
  16903: "INTERRUPT",
  16904: "LISTEN",
  16906: "GETSIGMASK",
  16907: "SETSIGMASK",
  16911: "GET_RSEQ_CONFIGURATION",
};

/** The operation in words: "ptrace DETACH". */
export function operation({ call, request }: Answer): string {
  if (request !== 0) return `ptrace ${REQUESTS[request] ?? request}`;
  return (process.arch === "x64" ? CALLS[call] : undefined) ?? `system call ${call}`;
}
