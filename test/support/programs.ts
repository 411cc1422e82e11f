/** Programs as `timeskew run` starts them, next to the same programs without it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { field } from "./proc.ts";
import { PATIENCE_MS, waitFor, within } from "./wait.ts";

const CLI = fileURLToPath(new URL("../../bin/timeskew.js", import.meta.url));

/** The tool with these words behind it, as a command. */
export function tool(...words: (string | number)[]): string[] {
  return [process.execPath, CLI, ...words.map(String)];
}

/** What stands in front of a program that is to be a day late. */
export const A_DAY_LATE = tool("run", "--offset", "-1d", "--");

/** A shell script, a day late. */
export function script(text: string): string[] {
  return [...A_DAY_LATE, "sh", "-c", text];
}

/** A word as a shell reads it back. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** A folder that is removed when it is disposed of. */
export async function temporary(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "timeskew-run-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Of a command that starts hundreds of programs: they take ten seconds where nobody else is. */
export const MANY = { patienceMs: 3 * PATIENCE_MS };

/** Runs a command to its end, that of its output included. */
export function ended(
  command: readonly string[],
  { input = "", patienceMs = PATIENCE_MS } = {},
): Promise<Ended> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { env: { ...process.env, NO_COLOR: "1" } });
  child.stdin.on("error", () => {}); // who does not read its stdin may end before it is written
  child.stdin.end(input);
  const end = Promise.all([once(child, "close"), text(child.stdout), text(child.stderr)]);
  const result = end.then(([[code, signal], stdout, stderr]) => ({ code, signal, stdout, stderr }) as Ended);
  const what = `the end of ${command.join(" ")}`;
  return within(what, result, patienceMs).finally(() => child.kill("SIGKILL"));
}

/** The same with and without us in front of it. */
export async function compared(
  command: readonly string[],
  { by = A_DAY_LATE, around = [] as readonly string[], input = "" } = {},
): Promise<{ ours: Ended; control: Ended }> {
  const [ours, control] = await Promise.all([
    ended([...around, ...by, ...command], { input }),
    ended([...around, ...command], { input }),
  ]);
  return { ours, control };
}

/** The process that follows this one, if one does. */
export function supervisorOf(pid: number): number | undefined {
  const tracer = Number(field(pid, "TracerPid"));
  return tracer === 0 ? undefined : Number(field(tracer, "Tgid"));
}

/** Ends who follows a process as no handler can see it, and waits until nobody traces the process any more. */
export async function killSupervisor(pid: number): Promise<void> {
  const supervisor = supervisorOf(pid);
  if (supervisor === undefined) throw new Error(`nobody follows ${pid}`);
  process.kill(supervisor, "SIGKILL");
  await waitFor("the end of the supervisor", () => supervisorOf(pid) === undefined);
}

const DAY_S = 86_400;

/** Which of these lines, seconds since 1970, are not a day behind what was true at some time since `from` (ms). */
export function notADayLate(lines: string, from: number): string[] {
  const [first, last] = [Math.floor(from / 1000) - DAY_S, Math.floor(Date.now() / 1000) - DAY_S];
  return lines
    .trim()
    .split("\n")
    .filter((line) => !(Number(line) >= first && Number(line) <= last));
}
