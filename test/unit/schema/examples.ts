/** The examples of schema/README.md: a command line, and what it printed. */
import { readFileSync } from "node:fs";

const README = new URL("../../../schema/README.md", import.meta.url);

export interface Example {
  /** As it was typed. */
  readonly line: string;
  readonly report: unknown;
}

/** Each indented `timeskew …` line that a block of JSON follows. */
export function examples(): Example[] {
  const text = readFileSync(README, "utf8");
  return [...text.matchAll(/^ {4}(?:sudo )?(timeskew [^\n]*)\n\n```json\n(.*?)^```$/gms)].map(
    ([, line, json]) => ({
      line: line!,
      report: JSON.parse(json!),
    }),
  );
}
