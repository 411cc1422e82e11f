/** doctor's checks: one line each, the remedy beneath. */
import type { Check, DoctorResult } from "../../types.ts";
import type { Painter } from "../colour.ts";
import { escapeText } from "./escape.ts";

export function doctorLines({ pid, checks }: DoctorResult, paint: Painter): string[] {
  const marks = {
    ok: `${paint.green("✔")} ok     `,
    warning: `${paint.yellow("!")} warning`,
    blocked: `${paint.red("✘")} blocked`,
  };
  const width = Math.max(0, ...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, verdict, detail, remedy }) => [
    `${marks[verdict]}  ${escapeText(name).padEnd(width)}  ${escapeText(detail)}`,
    ...(remedy === undefined ? [] : [`${" ".repeat(width + 13)}${paint.bold("→")} ${escapeText(remedy)}`]),
  ]);
  return pid === undefined ? lines : [paint.bold(`pid ${pid}`), ...lines];
}

export function blocked(checks: readonly Check[]): Check[] {
  return checks.filter(({ verdict }) => verdict === "blocked");
}
