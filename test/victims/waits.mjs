/** A Node victim: waits in every way it knows, a second each, all at the same time. Protocol: test/README.md. */
import { readFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

const ASKED_MS = 1000;

function interval() {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      clearInterval(timer);
      resolve();
    }, ASKED_MS);
  });
}

function aborted() {
  return new Promise((resolve) => AbortSignal.timeout(ASKED_MS).addEventListener("abort", resolve));
}

const WAITS = {
  setTimeout: () => new Promise((resolve) => setTimeout(resolve, ASKED_MS)),
  setInterval: interval,
  "timers/promises": () => sleep(ASKED_MS),
  "AbortSignal.timeout": aborted,
  "Atomics.waitAsync": () => Atomics.waitAsync(word(), 0, 0, ASKED_MS).value,
};

/** It blocks its thread, so it has one of its own. */
const BLOCKING = "Atomics.wait";

function word() {
  return new Int32Array(new SharedArrayBuffer(4));
}

/** Seconds since boot, which the kernel has written: no function that reads a clock is asked. */
function trueTime() {
  return Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
}

function say(answer) {
  writeSync(1, `${JSON.stringify(answer)}\n`);
}

async function measure(name, wait) {
  say({ began: name });
  const began = trueTime();
  await wait();
  say({ ended: name, seconds: trueTime() - began });
}

function beBlocked() {
  parentPort.on("message", () => measure(BLOCKING, () => Atomics.wait(word(), 0, 0, ASKED_MS)));
}

async function main() {
  const blocked = new Worker(fileURLToPath(import.meta.url));
  say({ waits: [...Object.keys(WAITS), BLOCKING] });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "wait") {
      blocked.postMessage(line);
      for (const [name, wait] of Object.entries(WAITS)) measure(name, wait);
    } else {
      say({ here: process.pid });
    }
  }
  process.exit();
}

if (isMainThread) await main();
else beBlocked();
