/**
 * A program that uses the library, as built: `library-user.mjs PID turns|stay [SETTINGS as JSON]`.
 *
 *     turns    skews and recovers it ten times; prints how often it found the skew that it had made
 *     stay     skews it, prints the skew's id, and stays until it is killed
 *
 * As a worker thread it does the same, with workerData for arguments; a PID of 0 is a child that it starts itself.
 */
import { spawn } from "node:child_process";
import { isMainThread, workerData } from "node:worker_threads";
import { inject, status } from "../../dist/index.js";

const TURNS = 10;
const [given, does, settings] = isMainThread ? process.argv.slice(2) : workerData;
const child = Number(given) === 0 ? spawn("sleep", ["1000"]) : undefined;
const pid = child ?? Number(given);
let ended = false;
child?.once("exit", () => {
  ended = true;
});

const skewIt = () => inject({ pid, offset: "-10m", stopTimeoutMs: 20_000, ...JSON.parse(settings ?? "{}") });

async function takeTurns() {
  let own = 0;
  for (let turn = 0; turn < TURNS; turn++) {
    const skew = await skewIt();
    const { rows } = await status({ pid });
    if (rows[0]?.skew?.id === skew.id) own++;
    await skew.recover();
  }
  if (ended) throw new Error("its stops were taken for its end");
  return own;
}

if (does === "stay") {
  const { id } = await skewIt();
  process.stdout.write(`${id}\n`);
  setInterval(() => {}, 1000);
} else {
  try {
    process.stdout.write(`${await takeTurns()}\n`);
  } finally {
    child?.kill();
  }
}
