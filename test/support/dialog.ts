/**
 * A child process that is spoken with line by line. Disposing of it ends it, so `await using` leaves nothing
 * behind when a test fails; and every victim also ends by itself when its stdin closes.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { field } from "./proc.ts";
import { within } from "./wait.ts";

export interface DialogOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** The child gets a pipe as its file descriptor 3; `release()` closes it. */
  release?: boolean;
  /** Runs as this user and group. */
  uid?: number;
}

/** How a process ended: its exit code, or the signal that killed it. */
export interface Ending {
  code: number | null;
  signal: string | null;
}

interface Reader {
  resolve(line: string): void;
  reject(error: Error): void;
}

export class Dialog implements AsyncDisposable {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ending>;
  /** Lines that came and were not asked for yet, or those who wait for one. */
  readonly #lines: string[] = [];
  readonly #readers: Reader[] = [];
  #closed = false;
  readonly #adopted: number[] = [];
  #stderr = "";

  private constructor(child: ChildProcess, pid: number) {
    this.#child = child;
    this.pid = pid;
    this.#ended = once(child, "exit").then(([code, signal]) => ({ code, signal }) as Ending);
    const output = createInterface({ input: child.stdout! });
    output.on("line", (line) => {
      const reader = this.#readers.shift();
      if (reader) reader.resolve(line);
      else this.#lines.push(line);
    });
    output.on("close", () => {
      this.#closed = true;
      for (const reader of this.#readers.splice(0)) reader.reject(this.#silence());
    });
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    // A write to a process that has just died is no event of its own: the missing answer is.
    child.stdin!.on("error", () => {});
  }

  static async start(command: readonly string[], options: DialogOptions = {}): Promise<Dialog> {
    const [program = "", ...args] = command;
    const child = spawn(program, args, {
      env: { ...process.env, ...options.env },
      cwd: options.cwd,
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
      stdio: ["pipe", "pipe", "pipe", options.release ? "pipe" : "ignore"],
    });
    await once(child, "spawn");
    return new Dialog(child, child.pid!);
  }

  /** Started, and past the line with which it says that it is ready. */
  static async greeted(command: readonly string[], options: DialogOptions = {}): Promise<Dialog> {
    const dialog = await Dialog.start(command, options);
    try {
      await dialog.line();
    } catch (error) {
      await dialog[Symbol.asyncDispose]();
      throw error;
    }
    return dialog;
  }

  /** The next line of its output. */
  async line(): Promise<string> {
    const line = this.#lines.shift();
    if (line !== undefined) return line;
    if (this.#closed) throw this.#silence();
    const next = new Promise<string>((resolve, reject) => this.#readers.push({ resolve, reject }));
    return within(() => `a line of process ${this.pid} ${this.#stderr}`, next);
  }

  #silence(): Error {
    return new Error(`process ${this.pid} has closed its output: ${this.#stderr.trim() || "without a word"}`);
  }

  /** Sends a line to which there may be no answer. */
  tell(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  /** How it ends, without any doing of ours. */
  ending(): Promise<Ending> {
    return within(`the end of process ${this.pid}`, this.#ended);
  }

  /** Sends a line and returns the line that answers it. */
  async ask(question: string): Promise<string> {
    this.tell(question);
    return this.line();
  }

  /** Sends a line and returns the object that answers it. */
  async askJson<T>(question: string): Promise<T> {
    return JSON.parse(await this.ask(question)) as T;
  }

  /** Closes the child's file descriptor 3. */
  release(): void {
    (this.#child.stdio[3] as Readable & Writable).destroy();
  }

  /** A process that the child has started is ended with it. */
  adopt(pid: number): void {
    this.#adopted.push(pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin!.destroy();
    // Node's own kill() would not do: a ptrace stop of its child can look like its end to libuv.
    if (isOurs(this.pid)) kill(this.pid);
    for (const pid of this.#adopted) kill(pid);
    await within(`the end of process ${this.pid}`, this.#ended);
  }
}

/** Whether the process with this id is still a child of ours, and no later one that was given the same id. */
function isOurs(pid: number): boolean {
  try {
    return field(pid, "PPid") === String(process.pid);
  } catch {
    return false;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}
