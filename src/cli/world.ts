/**
 * Everything the command line takes from the process it runs in, in one replaceable object. Nothing else
 * in src/cli reads process.*, so a test runs a whole command without starting one.
 */
import { type Engine, loadEngine } from "./engine.ts";

export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
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
  readonly isRoot: boolean;
  /** The host's time in nanoseconds since 1970, for "3 min ago". */
  now(): bigint;
  loadEngine(): Promise<Engine>;
}

export function processWorld(): World {
  guard(process.stdout);
  guard(process.stderr);
  return {
    argv: process.argv.slice(2),
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    cwd: process.cwd(),
    script: process.argv[1] ?? "timeskew",
    isRoot: process.geteuid?.() === 0,
    now: () => BigInt(Date.now()) * 1_000_000n,
    loadEngine,
  };
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
