/** What is told of a set that is followed: who came, who was started, who could not be skewed. */
import type { FollowNews } from "../../engine/follow.ts";
import type { Painter } from "../colour.ts";
import { errorAsJson } from "./error.ts";
import { escapeText } from "./escape.ts";

/** What has happened so far. */
export interface Annals {
  /** Programs that followed processes have become. */
  readonly programs: number;
  /** Processes that came from outside. */
  readonly newcomers: number;
  readonly failures: readonly (FollowNews & { kind: "failed" })[];
}

/** "timeskew: not skewed: pid 77 (date) has no vDSO" */
export function failureLine({ error }: FollowNews & { kind: "failed" }): string {
  const state = error.targetState === "skewed" ? "skewed, but for some waits" : "not skewed";
  return `timeskew: ${state}: ${escapeText(error.message)}`;
}

/** "37 programs were started, 3 processes came; 2 run with the true time" */
export function annalsWords({ programs, newcomers, failures }: Annals): string {
  const left = failures.filter(({ error }) => error.targetState !== "skewed").length;
  const started = `${counted(programs, "program was", "programs were")} started`;
  const came = newcomers === 0 ? "" : `, ${counted(newcomers, "process", "processes")} came`;
  return `${started}${came}${left === 0 ? "" : `; ${counted(left, "has", "have")} the true time`}`;
}

/** Beneath the clock of a set, while it is followed. */
export function followLine(
  { words, count, annals, hint }: { words: string; count: number; annals: Annals; hint: string },
  paint: Painter,
): string {
  const size =
    count === 0 ? "nobody is there, newcomers are waited for" : counted(count, "process", "processes");
  return `${escapeText(words)}: ${size}; ${annalsWords(annals)}  ${paint.dim(hint)}`;
}

export function annalsAsJson({ programs, newcomers, failures }: Annals): object {
  return {
    programs,
    newcomers,
    failures: failures.map(({ pid, command, how, error }) => ({
      pid,
      command,
      how,
      error: errorAsJson(error),
    })),
  };
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
