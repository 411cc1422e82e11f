/**
 * Everything the command line takes from the process it runs in, in one replaceable object. Nothing else
 * in src/cli reads process.*, so a test runs a whole command without starting one.
 */
import { closeSync, openSync, readSync, writeFileSync } from "node:fs";
import { isatty } from "node:tty";
import { type Engine, loadEngine } from "./engine.ts";
import { self } from "./self.ts";
import { loadStarter, type Starter } from "./starter.ts";

export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

export interface World {
  /** The arguments after the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly cwd: string;
  /** The path this program was started by; the undo command is written with it. */
  readonly script: string;
  /** Whether that is a program by itself, and not a script that Node runs. */
  readonly isProgram: boolean;
  /** The file that Node is. */
  readonly node: string;
  readonly isRoot: boolean;
  /** The host's time in nanoseconds since 1970, for "3 min ago". */
  now(): bigint;
  /** What a file begins with. Throws what node:fs throws. */
  readFile(path: string, atMost: number): Uint8Array;
  /** Writes a file anew, an existing one, too. Throws what node:fs throws. */
  writeFile(path: string, text: string): void;
  /** Resolves after so many milliseconds, or once `wake` is aborted. */
  sleep(ms: number, wake: AbortSignal): Promise<void>;
  /**
   * From now on what would end this program calls `listener` instead, each time: Ctrl-C, SIGTERM, SIGHUP, or a reader of
   * stdout that went away. Returns the way to take that back.
   */
  onInterrupt(listener: () => void): () => void;
  loadEngine(): Promise<Engine>;
  /** What starts programs; loaded when a command needs it, too. */
  loadStarter(): Promise<Starter>;
}

export function processWorld(): World {
  return {
    argv: process.argv.slice(2),
    env: process.env,
    stdout: outputOf("stdout"),
    stderr: outputOf("stderr"),
    cwd: process.cwd(),
    get script() {
      return self.script;
    },
    isProgram: self.isProgram,
    node: process.execPath,
    isRoot: process.geteuid?.() === 0,
    now: () => BigInt(Date.now()) * 1_000_000n,
    readFile,
    writeFile: writeFileSync,
    sleep,
    onInterrupt,
    loadEngine,
    loadStarter,
  };
}

/**
 * Opened when it is first written to: Node makes a pipe that it opens non-blocking, for everybody who shares it, and a
 * program that we become would find it so.
 */
function outputOf(name: "stdout" | "stderr"): OutputStream {
  const isTTY = isatty(name === "stdout" ? 1 : 2);
  let stream: NodeJS.WriteStream | undefined;
  const opened = () => {
    if (stream !== undefined) return stream;
    stream = process[name];
    guard(stream);
    return stream;
  };
  return {
    write: (text) => opened().write(text),
    isTTY,
    get columns() {
      return isTTY ? opened().columns : undefined;
    },
    get rows() {
      return isTTY ? opened().rows : undefined;
    },
  };
}

/** By read(2) until the end: it may be a pipe, as in `--keyframes <(program)`. */
function readFile(path: string, atMost: number): Uint8Array {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(atMost);
    let length = 0;
    while (length < atMost) {
      const count = readSync(file, bytes, length, atMost - length, null);
      if (count === 0) break;
      length += count;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

function sleep(ms: number, wake: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (wake.aborted) return done();
    const end = () => {
      clearTimeout(timer);
      wake.removeEventListener("abort", end);
      done();
    };
    const timer = setTimeout(end, ms);
    wake.addEventListener("abort", end);
  });
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

function onInterrupt(listener: () => void): () => void {
  const onError = ({ code }: NodeJS.ErrnoException) => {
    if (code === "EPIPE") listener();
  };
  const onSignal = () => listener();
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.stdout.on("error", onError);
  const terminals = [0, 1, 2].filter((fd) => isatty(fd));
  const onHangUp = () => endByHangUp(terminals);
  process.once("SIGHUP", onHangUp);
  return () => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    process.stdout.off("error", onError);
    process.off("SIGHUP", onHangUp);
  };
}

/**
 * Node resets its terminal on the way out, and aborts, leaving a core, if that is gone. So the hang-up itself ends the
 * program then, when everything is done.
 */
function endByHangUp(terminals: readonly number[]): void {
  process.once("exit", () => {
    if (terminals.every((fd) => isatty(fd))) return;
    process.removeAllListeners("SIGHUP");
    process.kill(process.pid, "SIGHUP");
  });
}

/**
 * A reader that went away (`timeskew status | head -1`) is no failure: the work goes on and the exit code
 * says how it went. Any other write error means that the report is lost, which a script must learn of.
 */
export function guard(stream: NodeJS.WriteStream): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") return;
    process.once("exit", (code) => {
      if (code === 0) process.exitCode = 1;
    });
    if (stream !== process.stderr) {
      process.stderr.write(`timeskew: the report could not be written: ${error.message}\n`);
    }
  });
}
