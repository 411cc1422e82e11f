/** doctor's checks: one line each, the remedy beneath. */
import type { ProcessSet } from "../../engine/set/process-set.ts";
import type { Check, DoctorResult } from "../../types.ts";
import type { Painter } from "../colour.ts";
import { escapeText } from "./escape.ts";
import { table } from "./table.ts";

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

const COLUMNS = [
  { title: "PID", right: true },
  { title: "COMMAND" },
  { title: "CAN BE SKEWED" },
  { title: "" },
];

/** The machine's checks, and for each process whether it can be skewed, and what is in the way; remedies once. */
export function doctorSetLines(
  { words }: Pick<ProcessSet, "words">,
  machine: DoctorResult,
  results: readonly DoctorResult[],
  { paint, width }: { paint: Painter; width: number | undefined },
): string[] {
  const fit = results.filter(({ checks }) => blocked(checks).length === 0).length;
  const count = `${fit} of ${results.length} processes can be skewed`;
  const rows = results.map(({ pid, command, checks }) => {
    const odd = oddChecks(checks);
    return [
      `${pid}`,
      command === undefined ? "-" : escapeText(command),
      blocked(checks).length > 0 ? "no" : odd.length > 0 ? "yes, but" : "yes",
      odd.map(({ name, detail }) => escapeText(`${name}: ${detail}`)).join("; "),
    ];
  });
  const remedies = new Set(
    results.flatMap(({ checks }) => oddChecks(checks).flatMap(({ remedy }) => remedy ?? [])),
  );
  return [
    ...doctorLines(machine, paint),
    "",
    paint.bold(words === undefined ? count : `${escapeText(words)}: ${count}`),
    ...table(COLUMNS, rows, paint, width),
    ...[...remedies].map((remedy) => `${paint.bold("→")} ${escapeText(remedy)}`),
  ];
}

/** What is in the way; if nothing is, what is to be known. */
function oddChecks(checks: readonly Check[]): Check[] {
  const inTheWay = blocked(checks);
  return inTheWay.length > 0 ? inTheWay : checks.filter(({ verdict }) => verdict === "warning");
}

export function blocked(checks: readonly Check[]): Check[] {
  return checks.filter(({ verdict }) => verdict === "blocked");
}
