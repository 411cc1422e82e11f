/** What recover has to say about one target. */
import type { RecoverResult } from "../../types.ts";
import type { Painter } from "../colour.ts";
import { stopped } from "./inject.ts";
import { skewWords, targetName } from "./skew.ts";

export function recoverLines(result: RecoverResult, paint: Painter): string[] {
  const name = paint.bold(targetName(result));
  if (result.action === "nothing") return [`${name} was not skewed: nothing to do`];
  const was = result.skew === undefined ? "" : ` (was ${skewWords(result.skew.offset)})`;
  const what =
    result.action === "recovered"
      ? `reads the true time again${was}`
      : "reads the true time; what an earlier run left in it was removed";
  return [
    `${paint.green("✔")} ${name} ${what}`,
    paint.dim(`  ${stopped(result)}`),
    ...lingeringLines(result),
  ];
}

function lingeringLines({ state, lingeringThreads, waitingThreads, pid }: RecoverResult): string[] {
  if (state !== "lingering") return [];
  const who = lingeringThreads === 1 ? "1 thread" : `${lingeringThreads} threads`;
  const why =
    waitingThreads === lingeringThreads
      ? `${who} sleep${lingeringThreads === 1 ? "s" : ""} on in a wait that was translated;`
      : `${who} may still be inside them;`;
  return [
    `  timeskew's pages stay in it, unused, because ${why}`,
    `  \`timeskew recover --pid ${pid}\` removes them later`,
  ];
}
