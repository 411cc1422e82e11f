/** The leak check as a command; leaks.mjs bundles and starts it. */
import { parseArgs } from "node:util";
import { leaks, type Outcome } from "./leaks.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string" },
    only: { type: "string", multiple: true },
    json: { type: "boolean" },
  },
});
const rounds = Number(values.rounds ?? 1000);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`not a number: ${values.rounds}`);

function line({ name, skipped, grown, faults }: Outcome): string {
  const words = Object.entries(grown).map(([key, by]) => `${key} ${by}`);
  const verdict = skipped ? `skipped: ${skipped}` : faults.length > 0 ? `LEAKS: ${faults.join("; ")}` : "ok";
  return `${name.padEnd(34)} ${words.join(", ").padEnd(84)} ${verdict}`;
}

const outcomes = await leaks(rounds, {
  only: values.only,
  ...(values.json ? {} : { done: (outcome: Outcome) => console.log(line(outcome)) }),
});
if (values.json) console.log(JSON.stringify(outcomes));
process.exitCode = outcomes.some(({ faults }) => faults.length > 0) ? 1 : 0;
