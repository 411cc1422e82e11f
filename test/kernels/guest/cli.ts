/** The command line, as a process of its own, and whether it refuses cleanly. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type ErrorCode, EXIT_CODES, type TargetState } from "../../../src/errors.ts";
import { ROOT } from "../place.ts";

const CLI = join(ROOT, "bin/timeskew.js");

export interface Answer {
  exitCode: number;
  /** What --json prints about an error. */
  error: { code: ErrorCode; message: string; targetState: TargetState } | undefined;
  /** All it has said, for a message. */
  said: string;
}

/** Runs `timeskew ARGS --json`, as a user if one is named. */
export async function timeskew(args: readonly string[], uid?: number): Promise<Answer> {
  const child = spawn(process.execPath, [CLI, ...args, "--json"], {
    stdio: ["ignore", "pipe", "pipe"],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const [[exitCode], stdout, stderr] = await Promise.all([
    once(child, "close") as Promise<[number]>,
    text(child.stdout),
    text(child.stderr),
  ]);
  return { exitCode, error: errorIn(stdout), said: `exit code ${exitCode}: ${stdout}${stderr}`.trim() };
}

function errorIn(stdout: string): Answer["error"] {
  try {
    return (JSON.parse(stdout) as { error?: Answer["error"] }).error;
  } catch {
    return undefined; // no JSON at all: `said` shows it
  }
}

/** A way of saying no that leaves nothing behind, with the exit code that belongs to it. */
export class Refusal extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** @throws Refusal, or Error if the command failed in any other way */
export function needSuccess({ exitCode, error, said }: Answer): void {
  if (exitCode === 0) return;
  if (error === undefined) throw new Error(said);
  const clean = error.targetState === "untouched" && exitCode === EXIT_CODES[error.code];
  if (!clean || error.code === "E_INTERNAL") throw new Error(`no clean refusal: ${said}`);
  throw new Refusal(error.code, error.message);
}
