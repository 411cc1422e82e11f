/**
 * Runs a job of a workflow on a machine, as GitHub's runner does (actions/runner, ProcessInvoker.cs): each step's script by
 * `bash -e`, with stdin closed; a cancelled one is sent SIGINT, then SIGTERM, then SIGKILL, each to its first process only;
 * then those steps follow that are always run; and at the end all that the job has started is killed.
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { within } from "../wait.ts";
import type { Machine, Running } from "./machine.ts";
import { type Contexts, isRun, type Job, type Progress, type Step, substitute } from "./workflow.ts";

/** The runner's patience is 7.5 s and 2.5 s; ours is a busy machine's. The order is the same. */
const CANCELLING: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGKILL"];

export interface Ended {
  readonly name: string;
  /** Undefined for a step that was not run. */
  readonly code?: number | null;
  /** The first signal that its shell ended for, if it was cancelled. */
  readonly cancelledBy?: NodeJS.Signals;
  readonly output: string;
}

export const codes = (ended: readonly Ended[]) => ended.map(({ code }) => code);

/** For the message of a failed test. */
export const words = (ended: readonly Ended[]) => JSON.stringify(ended, null, 2);

export interface Meanwhile {
  /** The step that is broken off, and when. */
  readonly step: string;
  readonly ready: () => Promise<unknown>;
  /** The signals that it is sent, until it ends. */
  readonly signals?: readonly NodeJS.Signals[];
  /** What is to be seen before the next step begins. */
  readonly look: () => Promise<unknown>;
}

export interface RunOptions {
  /** Of the job: what its expressions ask for. */
  readonly values?: Readonly<Record<string, string>>;
  /** What the machine has in its environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cancel?: Meanwhile;
  /** Done after each step. */
  readonly after?: (name: string) => Promise<unknown>;
}

export async function runJob(machine: Machine, job: Job, options: RunOptions = {}): Promise<Ended[]> {
  const { values = {}, cancel, after } = options;
  const file = join(machine.folder, "github-env");
  writeFileSync(file, "");
  chmodSync(file, 0o666);
  let progress: Progress = "success";
  const ended: Ended[] = [];
  try {
    for (const step of job.steps) {
      if (step.uses) {
        checkOut(step);
        continue;
      }
      const name = step.name ?? step.run ?? "";
      const env = { ...options.env, ...job.env, ...variables(file) };
      const contexts: Contexts = { env, values };
      if (!isRun(step.if, progress, contexts)) {
        ended.push({ name, output: "" });
        continue;
      }
      const running = startStep(machine, step, { ...env, GITHUB_ENV: file, ...RUNNER }, contexts);
      const broken = cancel?.step === name ? cancel : undefined;
      const end = await finish(name, running, broken);
      ended.push(end);
      if (broken) progress = "cancelled";
      else if (end.code !== 0 && progress === "success") progress = "failure";
      await (broken?.look ?? after)?.(name);
    }
    return ended;
  } finally {
    await machine.clear();
  }
}

const RUNNER = { CI: "true", GITHUB_ACTIONS: "true" };

/** The one action that ours use: the project is there already. */
function checkOut({ uses }: Step): void {
  if (!/^actions\/checkout@v\d+$/.test(uses!)) throw new Error(`no action that is known here: ${uses}`);
}

function startStep(
  machine: Machine,
  step: Step,
  env: Readonly<Record<string, string>>,
  contexts: Contexts,
): Running {
  const own = Object.entries(step.env ?? {}).map(([key, value]) => [key, substitute(value, contexts)]);
  const script = join(machine.folder, `${randomUUID()}.sh`);
  writeFileSync(script, substitute(step.run!, contexts));
  const shell = { "": ["-e"], bash: ["--noprofile", "--norc", "-eo", "pipefail"] }[step.shell ?? ""];
  if (!shell) throw new Error(`no shell that is known here: ${step.shell}`);
  const cwd = join(machine.workspace, step["working-directory"] ?? ".");
  return machine.start(["bash", ...shell, script], { ...env, ...Object.fromEntries(own) }, cwd);
}

/** A step is over when its shell has ended, even if what it has started still holds its output. */
async function finish(name: string, running: Running, cancel: Meanwhile | undefined): Promise<Ended> {
  const outputs = Promise.all([text(running.stdout!), text(running.stderr!)]);
  const exit = once(running, "exit") as Promise<[number | null]>;
  let cancelledBy: NodeJS.Signals | undefined;
  if (cancel) {
    await Promise.race([cancel.ready(), exit.then(([code]) => tooEarly(name, code, outputs))]);
    cancelledBy = await breakOff(running, exit, cancel.signals ?? CANCELLING);
  }
  const [code] = await within(`the end of the step ${name}`, exit, 60_000);
  const orphaned = cancel ? "" : (await outputs).join("");
  return { name, code, output: orphaned, ...(cancelledBy && { cancelledBy }) };
}

async function tooEarly(name: string, code: number | null, outputs: Promise<string[]>): Promise<never> {
  throw new Error(`the step ${name} has ended with ${code}:\n${(await outputs).join("")}`);
}

/** @returns the signal that the shell has ended for */
async function breakOff(
  running: Running,
  exit: Promise<unknown>,
  signals: readonly NodeJS.Signals[],
): Promise<NodeJS.Signals> {
  for (const signal of signals) {
    running.kill(signal);
    const hasEnded = await within(signal, exit).then(
      () => true,
      () => false,
    );
    if (hasEnded) return signal;
  }
  throw new Error(`nothing of ${signals.join(", ")} has ended the step`);
}

/** What steps have put into GITHUB_ENV: lines, each a name and a value. */
function variables(file: string): Record<string, string> {
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  return Object.fromEntries(lines.map(split));
}

function split(assignment: string): [string, string] {
  const at = assignment.indexOf("=");
  if (at < 1) throw new Error(`not an assignment: ${assignment}`);
  return [assignment.slice(0, at), assignment.slice(at + 1)];
}
