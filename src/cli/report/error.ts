/** An error as text for people and as JSON: what happened, how the target is left, what to do next. */
import type { TimeskewError } from "../../errors.ts";
import type { Painter } from "../colour.ts";
import type { World } from "../world.ts";
import { escapeText } from "./escape.ts";

/** Commands whose user wonders whether the target is still as it was. */
const CHANGING: ReadonlySet<string> = new Set(["inject", "recover"]);

const STATE_WORDS = {
  untouched: "nothing was changed",
  restored: "the target is as it was before",
  skewed: "the target is skewed",
  partial: "the target may be left changed",
} as const;

export function errorLines(
  error: TimeskewError,
  command: string,
  paint: Painter,
  world: Pick<World, "env">,
): string[] {
  const lines = [`timeskew: ${paint.red(escapeText(error.message))}`];
  // A wrong command line, or a command that only looks, obviously changed nothing.
  const obvious = error.targetState === "untouched" && (error.pid === undefined || !CHANGING.has(command));
  if (!obvious) lines.push(`  ${STATE_WORDS[error.targetState]}`);
  if (error.hint !== undefined) lines.push(`  hint: ${escapeText(error.hint)}`);
  if (world.env.TIMESKEW_DEBUG === "1") lines.push(...stackLines(error));
  return lines;
}

/** A report lists the errors of several targets with the targets. */
export function errorAsJson(error: TimeskewError): object {
  const { failures: _, ...json } = error.toJSON();
  return json;
}

function stackLines(error: Error): string[] {
  const stack = (error.stack ?? "").split("\n").map((line) => `  ${escapeText(line)}`);
  if (!(error.cause instanceof Error)) return stack;
  return [...stack, "  caused by:", ...stackLines(error.cause)];
}
