/**
 * A run of the tool that is to be killed at a chosen moment: `killee.mjs PID inject|recover OFFSET`. It loads
 * everything, prints "ready", acts at once on the next line of stdin, and prints "done" if it lives to.
 */
import { createInterface } from "node:readline";
import { inject, planInjection, recover } from "../../dist/index.js";

const [, , pid, action, offset] = process.argv;
const target = { pid: Number(pid), offset: BigInt(offset ?? 0) };
await planInjection(target);
process.stdout.write("ready\n");
createInterface({ input: process.stdin }).once("line", async () => {
  await (action === "inject" ? inject(target) : recover(target));
  process.stdout.write("done\n");
  process.exit();
});
