/**
 * A run of the tool that is to be killed at some moment: `killee.mjs PID inject|recover OFFSET [DURATION]`. It loads
 * everything, prints "ready", acts at once on the next line of stdin, and prints how long that took, in ms, if it lives to.
 */
import { createInterface } from "node:readline";
import { doctor, inject, recover } from "../../dist/engine.js";

const [, , pid, action, offset, duration] = process.argv;
const target = { pid: Number(pid), offset: BigInt(offset ?? 0), duration };
await doctor(); // loads helper and payload, and looks at our own vDSO
process.stdout.write("ready\n");
createInterface({ input: process.stdin }).once("line", async () => {
  const start = performance.now();
  const { pauseNs } = await (action === "inject" ? inject(target) : recover({ pid: target.pid }));
  const took = performance.now() - start;
  process.stdout.write(`${JSON.stringify({ took, pause: Number(pauseNs) / 1e6 })}\n`);
  process.exit();
});
