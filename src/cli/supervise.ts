/**
 * The supervisor of a program that `run` or `exec` has started: a process of its own, nobody's child, without a terminal. It
 * is asked on its stdin, answers on its stdout, and then follows the program and all that it starts, until nobody is left.
 *
 * The program's stderr is a descriptor of it, and given up when the program ends, so that a reader sees the end of it. It is no
 * stream of Node's: that would make it non-blocking for the program, too.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import { deserialize, serialize } from "node:v8";
import { type FollowNews, followSkew } from "../engine/follow.ts";
import { type Heritage, heritageFor } from "../engine/inherit.ts";
import { internalError } from "../engine/set/failure.ts";
import { TimeskewError } from "../errors.ts";
import { type Follower, startFollower } from "../tracer/follow.ts";
import { replaceAtEnd } from "../tracer/start.ts";
import type { SkewSettings } from "../types.ts";
import { PLAIN } from "./colour.ts";
import { errorLines } from "./report/error.ts";
import { escapeText } from "./report/escape.ts";
import { usageError } from "./settings.ts";
import { type Answer, type Request, readFramed } from "./supervisor.ts";

const STDIN = 0;
const STDOUT = 1;
const NODES_STDERR = 2;
const STDERR = 3;

/** A program of its own (bin/timeskew.js); answers its exit code. */
export async function main(): Promise<number> {
  const asked = isatty(STDIN) ? NOTHING : readFramed(STDIN);
  if (asked === undefined) return 0; // called off
  const request = readRequest(asked);
  if (request === undefined) return refuse();
  let follower: Follower | undefined;
  try {
    follower = startFollower();
    const empty = follow(request, follower);
    answer({ ok: true });
    await empty;
  } catch (thrown) {
    answer(asAnswer(thrown));
  } finally {
    follower?.end();
  }
  return 0;
}

const NOTHING = new Uint8Array();

/** Undefined if it was written by somebody else. */
function readRequest(bytes: Uint8Array): Request | undefined {
  try {
    return deserialize(bytes) as Request;
  } catch {
    return undefined;
  }
}

function refuse(): number {
  const error = usageError(
    "supervise is what run and exec start by themselves",
    "`timeskew run --help` shows examples",
  );
  write(errorLines(error, "supervise", PLAIN, process), NODES_STDERR);
  return error.exitCode;
}

/** @returns when nobody is left, or when Ctrl-C is meant for us (SIGINT) */
function follow({ command, pid, until, skew, quiet }: Request, follower: Follower): Promise<void> {
  const heritage = heritageSource(skew);
  const say = (error: TimeskewError) => write(errorLines(error, command, PLAIN, process));
  const later = quiet ? () => {} : laterPrograms();
  let isFirst = true;
  const tell = (news: FollowNews) => {
    if (news.how !== "exec") return;
    const [first, { pid: its }] = [isFirst, news];
    isFirst = false;
    if (news.kind === "skewed") return;
    if (!first) return later(news.command, its, news.error);
    say(news.error);
    follower.exit(its, news.error.exitCode);
  };
  const { allowBackwardMonotonic } = skew as SkewSettings;
  const following = followSkew({
    follower,
    heritage,
    tell,
    ...(allowBackwardMonotonic && { allowBackwardMonotonic }),
  });
  following.seize(pid);
  replaceAtEnd(until, STDERR, openSync("/dev/null", "r+"));
  return Promise.race([following.empty, interrupt()]);
}

/** A skew that is to begin with the program does so when the program is there; what is wrong with it shows now. */
function heritageSource(skew: SkewSettings | Heritage): Heritage | (() => Heritage) {
  if ("settings" in skew) return skew;
  heritageFor(skew);
  let begun: Heritage | undefined;
  return () => (begun ??= heritageFor(skew));
}

/** What the program starts later, and cannot be skewed, runs all the same; each kind is told once. */
function laterPrograms() {
  const told = new Set<string>();
  return (command: string, pid: number, { code, message }: TimeskewError) => {
    if (told.has(`${command} ${code}`)) return;
    told.add(`${command} ${code}`);
    write([`timeskew: ${escapeText(command)} (pid ${pid}) runs with the true time: ${escapeText(message)}`]);
  };
}

/** A service manager sends its signal to the whole service, of which the last one followed decides when it is over. */
function interrupt(): Promise<void> {
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  return new Promise((done) => process.once("SIGINT", () => done()));
}

function asAnswer(thrown: unknown): Answer {
  const { code, message, hint, targetState } =
    thrown instanceof TimeskewError ? thrown : internalError(thrown);
  return { ok: false, error: { code, message, hint, targetState } };
}

/** The other end waits for the end of it. */
function answer(answer: Answer): void {
  writeSync(STDOUT, serialize(answer));
  closeSync(STDOUT);
  if (openSync("/dev/null", "w") !== STDOUT)
    throw new Error("stdout is not the lowest descriptor that is free");
}

function write(lines: readonly string[], fd = STDERR): void {
  try {
    writeSync(fd, `${lines.join("\n")}\n`);
  } catch {
    // Nobody reads it any more, or not now.
  }
}
