/** Runs the command line as a user does: as a process of its own, judged by its exit code and its output. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { type ErrorCode, EXIT_CODES, type TargetState } from "../../src/errors.ts";
import type { InjectResult, NowResult, RecoverResult, StatusRow } from "../../src/types.ts";
import { problemsOf } from "./schema.ts";
import { waitFor, within } from "./wait.ts";

const CLI = fileURLToPath(new URL("../../bin/timeskew.js", import.meta.url));

/** What JSON makes of a result: bigints are strings, and what is undefined is missing. */
export type Json<T> = T extends bigint
  ? string
  : T extends (infer Item)[]
    ? Json<Item>[]
    : T extends object
      ? { [Key in keyof T]: Json<T[Key]> }
      : T;

export interface JsonError {
  code: ErrorCode;
  message: string;
  hint: string | null;
  targetState: TargetState;
}

export interface Report {
  schemaVersion: number;
  command: string;
  ok: boolean;
  targets?: unknown[];
  error?: JsonError;
}

export interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** Run as this user and group. */
  uid?: number;
  /** A command that starts it: setpriv, unshare, nsenter, each with its flags. */
  by?: readonly string[];
  /** The bin/timeskew.js of another build. */
  cli?: string;
}

/** A run that goes on: its pid, how it ends, and whether it has said something on stderr yet. */
export function start(args: readonly (string | number)[], { uid, by = [], cli = CLI }: RunOptions = {}) {
  const [program = "", ...rest] = [...by, process.execPath, cli, ...args.map(String)];
  const child = spawn(program, rest, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  let heard = "";
  child.stderr.on("data", (chunk: Buffer) => {
    heard += chunk;
  });
  const ended: Promise<Run> = Promise.all([
    once(child, "close"),
    text(child.stdout),
    text(child.stderr),
  ]).then(([[code], stdout, stderr]) => valid({ code, stdout, stderr }));
  const done = within(`timeskew ${args.join(" ")}`, ended).finally(() => child.kill("SIGKILL"));
  return { pid: child.pid!, done, hasSaid: (words: string) => heard.includes(words) };
}

/** Runs `timeskew ARGS` to its end. */
export function timeskew(...args: (string | number)[]): Promise<Run> {
  return start(args).done;
}

/** A report is as the published schema of its command has it, without one key more, whoever asked for it. */
function valid(run: Run): Run {
  const { stdout } = run;
  if (stdout.startsWith('{"schemaVersion":')) expect(problemsOf(JSON.parse(stdout)), stdout).toEqual([]);
  return run;
}

/** The one JSON object on stdout. */
export function report({ stdout, stderr }: Run): Report {
  expect(stdout, `no JSON on stdout; stderr: ${stderr}`).toMatch(/^\{"schemaVersion":.*\}\n$/s);
  return JSON.parse(stdout) as Report;
}

/** A run in full, for the message of a failed test. */
function words(command: string, args: readonly unknown[], { stdout, stderr }: Run): string {
  return [`timeskew ${[command, ...args].join(" ")}`, stdout, stderr].join("\n");
}

/** Runs a command that must succeed, with --json, and returns its targets. */
async function succeed<T>(command: string, ...args: (string | number)[]): Promise<Json<T>[]> {
  const run = await timeskew(command, "--json", ...args);
  expect(run.code, words(command, args, run)).toBe(0);
  expect(report(run)).toMatchObject({ schemaVersion: 1, command, ok: true });
  return report(run).targets as Json<T>[];
}

/** What must succeed is given more time than a user would give it: a thread may have to wait for a processor. */
function patiently(flags: readonly string[]): readonly string[] {
  return flags.includes("--stop-timeout") ? flags : [...flags, "--stop-timeout", "20s"];
}

/** Skews one process, and checks that the report says the same as was asked for. */
export async function inject(pid: number, ...flags: string[]): Promise<Json<InjectResult>> {
  const [result] = await succeed<InjectResult>("inject", "--pid", pid, ...patiently(flags));
  expect(result).toMatchObject({ pid, state: "skewed" });
  return result!;
}

/** Takes the skew of one process back. */
export async function recover(pid: number, ...flags: string[]): Promise<Json<RecoverResult>> {
  const [result] = await succeed<RecoverResult>("recover", "--pid", pid, ...patiently(flags));
  expect(result).toMatchObject({ pid });
  return result!;
}

/** Takes it back until nothing of it is left: the first time, a thread may still have been inside our pages. */
export async function recoverFully(pid: number, ...flags: string[]): Promise<Json<RecoverResult>> {
  const first = await recover(pid, ...flags);
  if (first.state === "unskewed") return first;
  await waitFor(
    "the last pages to be unmapped",
    async () => (await recover(pid, ...flags)).state === "unskewed",
  );
  return first;
}

/** What `status` says about one process. */
export async function status(pid: number): Promise<Json<StatusRow>> {
  const [row] = await succeed<StatusRow>("status", "--pid", pid);
  return row!;
}

/** What the process's own clock functions return, according to `now`. */
export async function now(pid: number): Promise<Json<NowResult>> {
  const [result] = await succeed<NowResult>("now", "--pid", pid);
  return result!;
}

/** Runs a command that must fail with this code, and returns its error. */
export async function refusal(
  code: ErrorCode,
  args: readonly (string | number)[],
  options: RunOptions = {},
): Promise<JsonError> {
  const run = await start([...args, "--json"], options).done;
  expect(run.code, words("", args, run)).toBe(EXIT_CODES[code]);
  const { ok, error } = report(run);
  expect({ ok, error }).toMatchObject({ ok: false, error: { code } });
  return error!;
}
