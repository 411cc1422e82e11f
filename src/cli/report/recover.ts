/** What recover has to say about one target. */
import type { RecoverResult, Skew } from "../../types.ts";
import type { Painter } from "../colour.ts";
import { stopped } from "./inject.ts";
import { doingWords, formatSpan } from "./profile.ts";
import { targetName } from "./skew.ts";

export function recoverLines(result: RecoverResult, paint: Painter): string[] {
  const name = paint.bold(targetName(result));
  if (result.action === "nothing") return [`${name} was not skewed: nothing to do`];
  if (result.action === "gliding") return glidingLines(result, name);
  const what =
    result.action === "recovered"
      ? recoveredWords(result.skew)
      : "reads the true time; what an earlier run left in it was removed";
  return [
    `${paint.green("✔")} ${name} ${what}`,
    paint.dim(`  ${stopped(result)}`),
    ...lingeringLines(result),
  ];
}

function recoveredWords(skew: Skew | undefined): string {
  if (skew?.profile?.phase === "ended") return "reads the true time: its skew is over";
  return `reads the true time again${skew === undefined ? "" : ` (was ${doingWords(skew)})`}`;
}

function glidingLines({ skew }: RecoverResult, name: string): string[] {
  const next = skew?.profile?.next;
  const arrival = next === undefined ? "" : `, and arrives there in ${formatSpan(next.in)}`;
  return [
    `${name} glides to the true time${arrival}${skew === undefined ? "" : ` (is ${doingWords(skew)})`}`,
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
