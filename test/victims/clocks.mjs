/** A Node victim: answers each line on stdin with its wall clock (to the ms) and its monotonic clock, in ns. */
import { createInterface } from "node:readline";

console.log(JSON.stringify({ pid: process.pid }));
for await (const _ of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify({ wall: `${Date.now()}000000`, monotonic: String(process.hrtime.bigint()) }));
}
