/**
 * The other half of `run` and `exec`: a timeskew that is nobody's child, traces the program, and gives it its skew. Here is
 * how it is started and asked; supervise.ts is what it does.
 */
import { readSync } from "node:fs";
import { deserialize, serialize } from "node:v8";
import type { Heritage } from "../engine/inherit.ts";
import { type ErrorCode, type TargetState, TimeskewError } from "../errors.ts";
import type { SkewSettings } from "../types.ts";
import type { Starter } from "./starter.ts";

/** Plain data. */
export interface Request {
  /** "run": names the command in errors. */
  readonly command: string;
  /** Who is going to execute the program, or to make the child that will. */
  readonly pid: number;
  /** With whose end stderr is given up. */
  readonly until: number;
  /** What the program is to have: a skew that begins with it, or one that there is. */
  readonly skew: SkewSettings | Heritage;
  /** As typed. */
  readonly quiet: boolean;
}

/** Plain data. */
export type Answer =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly error: {
        readonly code: ErrorCode;
        readonly message: string;
        readonly hint: string | undefined;
        readonly targetState: TargetState;
      };
    };

export interface Supervisor {
  readonly pid: number;
  /**
   * Returns when the process is followed.
   *
   * @throws TimeskewError of the supervisor
   */
  follow(request: Request): void;
}

const LENGTH_BYTES = 4;

/** It loads while we go on. If it is asked nothing, it ends with us. @throws TimeskewError E_FAILED */
export function launchSupervisor(starter: Starter): Supervisor {
  const { self, env } = starter;
  const launched = starter.launch({
    paths: self.paths,
    argv: [...self.argv, "supervise"],
    // Meant for us, or for the program: a debugger would wait in both.
    env: env.filter((each) => !each.startsWith("NODE_OPTIONS=")),
  });
  return {
    pid: launched.pid,
    follow: (request) => {
      launched.tell(framed(serialize(request)));
      const answer = readAnswer(launched.answer());
      if (answer.ok) return;
      const { code, message, hint, targetState } = answer.error;
      throw new TimeskewError(code, message, { targetState, ...(hint !== undefined && { hint }) });
    },
  };
}

/** With its length in front: a child that we have made meanwhile keeps the pipe open. */
function framed(bytes: Uint8Array): Uint8Array {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** More than any request has. */
const MOST_BYTES = 100_000_000;

/** What comes by a descriptor; undefined if nothing does. Of what nobody has framed, anything. */
export function readFramed(fd: number): Uint8Array | undefined {
  const head = readUpTo(fd, LENGTH_BYTES);
  if (head.length === 0) return undefined;
  if (head.length < LENGTH_BYTES) return head;
  return readUpTo(fd, Math.min(head.readUInt32LE(), MOST_BYTES));
}

function readUpTo(fd: number, count: number): Buffer {
  const bytes = Buffer.alloc(count);
  let length = 0;
  while (length < count) {
    const more = readSync(fd, bytes, length, count - length, null);
    if (more === 0) break;
    length += more;
  }
  return bytes.subarray(0, length);
}

function readAnswer(bytes: Uint8Array): Answer {
  if (bytes.length > 0) return deserialize(bytes) as Answer;
  throw new TimeskewError("E_FAILED", "the process that was to follow the program ended before it could", {
    hint: "it may have been killed; try again",
  });
}
