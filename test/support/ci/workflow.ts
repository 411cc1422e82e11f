/** A GitHub Actions workflow: its jobs and steps, and the few expressions that ours use. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";

export interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly if?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly shell?: string;
  readonly "working-directory"?: string;
}

export interface Job {
  readonly env?: Readonly<Record<string, string>>;
  readonly services?: Readonly<Record<string, { image: string }>>;
  readonly steps: readonly Step[];
}

export type Progress = "success" | "failure" | "cancelled";

/** What an expression may ask for: a step's env, and whatever else the job has, by its path ("job.services.redis.id"). */
export interface Contexts {
  readonly env: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, string>>;
}

export function readWorkflow(file: string): Record<string, Job> {
  const { jobs } = parse(readFileSync(file, "utf8")) as { jobs: Record<string, Job> };
  return jobs;
}

/** A text with its `${{ … }}` replaced, as the runner does before a step begins. */
export function substitute(text: string, contexts: Contexts): string {
  return text.replace(/\$\{\{\s*(\S+)\s*\}\}/g, (_, path: string) => lookUp(path, contexts));
}

/** Whether a step is run. One that asks for no status is run only if all went well until then. */
export function isRun(condition: string | undefined, progress: Progress, contexts: Contexts): boolean {
  const terms = (condition ?? "success()").split("&&").map((term) => term.trim());
  const asksForStatus = terms.some((term) => term.endsWith("()"));
  return (asksForStatus || progress === "success") && terms.every((term) => holds(term, progress, contexts));
}

function holds(term: string, progress: Progress, contexts: Contexts): boolean {
  if (term === "always()") return true;
  if (term.endsWith("()")) return `${progress}()` === term;
  return lookUp(term, contexts) !== "";
}

/** @throws Error for an expression that is more than a path that is known here */
function lookUp(path: string, { env, values }: Contexts): string {
  const value = path.startsWith("env.") ? (env[path.slice("env.".length)] ?? "") : values[path];
  if (value === undefined) throw new Error(`no expression that is known here: ${path}`);
  return value;
}

/** A job, but for the words of one step. */
export function changed(job: Job, name: string, run: (run: string) => string): Job {
  const steps = job.steps.map((step) => (step.name === name ? { ...step, run: run(step.run!) } : step));
  return { ...job, steps };
}
