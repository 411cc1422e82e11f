/**
 * Runs in a guest: `node suite.mjs CELL…`, for victims of the machine that TIMESKEW_VICTIMS names. Prints each cell as a
 * line of JSON. One process for all: to start Node takes seconds there.
 */
import { TimeskewError } from "../../../src/errors.ts";
import { VICTIM_MACHINE } from "../../support/build.ts";
import { CELL, type Cell, type CellName } from "../cells.ts";
import { Refusal } from "./cli.ts";
import { starts } from "./starts.ts";
import type { Trial } from "./trial.ts";
import { hammers, injects, profiles, recovers, survives } from "./trials.ts";
import { byUser } from "./user.ts";
import { waits } from "./waits.ts";

const TRIALS: Readonly<Record<CellName, Trial>> = {
  inject: injects,
  recover: recovers,
  hammer: hammers,
  kill: survives,
  waits,
  profiles,
  user: byUser,
  run: starts,
};

/** More would not help who reads it. */
const MOST_WORDS = 900;

async function judged(trial: Trial): Promise<Pick<Cell, "state" | "code" | "words">> {
  try {
    const complaints = await trial();
    return { state: complaints.length === 0 ? "green" : "red", words: complaints.join("; ") };
  } catch (error) {
    if (error instanceof Refusal) return { state: "refused", code: error.code, words: error.message };
    const hint = error instanceof TimeskewError ? `${error.code} (${error.targetState}): ` : "";
    return {
      state: "red",
      words: `${hint}${(error as Error).message} ${(error as Error).cause ?? ""}`.trim(),
    };
  }
}

for (const name of process.argv.slice(2) as CellName[]) {
  console.log(`${VICTIM_MACHINE} ${name} begins`);
  const begin = performance.now();
  const { words, ...result } = await judged(TRIALS[name]);
  const seconds = Math.round((performance.now() - begin) / 100) / 10;
  const cell: Cell = {
    machine: VICTIM_MACHINE,
    cell: name,
    ...result,
    words: words.slice(0, MOST_WORDS),
    seconds,
  };
  console.log(`${CELL}${JSON.stringify(cell)}`);
}
process.exit();
