/**
 * A tool that carries out one plan over and over, to be killed at some moment: `planner.mjs PID PLAN`, the plan as src/tracer/encode.ts
 * packs it. Prints "ready" when it begins.
 */
import { constants, openSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const [, , pid, file] = process.argv;
const koffi = createRequire(import.meta.url)("koffi");
const helper = koffi.load(fileURLToPath(new URL("../../native/build/timeskew-x86_64.so", import.meta.url)));
const run = helper.func(
  "int ts_run(const uint8_t *plan, uint64_t size, uint8_t *output, uint64_t output_size, uint8_t *report)",
);
const plan = readFileSync(file);
plan.writeInt32LE(openSync(`/proc/${pid}`, constants.O_RDONLY | constants.O_DIRECTORY), 12); // ts_plan.proc
process.stdout.write("ready\n");
for (;;) run(plan, plan.length, Buffer.alloc(4096), 4096, Buffer.alloc(64));
